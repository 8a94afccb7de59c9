/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/properties.h"

#include <string.h>

/* Four characters in a number; what is not a printable character ends them. */
static void put_characters(uint32_t value, char ret[static 5])
{
        size_t len = 0;

        for (int shift = 24; shift >= 0; shift -= 8) {
                char character = (char) (value >> shift);

                if (character < ' ' || character > '~')
                        break;
                ret[len++] = character;
        }
        while (len > 0 && ret[len - 1] == ' ')
                len--;
        ret[len] = '\0';
}

bool tpm_properties_read(struct tpm_connection *connection, const char *tcti, struct tpm_status *status, struct base_error *error)
{
        tpm_auto_esys TPMS_CAPABILITY_DATA *data = NULL;
        uint32_t manufacturer = 0, vendor = 0, firmware_1 = 0, firmware_2 = 0;
        TPMI_YES_NO more;
        TSS2_RC rc;

        rc = Esys_GetCapability(connection->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                                TPM2_PT_MANUFACTURER, TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1, &more, &data);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "say who made it", error);
        for (uint32_t i = 0; i < data->data.tpmProperties.count; i++) {
                const TPMS_TAGGED_PROPERTY *property = &data->data.tpmProperties.tpmProperty[i];

                if (property->property == TPM2_PT_MANUFACTURER)
                        manufacturer = property->value;
                else if (property->property == TPM2_PT_VENDOR_STRING_1)
                        vendor = property->value;
                else if (property->property == TPM2_PT_FIRMWARE_VERSION_1)
                        firmware_1 = property->value;
                else if (property->property == TPM2_PT_FIRMWARE_VERSION_2)
                        firmware_2 = property->value;
        }
        put_characters(manufacturer, status->manufacturer);
        (void) snprintf(status->firmware, sizeof(status->firmware), "%u.%u.%u.%u", firmware_1 >> 16, firmware_1 & 0xffff,
                        firmware_2 >> 16, firmware_2 & 0xffff);
        /* libtpms and IBM's simulator have the vendor string "SW   TPM". A simulator can lie; one that is used as such does not.
         */
        status->simulated = vendor >> 16 == (('S' << 8) | 'W') || strncmp(tcti, "swtpm", 5) == 0 ||
                            strncmp(tcti, "mssim", 5) == 0;
        return true;
}
