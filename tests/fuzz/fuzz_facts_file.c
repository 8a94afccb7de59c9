/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of facts and cases; what it reads is written and read again as the same facts. */
#include "policy/facts_file.h"

#include <string.h>

static void check_same(const struct policy_facts *a, const struct policy_facts *b)
{
        if (a->count != b->count)
                abort();
        for (size_t i = 0; i < a->count; i++) {
                const struct policy_fact *one = &a->items[i], *other = &b->items[i];

                if (strcmp(one->name, other->name) != 0 || one->type != other->type || one->provenance != other->provenance ||
                    one->boolean != other->boolean || one->integer != other->integer ||
                    (one->text == NULL) != (other->text == NULL) || (one->text != NULL && strcmp(one->text, other->text) != 0))
                        abort();
        }
}

static void write_and_read(const struct policy_facts_section *section)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(1024 * 1024);
        policy_auto_facts_file struct policy_facts_file *again = NULL;
        struct base_error error;

        policy_facts_file_write("again", &section->facts, &text);
        if (!base_buffer_ok(&text) || !policy_facts_file_parse("again", base_buffer_bytes(&text), NULL, &again, &error) ||
            again->count != 1)
                abort();
        check_same(&section->facts, &again->sections[0].facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct policy_diagnostics diagnostics;
        policy_auto_facts_file struct policy_facts_file *file = NULL;
        struct base_error error = BASE_ERROR_INIT;
        char line[BASE_ERROR_TEXT_MAX];

        diagnostics.count = 0;
        diagnostics.dropped = 0;
        if (!policy_facts_file_parse("input", BASE_BYTES(data, size), &diagnostics, &file, &error)) {
                if (diagnostics.count == 0 || error.code == BASE_ERROR_NONE)
                        abort();
                for (size_t i = 0; i < diagnostics.count; i++) {
                        policy_diagnostic_print(&diagnostics.items[i], line, sizeof(line));
                        if (!policy_text_valid(line) || line[0] == '\0')
                                abort();
                }
                return 0;
        }
        for (size_t i = 0; i < file->count; i++)
                write_and_read(&file->sections[i]);
        return 0;
}
