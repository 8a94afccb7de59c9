/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of HTTP authentication fields: a list of challenges, or credentials (RFC 9110, section 11). Private to
 * token/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Called in the order of the field. Bytes are valid until the function returns. Return false with `error` set to stop. */
struct token_auth_visitor {
        /* A challenge (or the credentials) of this scheme starts. A token68 behind it is checked and skipped. */
        bool (*scheme)(void *context, struct base_bytes name, struct base_error *error);
        /* A parameter of the challenge that started last; quotes and their escapes are taken off. */
        bool (*parameter)(void *context, struct base_bytes name, struct base_bytes value, struct base_error *error);
        void *context;
};

/* Errors: MALFORMED, LIMIT_EXCEEDED (see token/header.h), or what the visitor set. */
bool token_auth_parse(struct base_bytes field, const struct token_auth_visitor *visitor,
                      struct base_error *error) BASE_MUST_CHECK;

/* Whether `name` is the ASCII string, without regard to case. */
bool token_auth_name_is(struct base_bytes name, const char *string) BASE_MUST_CHECK;
