/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/journal.h"
#include "issuer/json.h"

#include "base/journal.h"

#include <time.h>

#define LINE_BYTES_MAX 4096

static void send_to_journal(const struct gate_event *event, struct base_buffer *line)
{
        const struct base_event_field fields[] = {
                { BASE_EVENT_FIELD_OUTCOME, event->outcome },
                { BASE_EVENT_FIELD_ORIGIN, event->origin },
        };
        const char *text = base_buffer_c_string(line);

        if (text != NULL)
                base_journal_send(base_event_level(event->id), event->id, text, fields, BASE_COUNT(fields));
}

void gate_journal_write(const struct base_clock *clock, const struct gate_event *event)
{
        base_auto_buffer struct base_buffer line = BASE_BUFFER_INIT(LINE_BYTES_MAX);
        time_t now = (time_t) clock->wall_seconds(clock->context);
        char when[32] = "";
        struct tm broken_down;

        if (gmtime_r(&now, &broken_down) != NULL)
                (void) strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &broken_down);
        base_buffer_put_string(&line, "{");
        issuer_json_put_member_string(&line, "time", when);
        issuer_json_put_member_string(&line, "event", event->event);
        issuer_json_put_member_string(&line, "outcome", event->outcome);
        if (event->origin != NULL)
                issuer_json_put_member_string(&line, "origin", event->origin);
        if (event->detail != NULL && event->detail[0] != '\0')
                issuer_json_put_member_string(&line, "detail", event->detail);
        if (event->elapsed_us != 0)
                issuer_json_put_member_unsigned(&line, "elapsed_us", event->elapsed_us);
        base_buffer_put_u8(&line, '}');
        if (base_journal_is_stream(STDERR_FILENO)) {
                send_to_journal(event, &line);
                return;
        }
        base_buffer_put_u8(&line, '\n');
        /* One write, so that lines of several threads do not mix. */
        if (base_buffer_ok(&line) && write(STDERR_FILENO, line.data, line.len) < 0)
                return;
}
