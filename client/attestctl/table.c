/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/table.h"

#include "base/encode.h"

#include <string.h>
#include <sys/ioctl.h>

#define GAP            2
#define WRAP_WIDTH_MIN 24 /* less room for a text than this is none */

static const char *const color_codes[] = {
        [ATTESTCTL_PLAIN] = "",        [ATTESTCTL_GOOD] = "\033[32m",   [ATTESTCTL_BAD] = "\033[31m",
        [ATTESTCTL_WARN] = "\033[33m", [ATTESTCTL_HEADING] = "\033[1m",
};

void attestctl_print(FILE *to, bool enabled, enum attestctl_color color, const char *text)
{
        if (enabled && color != ATTESTCTL_PLAIN)
                (void) fputs(color_codes[color], to);
        for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++) {
                /* U+0080 to U+009F in UTF-8 are control characters too. */
                bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;

                (void) fputc(*p < 0x20 || *p == 0x7f || c1 ? '?' : *p, to);
                p += c1;
        }
        if (enabled && color != ATTESTCTL_PLAIN)
                (void) fputs("\033[0m", to);
}

/* 0: not a terminal, or one that does not tell. */
static size_t terminal_width(FILE *file)
{
        struct winsize size = { 0 };

        return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Bytes of `text` that go on a line of `width` columns: up to the last blank that fits, or to the first one, or all. */
static size_t line_len(const char *text, size_t width)
{
        size_t blank = 0, columns = 0;

        for (size_t i = 0; text[i] != '\0'; i++) {
                if (text[i] == ' ' && (columns <= width || blank == 0))
                        blank = i;
                columns += ((unsigned char) text[i] & 0xc0) != 0x80;
                if (columns > width && blank > 0)
                        return blank;
        }
        return strlen(text);
}

void attestctl_print_wrapped(FILE *to, bool enabled, enum attestctl_color color, size_t indent, const char *text)
{
        size_t width = terminal_width(to);

        while (width >= indent + WRAP_WIDTH_MIN) {
                size_t len = line_len(text, width - indent);
                base_auto_free char *line = strndup(text, len);

                if (line == NULL || text[len] == '\0')
                        break;
                attestctl_print(to, enabled, color, line);
                (void) fprintf(to, "\n%*s", (int) indent, "");
                text += len + 1;
        }
        attestctl_print(to, enabled, color, text);
}

void attestctl_table_init(struct attestctl_table *table, size_t columns)
{
        *table = (struct attestctl_table){ .columns = columns };
}

void attestctl_table_clear(struct attestctl_table *table)
{
        for (size_t i = 0; i < table->count; i++)
                free(table->cells[i].text);
        free(table->cells);
        attestctl_table_init(table, table->columns);
}

void attestctl_table_add(struct attestctl_table *table, enum attestctl_color color, const char *text)
{
        char *copy;

        if (table->failed)
                return;
        if (table->count == table->capacity) {
                size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
                struct attestctl_cell *cells = reallocarray(table->cells, capacity, sizeof(*cells));

                if (cells == NULL) {
                        table->failed = true;
                        return;
                }
                table->cells = cells;
                table->capacity = capacity;
        }
        copy = strdup(text);
        if (copy == NULL) {
                table->failed = true;
                return;
        }
        table->cells[table->count++] = (struct attestctl_cell){ .text = copy, .color = color };
}

void attestctl_table_add_labelled(struct attestctl_table *table, const char *label, enum attestctl_color color, const char *text)
{
        attestctl_table_add(table, ATTESTCTL_HEADING, label);
        attestctl_table_add(table, color, text);
}

void attestctl_table_print(const struct attestctl_table *table, FILE *to, bool color)
{
        size_t widths[ATTESTCTL_COLUMNS_MAX] = { 0 };

        for (size_t i = 0; i < table->count; i++) {
                size_t width = base_utf8_columns(table->cells[i].text);

                if (width > widths[i % table->columns])
                        widths[i % table->columns] = width;
        }
        for (size_t i = 0, at = 0; i < table->count; i++) {
                const struct attestctl_cell *cell = &table->cells[i];
                size_t column = i % table->columns;
                bool last = column + 1 == table->columns || i + 1 == table->count;

                if (column == 0)
                        at = (size_t) fprintf(to, "%*s", table->indent, "");
                if (last)
                        attestctl_print_wrapped(to, color, cell->color, at, cell->text);
                else
                        attestctl_print(to, color, cell->color, cell->text);
                if (last)
                        (void) fputc('\n', to);
                else
                        (void) fprintf(to, "%*s", (int) (widths[column] - base_utf8_columns(cell->text) + GAP), "");
                at += widths[column] + GAP;
        }
}
