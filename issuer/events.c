/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/events.h"

#include "issuer/json.h"

#include "base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

struct issuer_events {
        char *path; /* NULL: standard output */
        int fd;
        const struct base_clock *clock;
        pthread_mutex_t lock;
};

static bool open_file(const char *path, int *ret, struct base_error *error)
{
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

        if (fd < 0)
                return base_error_set_errno(error, errno, "cannot open the log file %s", path);
        *ret = fd;
        return true;
}

bool issuer_events_open(const char *path, const struct base_clock *clock, struct issuer_events **ret, struct base_error *error)
{
        issuer_auto_events struct issuer_events *events = calloc(1, sizeof(*events));

        if (events == NULL)
                return base_error_set_no_memory(error);
        events->fd = STDOUT_FILENO;
        events->clock = clock;
        (void) pthread_mutex_init(&events->lock, NULL);
        if (path != NULL) {
                if (!open_file(path, &events->fd, error))
                        return false;
                events->path = strdup(path);
                if (events->path == NULL)
                        return base_error_set_no_memory(error);
        }
        *ret = BASE_STEAL(events);
        return true;
}

void issuer_events_close(struct issuer_events *events)
{
        if (events == NULL)
                return;
        if (events->fd != STDOUT_FILENO)
                (void) close(events->fd);
        (void) pthread_mutex_destroy(&events->lock);
        free(events->path);
        free(events);
}

bool issuer_events_reopen(struct issuer_events *events, struct base_error *error)
{
        int fd = -1;

        if (events->path == NULL)
                return true;
        if (!open_file(events->path, &fd, error))
                return false;
        pthread_mutex_lock(&events->lock);
        (void) close(events->fd);
        events->fd = fd;
        pthread_mutex_unlock(&events->lock);
        return true;
}

static void put_time(struct base_buffer *line, const struct base_clock *clock)
{
        time_t now = (time_t) clock->wall_seconds(clock->context);
        struct tm utc;
        char text[32] = "";

        if (gmtime_r(&now, &utc) != NULL)
                (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        issuer_json_put_member_string(line, "time", text);
}

static void put_optional(struct base_buffer *line, const char *name, const char *value)
{
        if (value != NULL && value[0] != '\0')
                issuer_json_put_member_string(line, name, value);
}

/* `names` is changed. */
static size_t add_rules(char *names, struct base_event_field *fields, size_t count)
{
        char *rest = NULL;

        for (char *name = strtok_r(names, " ", &rest); name != NULL && count < BASE_JOURNAL_FIELDS_MAX;
             name = strtok_r(NULL, " ", &rest))
                fields[count++] = (struct base_event_field){ BASE_EVENT_FIELD_RULE, name };
        return count;
}

static void write_journal(const struct issuer_event *event, struct base_buffer *line)
{
        base_auto_free char *names = strdup(event->rule_names == NULL ? "" : event->rule_names);
        struct base_event_field fields[BASE_JOURNAL_FIELDS_MAX] = {
                { BASE_EVENT_FIELD_OUTCOME, event->outcome },
                { BASE_EVENT_FIELD_ERROR, event->reason },
                { BASE_EVENT_FIELD_DEVICE, event->device },
        };
        size_t count = names == NULL ? 3 : add_rules(names, fields, 3);
        const char *text = base_buffer_c_string(line);

        if (text != NULL)
                base_journal_send(base_event_level(event->id), event->id, text, fields, count);
}

static void put_line(struct base_buffer *line, const struct base_clock *clock, const struct issuer_event *event)
{
        base_buffer_put_u8(line, '{');
        put_time(line, clock);
        issuer_json_put_member_string(line, "event", event->event);
        issuer_json_put_member_string(line, "outcome", event->outcome);
        if (event->status != 0)
                issuer_json_put_member_unsigned(line, "status", event->status);
        put_optional(line, "reason", event->reason);
        put_optional(line, "detail", event->detail);
        put_optional(line, "device", event->device);
        put_optional(line, "who", event->who);
        if (event->rules != NULL && line->len + strlen(event->rules) + 64 < ISSUER_EVENT_BYTES_MAX) {
                issuer_json_put_name(line, "rules");
                base_buffer_put_string(line, event->rules);
        }
        issuer_json_put_member_unsigned(line, "elapsed_us", event->elapsed_us);
        base_buffer_put_u8(line, '}');
}

void issuer_events_send(const struct base_clock *clock, const struct issuer_event *event)
{
        base_auto_buffer struct base_buffer line = BASE_BUFFER_INIT(ISSUER_EVENT_BYTES_MAX);

        put_line(&line, clock, event);
        write_journal(event, &line);
}

void issuer_events_write(struct issuer_events *events, const struct issuer_event *event)
{
        base_auto_buffer struct base_buffer line = BASE_BUFFER_INIT(ISSUER_EVENT_BYTES_MAX);

        put_line(&line, events->clock, event);
        if (events->fd == STDOUT_FILENO && base_journal_is_stream(STDOUT_FILENO)) {
                write_journal(event, &line);
                return;
        }
        base_buffer_put_u8(&line, '\n');
        if (!base_buffer_ok(&line))
                return;
        pthread_mutex_lock(&events->lock);
        (void) !write(events->fd, line.data, line.len);
        pthread_mutex_unlock(&events->lock);
}
