/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logging for programs: to the journal with structured fields when stderr is connected to it, otherwise one line a
 * message to stderr. Only main programs and their top-level objects log; layers below return errors. Never log a
 * token, a key, an origin or a user's name. Whatever a message holds, it is one printable line.
 */
#pragma once

#include "base/error.h"
#include "base/event.h"

/* The least urgent level that is written; NOTICE until set. Call before the first message. */
void base_log_set_level(enum base_log_level level);

/* Parses "error", "warning", "notice", "info" or "debug". */
bool base_log_level_from_string(const char *name, enum base_log_level *ret) BASE_MUST_CHECK;

void base_log(enum base_log_level level, const char *format, ...) BASE_PRINTF(2, 3);

/* "context: message (detail)", with the error's name as journal field ATTESTERD_ERROR. */
void base_log_error(enum base_log_level level, const struct base_error *error, const char *format, ...) BASE_PRINTF(3, 4);

/*
 * An entry with the event's MESSAGE_ID and level, and `fields`: the first `count` of an array, whose values are borrowed. With
 * `error` (NULL: none) its text follows the context and its name is a field, as in base_log_error().
 */
void base_log_event(enum base_event event, const struct base_event_field *fields, size_t count, const struct base_error *error,
                    const char *format, ...) BASE_PRINTF(5, 6);

/* `fields` and `count` of the call above, written out: BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, name }). */
#define BASE_LOG_FIELDS(...)                                                                                                     \
        ((const struct base_event_field[]){ __VA_ARGS__ }),                                                                      \
                (sizeof((const struct base_event_field[]){ __VA_ARGS__ }) / sizeof(struct base_event_field))
#define BASE_LOG_NO_FIELDS NULL, 0
