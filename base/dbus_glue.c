/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/dbus_glue.h"

#include <fcntl.h>
#include <sys/epoll.h>

struct base_dbus_glue {
        sd_event *event;
        DBusConnection *connection;
        sd_event_source *dispatch;
};

static void source_free(void *data)
{
        sd_event_source *source = data;

        (void) sd_event_source_disable_unref(source);
}

static uint32_t watch_events(DBusWatch *watch)
{
        unsigned flags = dbus_watch_get_flags(watch);

        return ((flags & DBUS_WATCH_READABLE) != 0 ? EPOLLIN : 0u) | ((flags & DBUS_WATCH_WRITABLE) != 0 ? EPOLLOUT : 0u);
}

static int on_watch(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        DBusWatch *watch = userdata;
        unsigned flags = 0;

        (void) source;
        (void) fd;
        if ((revents & EPOLLIN) != 0)
                flags |= DBUS_WATCH_READABLE;
        if ((revents & EPOLLOUT) != 0)
                flags |= DBUS_WATCH_WRITABLE;
        if ((revents & EPOLLERR) != 0)
                flags |= DBUS_WATCH_ERROR;
        if ((revents & EPOLLHUP) != 0)
                flags |= DBUS_WATCH_HANGUP;
        (void) dbus_watch_handle(watch, flags);
        return 0;
}

/* libdbus watches one socket twice, once a direction, which epoll does not take: each watch has a duplicate. */
static dbus_bool_t watch_add(DBusWatch *watch, void *data)
{
        struct base_dbus_glue *glue = data;
        sd_event_source *source = NULL;
        int fd = fcntl(dbus_watch_get_unix_fd(watch), F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return FALSE;
        if (sd_event_add_io(glue->event, &source, fd, watch_events(watch), on_watch, watch) < 0) {
                (void) close(fd);
                return FALSE;
        }
        (void) sd_event_source_set_io_fd_own(source, 1);
        (void) sd_event_source_set_enabled(source, dbus_watch_get_enabled(watch) ? SD_EVENT_ON : SD_EVENT_OFF);
        dbus_watch_set_data(watch, source, source_free);
        return TRUE;
}

static void watch_toggle(DBusWatch *watch, void *data)
{
        sd_event_source *source = dbus_watch_get_data(watch);

        (void) data;
        (void) sd_event_source_set_io_events(source, watch_events(watch));
        (void) sd_event_source_set_enabled(source, dbus_watch_get_enabled(watch) ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void watch_remove(DBusWatch *watch, void *data)
{
        (void) data;
        dbus_watch_set_data(watch, NULL, NULL);
}

static void timeout_arm(sd_event_source *source, DBusTimeout *timeout)
{
        (void) sd_event_source_set_time_relative(source, (uint64_t) dbus_timeout_get_interval(timeout) * 1000);
        (void) sd_event_source_set_enabled(source, dbus_timeout_get_enabled(timeout) ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        DBusTimeout *timeout = userdata;

        (void) usec;
        timeout_arm(source, timeout);
        (void) dbus_timeout_handle(timeout);
        return 0;
}

static dbus_bool_t timeout_add(DBusTimeout *timeout, void *data)
{
        struct base_dbus_glue *glue = data;
        sd_event_source *source = NULL;

        if (sd_event_add_time_relative(glue->event, &source, CLOCK_MONOTONIC, 0, 0, on_timeout, timeout) < 0)
                return FALSE;
        timeout_arm(source, timeout);
        dbus_timeout_set_data(timeout, source, source_free);
        return TRUE;
}

static void timeout_toggle(DBusTimeout *timeout, void *data)
{
        (void) data;
        timeout_arm(dbus_timeout_get_data(timeout), timeout);
}

static void timeout_remove(DBusTimeout *timeout, void *data)
{
        (void) data;
        dbus_timeout_set_data(timeout, NULL, NULL);
}

static void on_dispatch_status(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        struct base_dbus_glue *glue = data;

        (void) connection;
        (void) sd_event_source_set_enabled(glue->dispatch, status == DBUS_DISPATCH_COMPLETE ? SD_EVENT_OFF : SD_EVENT_ON);
}

static int on_dispatch(sd_event_source *source, void *userdata)
{
        struct base_dbus_glue *glue = userdata;

        (void) source;
        on_dispatch_status(glue->connection, dbus_connection_dispatch(glue->connection), glue);
        return 0;
}

bool base_dbus_glue_new(sd_event *event, DBusConnection *connection, struct base_dbus_glue **ret, struct base_error *error)
{
        struct base_dbus_glue *glue = calloc(1, sizeof(*glue));

        if (glue == NULL)
                return base_error_set_no_memory(error);
        glue->event = event;
        glue->connection = connection;
        /* What is under way goes on before more is taken in. */
        if (sd_event_add_defer(event, &glue->dispatch, on_dispatch, glue) < 0 ||
            sd_event_source_set_priority(glue->dispatch, SD_EVENT_PRIORITY_NORMAL + 1) < 0 ||
            !dbus_connection_set_watch_functions(connection, watch_add, watch_remove, watch_toggle, glue, NULL) ||
            !dbus_connection_set_timeout_functions(connection, timeout_add, timeout_remove, timeout_toggle, glue, NULL)) {
                base_dbus_glue_free(glue);
                return base_error_set_no_memory(error);
        }
        dbus_connection_set_dispatch_status_function(connection, on_dispatch_status, glue, NULL);
        (void) sd_event_source_set_enabled(glue->dispatch, SD_EVENT_ON);
        *ret = glue;
        return true;
}

void base_dbus_glue_free(struct base_dbus_glue *glue)
{
        if (glue == NULL)
                return;
        dbus_connection_set_dispatch_status_function(glue->connection, NULL, NULL, NULL);
        (void) dbus_connection_set_watch_functions(glue->connection, NULL, NULL, NULL, NULL, NULL);
        (void) dbus_connection_set_timeout_functions(glue->connection, NULL, NULL, NULL, NULL, NULL);
        (void) sd_event_source_disable_unref(glue->dispatch);
        free(glue);
}
