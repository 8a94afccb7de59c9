/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/efi_variable.h"

#define ATTRIBUTES_LEN     4
#define NON_VOLATILE       0x01
#define BOOTSERVICE_ACCESS 0x02
#define RUNTIME_ACCESS     0x04

const char *posture_efi_variable_parse(struct base_bytes content, bool *ret)
{
        if (content.len != ATTRIBUTES_LEN + 1)
                return "the variable is not one byte long";
        if (content.data[0] != (BOOTSERVICE_ACCESS | RUNTIME_ACCESS) || content.data[1] != 0 || content.data[2] != 0 ||
            content.data[3] != 0)
                return (content.data[0] & NON_VOLATILE) != 0 ? "the variable is kept in flash, so it is not the firmware's own"
                                                             : "the variable's attributes are not those of the firmware's own";
        if (content.data[ATTRIBUTES_LEN] > 1)
                return "the variable is neither 0 nor 1";
        *ret = content.data[ATTRIBUTES_LEN] == 1;
        return NULL;
}
