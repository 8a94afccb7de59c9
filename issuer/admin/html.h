/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing HTML into a buffer. Markup is put as literals; whatever else there is goes through admin_html_put_text(), which is
 * the only escape. Used by attester-issuer's admin page; may be included by issuer/admin/.
 */
#pragma once

#include "base/buffer.h"

/* A literal, so that no text gets here by mistake. */
#define admin_html_put(to, literal) base_buffer_put_string(to, "" literal)

/*
 * Text, for between tags or within a quoted attribute's value. What is not UTF-8, control characters, and those that change
 * the direction of the text around them become U+FFFD.
 */
void admin_html_put_text(struct base_buffer *to, const char *text);

/* As text, an error's message for a person: with a capital letter and a full stop, which messages do not have. */
void admin_html_put_sentence(struct base_buffer *to, const char *message);

/* A value in a query: everything but letters, digits, '-', '_' and '.' is percent-encoded, so that it needs no escape. */
void admin_html_put_query(struct base_buffer *to, const char *text);

/* "12,345" */
void admin_html_put_number(struct base_buffer *to, uint64_t number);

/* A <time> element, to the minute, UTC; "never" for 0. */
void admin_html_put_time(struct base_buffer *to, uint64_t seconds);

/* "2026-11-29", UTC. */
void admin_html_put_date(struct base_buffer *to, uint64_t seconds);

/* "Nov 29", UTC. */
void admin_html_put_month_day(struct base_buffer *to, uint64_t seconds);

/* A length of time in its largest unit, as in "3 days". */
void admin_html_put_duration(struct base_buffer *to, uint64_t seconds);

void admin_html_put_hex(struct base_buffer *to, struct base_bytes bytes);
