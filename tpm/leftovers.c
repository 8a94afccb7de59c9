/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/leftovers.h"

#include <string.h>

/* TPM_HANDLE: part 2, section 7.5; tss2's own constants shift into the sign bit. */
#define LOADED_SESSION_FIRST 0x02000000u
#define TRANSIENT_FIRST      0x80000000u

bool tpm_leftovers_are_ours(const char *tcti)
{
        static const char raw_device[] = "device:/dev/tpm";

        if (strncmp(tcti, "swtpm", 5) == 0 || strncmp(tcti, "mssim", 5) == 0)
                return true;
        return strncmp(tcti, raw_device, sizeof(raw_device) - 1) == 0 && tcti[sizeof(raw_device) - 1] >= '0' &&
               tcti[sizeof(raw_device) - 1] <= '9';
}

static TSS2_RC flush(struct tpm_connection *connection, TPM2_HANDLE handle)
{
        ESYS_TR object;
        TSS2_RC rc;

        rc = Esys_TR_FromTPMPublic(connection->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &object);
        return rc == TSS2_RC_SUCCESS ? Esys_FlushContext(connection->esys, object) : rc;
}

static bool flush_from(struct tpm_connection *connection, TPM2_HANDLE first, struct base_error *error)
{
        tpm_auto_esys TPMS_CAPABILITY_DATA *data = NULL;
        TPMI_YES_NO more;
        TSS2_RC rc;

        rc = Esys_GetCapability(connection->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                TPM_LEFTOVERS_MAX, &more, &data);
        for (uint32_t i = 0; rc == TSS2_RC_SUCCESS && i < data->data.handles.count; i++)
                rc = flush(connection, data->data.handles.handle[i]);
        return rc == TSS2_RC_SUCCESS ||
               tpm_connection_fail(connection, rc, "free the slots that a lost connection left in use", error);
}

bool tpm_leftovers_flush(struct tpm_connection *connection, struct base_error *error)
{
        return flush_from(connection, TRANSIENT_FIRST, error) && flush_from(connection, LOADED_SESSION_FIRST, error);
}
