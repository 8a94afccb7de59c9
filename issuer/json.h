/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing small JSON texts (RFC 8259) into a buffer. Used by attester-issuer and attester-gate; may be included by issuer/.
 */
#pragma once

#include "base/buffer.h"

/* Appends a quoted string. Control characters (C0, DEL, C1) are escaped; bytes that are not UTF-8 become U+FFFD. NULL is written
 * as null. */
void issuer_json_put_string(struct base_buffer *to, const char *text);

/* Appends `"name":`, with a comma before it unless the last byte of `to` is '{' or '['. */
void issuer_json_put_name(struct base_buffer *to, const char *name);

/* issuer_json_put_name(), then the value. */
void issuer_json_put_member_string(struct base_buffer *to, const char *name, const char *value);
void issuer_json_put_member_unsigned(struct base_buffer *to, const char *name, uint64_t value);
