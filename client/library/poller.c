/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/poller.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

/* What the watches that are enabled wait for. */
static uint32_t wanted_events(const struct client_poller *poller)
{
        uint32_t events = 0;

        for (size_t i = 0; i < CLIENT_POLLER_WATCHES_MAX; i++) {
                unsigned flags;

                if (poller->watches[i] == NULL || !dbus_watch_get_enabled(poller->watches[i]))
                        continue;
                flags = dbus_watch_get_flags(poller->watches[i]);
                events |= (flags & DBUS_WATCH_READABLE) != 0 ? (uint32_t) EPOLLIN : 0;
                events |= (flags & DBUS_WATCH_WRITABLE) != 0 ? (uint32_t) EPOLLOUT : 0;
        }
        return events;
}

/* Both watches of a connection share its socket, which epoll takes once; without an event it would still tell of a hang-up. */
static bool socket_update(struct client_poller *poller)
{
        struct epoll_event event = { .events = wanted_events(poller), .data.fd = poller->socket };

        if (event.events == 0)
                return epoll_ctl(poller->fd, EPOLL_CTL_DEL, poller->socket, NULL) == 0 || errno == ENOENT;
        return epoll_ctl(poller->fd, EPOLL_CTL_MOD, poller->socket, &event) == 0 ||
               (errno == ENOENT && epoll_ctl(poller->fd, EPOLL_CTL_ADD, poller->socket, &event) == 0);
}

static dbus_bool_t watch_add(DBusWatch *watch, void *data)
{
        struct client_poller *poller = data;

        for (size_t i = 0; i < CLIENT_POLLER_WATCHES_MAX; i++) {
                if (poller->watches[i] != NULL)
                        continue;
                poller->watches[i] = watch;
                poller->socket = dbus_watch_get_unix_fd(watch);
                if (socket_update(poller))
                        return TRUE;
                poller->watches[i] = NULL;
                return FALSE;
        }
        return FALSE;
}

static void watch_toggle(DBusWatch *watch, void *data)
{
        (void) watch;
        /* Were it to fail, for want of the kernel's memory, the deadline ends the wait. */
        (void) socket_update(data);
}

static void watch_remove(DBusWatch *watch, void *data)
{
        struct client_poller *poller = data;

        for (size_t i = 0; i < CLIENT_POLLER_WATCHES_MAX; i++)
                if (poller->watches[i] == watch)
                        poller->watches[i] = NULL;
        (void) socket_update(poller);
}

bool client_poller_init(struct client_poller *poller, struct base_error *error)
{
        struct epoll_event event = { .events = EPOLLIN };

        *poller = (struct client_poller){ .timer = -1, .socket = -1 };
        poller->fd = epoll_create1(EPOLL_CLOEXEC);
        if (poller->fd >= 0)
                poller->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        event.data.fd = poller->timer;
        if (poller->timer >= 0 && epoll_ctl(poller->fd, EPOLL_CTL_ADD, poller->timer, &event) == 0)
                return true;
        (void) base_error_set_errno(error, errno, "cannot wait for the system bus");
        client_poller_clear(poller);
        return false;
}

void client_poller_clear(struct client_poller *poller)
{
        base_close_p(&poller->timer);
        base_close_p(&poller->fd);
}

bool client_poller_attach(struct client_poller *poller, DBusConnection *connection, struct base_error *error)
{
        return dbus_connection_set_watch_functions(connection, watch_add, watch_remove, watch_toggle, poller, NULL) ||
               base_error_set_no_memory(error);
}

void client_poller_detach(DBusConnection *connection)
{
        (void) dbus_connection_set_watch_functions(connection, NULL, NULL, NULL, NULL, NULL);
}

/* A watch may go while another one is handled. */
static void socket_run(struct client_poller *poller, uint32_t events)
{
        unsigned always = ((events & EPOLLERR) != 0 ? DBUS_WATCH_ERROR : 0u) |
                          ((events & EPOLLHUP) != 0 ? DBUS_WATCH_HANGUP : 0u);
        unsigned ready = ((events & EPOLLIN) != 0 ? DBUS_WATCH_READABLE : 0u) |
                         ((events & EPOLLOUT) != 0 ? DBUS_WATCH_WRITABLE : 0u);

        for (size_t i = 0; i < CLIENT_POLLER_WATCHES_MAX; i++) {
                DBusWatch *watch = poller->watches[i];

                if (watch == NULL || !dbus_watch_get_enabled(watch))
                        continue;
                if (((ready & dbus_watch_get_flags(watch)) | always) != 0)
                        (void) dbus_watch_handle(watch, (ready & dbus_watch_get_flags(watch)) | always);
        }
}

void client_poller_run(struct client_poller *poller)
{
        struct epoll_event events[2];
        int count = epoll_wait(poller->fd, events, BASE_COUNT(events), 0);

        for (int i = 0; i < count; i++)
                if (events[i].data.fd != poller->timer)
                        socket_run(poller, events[i].events);
}

void client_poller_arm(const struct client_poller *poller, uint64_t at_ms)
{
        struct itimerspec at = { .it_interval = { 0 } };

        /* A time of zero would stop the timer. */
        if (at_ms != UINT64_MAX)
                at.it_value = (struct timespec){ (time_t) (at_ms / 1000), (long) (at_ms % 1000) * 1000000 + (at_ms == 0) };
        (void) timerfd_settime(poller->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

void client_poller_wait(const struct client_poller *poller, uint32_t timeout_ms)
{
        struct pollfd ready = { .fd = poller->fd, .events = POLLIN };

        (void) poll(&ready, 1, (int) timeout_ms);
}
