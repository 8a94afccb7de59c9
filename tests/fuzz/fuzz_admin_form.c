/* SPDX-License-Identifier: BSD-2-Clause */
/* A form or query as the admin page takes it; and what of it would be shown again. */
#include "issuer/admin/form.h"
#include "issuer/admin/html.h"

#include <string.h>

static void check_shown(const char *text)
{
        base_auto_buffer struct base_buffer shown = BASE_BUFFER_INIT(64 * 1024);

        admin_html_put_text(&shown, text);
        if (!base_buffer_ok(&shown))
                abort();
        for (size_t i = 0; i < shown.len; i++)
                if (strchr("<>\"'`", shown.data[i]) != NULL || shown.data[i] < 0x20)
                        abort();
        base_buffer_reset(&shown);
        admin_html_put_query(&shown, text);
        for (size_t i = 0; i < shown.len; i++)
                if (strchr("<>\"'`&=+ ", shown.data[i]) != NULL || shown.data[i] < 0x20 || shown.data[i] > 0x7e)
                        abort();
}

/* What was shown as a query is read as what it was. */
static void check_again(const char *value)
{
        base_auto_buffer struct base_buffer query = BASE_BUFFER_INIT(ADMIN_FORM_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct admin_form again;

        base_buffer_put_string(&query, "q=");
        admin_html_put_query(&query, value);
        if (!admin_form_parse(base_buffer_bytes(&query), &again, &error) || strcmp(admin_form_get(&again, "q"), value) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_error error = BASE_ERROR_INIT;
        struct admin_form form;
        char *text = malloc(size + 1);

        if (text == NULL)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (size <= 4096)
                check_shown(text);
        free(text);
        if (!admin_form_parse(BASE_BYTES(data, size), &form, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        if (form.count > ADMIN_FORM_FIELDS_MAX)
                abort();
        for (size_t i = 0; i < form.count; i++) {
                if (strlen(form.fields[i].name) > ADMIN_FORM_NAME_MAX || strlen(form.fields[i].value) > ADMIN_FORM_VALUE_MAX)
                        abort();
                check_shown(form.fields[i].value);
                check_again(form.fields[i].value);
        }
        return 0;
}
