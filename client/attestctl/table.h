/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people: aligned columns and colours, without letting a text from elsewhere control the terminal. Runs in
 * attestctl; may be included by client/attestctl only.
 */
#pragma once

#include "base/buffer.h"

#define ATTESTCTL_COLUMNS_MAX 5

enum attestctl_color {
        ATTESTCTL_PLAIN,
        ATTESTCTL_GOOD,
        ATTESTCTL_BAD,
        ATTESTCTL_WARN,
        ATTESTCTL_HEADING,
};

/* Writes `text` with control characters replaced by '?', in `color` if `enabled`. */
void attestctl_print(FILE *to, bool enabled, enum attestctl_color color, const char *text);

/*
 * The same, with line breaks between words where `to` is a terminal, so that no line passes its right edge; lines after the first
 * have `indent` blanks before them, as wide as what stands before the text already. Words that are too long stay whole.
 */
void attestctl_print_wrapped(FILE *to, bool enabled, enum attestctl_color color, size_t indent, const char *text);

struct attestctl_cell {
        char *text;
        enum attestctl_color color;
};

struct attestctl_table {
        struct attestctl_cell *cells; /* row by row */
        size_t columns;
        size_t count; /* of cells */
        size_t capacity;
        int indent;  /* blanks before each row */
        bool failed; /* out of memory: the table is printed as far as it goes */
};

/* `columns` is at most ATTESTCTL_COLUMNS_MAX. */
void attestctl_table_init(struct attestctl_table *table, size_t columns);
void attestctl_table_clear(struct attestctl_table *table);
#define attestctl_auto_table BASE_CLEANUP(attestctl_table_clear)

/* Adds the next cell, left to right and then down. */
void attestctl_table_add(struct attestctl_table *table, enum attestctl_color color, const char *text);

/* Adds a row of two cells, the first of them a heading. */
void attestctl_table_add_labelled(struct attestctl_table *table, const char *label, enum attestctl_color color, const char *text);

/* Writes the rows with aligned columns; the last column is not padded, and wrapped on a terminal. */
void attestctl_table_print(const struct attestctl_table *table, FILE *to, bool color);
