/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Server names: a host and an optional port (RFC 9577, section 2.1). Private to token/.
 */
#pragma once

#include "base/buffer.h"

/*
 * Splits and checks a name; see token_server_name_valid() for what is one. `ret_host` points into `name` and keeps the
 * brackets of an IPv6 address; `ret_port` is 443 if the name has none.
 */
bool token_server_name_parse(struct base_bytes name, struct base_bytes *ret_host, uint16_t *ret_port) BASE_MUST_CHECK;
