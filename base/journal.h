/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's journal: an entry with fields, where a program's output is connected to it. Used by base/log.c and by the servers,
 * whose logs are lines of JSON elsewhere; may be included by every folder.
 */
#pragma once

#include "base/event.h"

#include <stdbool.h>
#include <stddef.h>

#define BASE_JOURNAL_VALUE_BYTES_MAX 320 /* of a field, with its name; what is longer is cut */
#define BASE_JOURNAL_FIELDS_MAX      40  /* of an entry; more are left out */

/*
 * Whether `fd` is the stream to the journal that the service manager opened: JOURNAL_STREAM (systemd.exec(5)) names its device
 * and inode. It may have been redirected since.
 */
bool base_journal_is_stream(int fd);

/*
 * Sends one entry: MESSAGE, PRIORITY, MESSAGE_ID if the event has one, and `fields`. The message and every value are made
 * printable first. What cannot be sent is lost. From any thread. Source: systemd.journal-fields(7), sd_journal_sendv(3).
 */
void base_journal_send(enum base_log_level level, enum base_event event, const char *message,
                       const struct base_event_field *fields, size_t count);

/*
 * Copies `text` to `to` so that it is one line of UTF-8 whoever wrote it: control characters, line separators and bytes that are
 * no UTF-8 become \xNN. Cut to fit `size` (at least 1), never within a character or an escape.
 */
void base_journal_printable(const char *text, char *to, size_t size);
