/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of a query or of a form (application/x-www-form-urlencoded), strictly: few, short, UTF-8, no control character,
 * no name twice. Used by attester-issuer's admin page; may be included by issuer/admin/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define ADMIN_FORM_FIELDS_MAX 12
#define ADMIN_FORM_NAME_MAX   16  /* bytes */
#define ADMIN_FORM_VALUE_MAX  160 /* bytes, decoded */
#define ADMIN_FORM_BYTES_MAX  4096
#define ADMIN_FORM_MEDIA_TYPE "application/x-www-form-urlencoded"

struct admin_form {
        struct {
                char name[ADMIN_FORM_NAME_MAX + 1];
                char value[ADMIN_FORM_VALUE_MAX + 1];
        } fields[ADMIN_FORM_FIELDS_MAX];
        size_t count;
};

/*
 * Reads a form. Errors: MALFORMED (an escape that is none, bytes that are not UTF-8, a control character, a name twice),
 * LIMIT_EXCEEDED.
 */
bool admin_form_parse(struct base_bytes text, struct admin_form *ret, struct base_error *error) BASE_MUST_CHECK;

/* Adds a field that is decoded already. Errors: as above. */
bool admin_form_add(struct admin_form *form, const char *name, size_t name_len, const char *value, size_t value_len,
                    struct base_error *error) BASE_MUST_CHECK;

/* The value of a field; "" if there is none. Owned by the form. */
const char *admin_form_get(const struct admin_form *form, const char *name);
