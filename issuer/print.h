/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands of attester-issuer print alike. May be included by issuer/. */
#pragma once

#include <stdint.h>

/* Two spaces and the time in UTC, 20 characters wide, to standard output; "never" for 0. */
void issuer_print_time(uint64_t seconds);
