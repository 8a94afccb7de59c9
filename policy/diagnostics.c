/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/diagnostics.h"

#include "policy/text.h"

#include <stdarg.h>

void policy_diagnostics_add(struct policy_diagnostics *diagnostics, enum base_error_code code, const char *file, unsigned line,
                            unsigned column, const char *format, ...)
{
        struct policy_diagnostic *item = &diagnostics->items[diagnostics->count];
        char what[BASE_ERROR_TEXT_MAX];
        va_list arguments;

        if (diagnostics->count == POLICY_DIAGNOSTICS_MAX) {
                diagnostics->dropped++;
                return;
        }
        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        item->code = code;
        item->line = line;
        item->column = column;
        policy_text_clean(item->file, sizeof(item->file), file);
        policy_text_clean(item->what, sizeof(item->what), what);
        diagnostics->count++;
}

void policy_diagnostic_print(const struct policy_diagnostic *diagnostic, char *ret, size_t ret_size)
{
        struct policy_sentence sentence = policy_sentence_over(ret, ret_size);

        if (diagnostic->line == 0)
                policy_sentence_printf(&sentence, "%s", diagnostic->what);
        else
                policy_sentence_printf(&sentence, "%s:%u:%u: %s", diagnostic->file, diagnostic->line, diagnostic->column,
                                       diagnostic->what);
        policy_sentence_finish(&sentence);
}

bool policy_diagnostics_first(const struct policy_diagnostics *diagnostics, struct base_error *error)
{
        char text[BASE_ERROR_TEXT_MAX];

        policy_diagnostic_print(&diagnostics->items[0], text, sizeof(text));
        return base_error_set(error, diagnostics->items[0].code, "%s", text);
}
