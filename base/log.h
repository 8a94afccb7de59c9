/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logging for programs: to the journal with structured fields when stderr is connected to it, otherwise one line a
 * message to stderr. Only main programs and their top-level objects log; layers below return errors. Never log a
 * token, a key, an origin or a user's name.
 */
#pragma once

#include "base/error.h"

enum base_log_level {
        BASE_LOG_ERROR = 3, /* syslog(3) priorities */
        BASE_LOG_WARNING = 4,
        BASE_LOG_NOTICE = 5,
        BASE_LOG_INFO = 6,
        BASE_LOG_DEBUG = 7,
};

/* The least urgent level that is written; NOTICE until set. Call before the first message. */
void base_log_set_level(enum base_log_level level);

/* Parses "error", "warning", "notice", "info" or "debug". */
bool base_log_level_from_string(const char *name, enum base_log_level *ret) BASE_MUST_CHECK;

void base_log(enum base_log_level level, const char *format, ...) BASE_PRINTF(2, 3);

/* "context: message (detail)", with the error's name as journal field ATTESTER_ERROR. */
void base_log_error(enum base_log_level level, const struct base_error *error, const char *format, ...) BASE_PRINTF(3, 4);
