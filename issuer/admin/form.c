/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/form.h"

#include "base/encode.h"

#include <string.h>

/* Whether a text is UTF-8 without control characters (C0, DEL, C1). `len` is what it must be long: no NUL is in it. */
static bool is_plain(const char *text, size_t len)
{
        size_t at = 0;

        while (at < len) {
                unsigned char first = (unsigned char) text[at];
                size_t sequence = first < 0x20 || first == 0x7F ? 0 : base_utf8_sequence_len(text + at);

                if (sequence == 0 || (first == 0xC2 && (unsigned char) text[at + 1] < 0xA0))
                        return false;
                at += sequence;
        }
        return at == len;
}

bool admin_form_add(struct admin_form *form, const char *name, size_t name_len, const char *value, size_t value_len,
                    struct base_error *error)
{
        char copy[ADMIN_FORM_NAME_MAX + 1] = "";

        if (form->count == ADMIN_FORM_FIELDS_MAX || name_len > ADMIN_FORM_NAME_MAX || value_len > ADMIN_FORM_VALUE_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "there are more than %d fields, or one is longer than %d bytes", ADMIN_FORM_FIELDS_MAX,
                                      ADMIN_FORM_VALUE_MAX);
        memcpy(copy, name, name_len);
        if (strlen(copy) != name_len || !is_plain(copy, name_len))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the name of a field is not plain text");
        for (size_t i = 0; i < form->count; i++)
                if (strcmp(form->fields[i].name, copy) == 0)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "there is a field twice");
        memcpy(form->fields[form->count].name, copy, sizeof(copy));
        if (value_len > 0)
                memcpy(form->fields[form->count].value, value, value_len);
        form->fields[form->count].value[value_len] = '\0';
        if (!is_plain(form->fields[form->count].value, value_len))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the value of the field %s is not plain text", copy);
        form->count++;
        return true;
}

static int hex_digit(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One name or value; what does not fit into `size` is too long, whatever follows. */
static bool decode(const uint8_t *text, size_t len, char *to, size_t size, size_t *ret_len, struct base_error *error)
{
        size_t count = 0;

        for (size_t i = 0; i < len; i++) {
                uint8_t c = text[i];

                if (c == '+') {
                        c = ' ';
                } else if (c == '%') {
                        int high = i + 2 < len ? hex_digit(text[i + 1]) : -1, low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return base_error_set(error, BASE_ERROR_MALFORMED, "a '%%' begins no escape");
                        c = (uint8_t) (high << 4 | low);
                        i += 2;
                }
                if (count == size)
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a field is longer than %d bytes",
                                              ADMIN_FORM_VALUE_MAX);
                to[count++] = (char) c;
        }
        *ret_len = count;
        return true;
}

static bool parse_field(const uint8_t *text, size_t len, struct admin_form *form, struct base_error *error)
{
        const uint8_t *equals = memchr(text, '=', len);
        size_t name_len = equals == NULL ? len : (size_t) (equals - text), value_len = 0;
        char name[ADMIN_FORM_NAME_MAX], value[ADMIN_FORM_VALUE_MAX];

        return decode(text, name_len, name, sizeof(name), &name_len, error) &&
               (equals == NULL ||
                decode(equals + 1, len - (size_t) (equals + 1 - text), value, sizeof(value), &value_len, error)) &&
               admin_form_add(form, name, name_len, value, value_len, error);
}

bool admin_form_parse(struct base_bytes text, struct admin_form *ret, struct base_error *error)
{
        struct admin_form form = { .count = 0 };
        size_t at = 0;

        if (text.len > ADMIN_FORM_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the form has more than %d bytes", ADMIN_FORM_BYTES_MAX);
        while (at < text.len) {
                const uint8_t *end = memchr(text.data + at, '&', text.len - at);
                size_t len = end == NULL ? text.len - at : (size_t) (end - (text.data + at));

                if (len > 0 && !parse_field(text.data + at, len, &form, error))
                        return false;
                at += len + 1;
        }
        *ret = form;
        return true;
}

const char *admin_form_get(const struct admin_form *form, const char *name)
{
        for (size_t i = 0; i < form->count; i++)
                if (strcmp(form->fields[i].name, name) == 0)
                        return form->fields[i].value;
        return "";
}
