/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/outbox.h"

#include <string.h>
#include <sys/queue.h>

struct item {
        STAILQ_ENTRY(item) next;
        DBusMessage *message;
};

struct agent_outbox {
        struct base_bus *session;
        STAILQ_HEAD(, item) items;
};

bool agent_outbox_new(struct base_bus *session, struct agent_outbox **ret, struct base_error *error)
{
        struct agent_outbox *outbox = calloc(1, sizeof(*outbox));

        if (outbox == NULL)
                return base_error_set_no_memory(error);
        outbox->session = session;
        STAILQ_INIT(&outbox->items);
        *ret = outbox;
        return true;
}

/*
 * The string within the message's own memory: libdbus hands it out as const because changing it is nobody's business, but
 * of the same length and in UTF-8 it stays a message.
 */
static char *text_of(DBusMessage *message)
{
        DBusMessageIter iterator;
        char *text = NULL;

        if (dbus_message_iter_init(message, &iterator) && dbus_message_iter_get_arg_type(&iterator) == DBUS_TYPE_STRING)
                dbus_message_iter_get_basic(&iterator, &text);
        return text;
}

void agent_outbox_fill(DBusMessage *message, struct base_bytes text)
{
        char *to = text_of(message);

        if (to != NULL && strlen(to) == text.len)
                memcpy(to, text.data, text.len);
}

static void wipe(DBusMessage *message)
{
        char *text = text_of(message);

        if (text != NULL)
                explicit_bzero(text, strlen(text));
        dbus_message_unref(message);
}

void agent_outbox_free(struct agent_outbox *outbox)
{
        struct item *item;

        if (outbox == NULL)
                return;
        while ((item = STAILQ_FIRST(&outbox->items)) != NULL) {
                STAILQ_REMOVE_HEAD(&outbox->items, next);
                wipe(item->message);
                free(item);
        }
        free(outbox);
}

void agent_outbox_add(struct agent_outbox *outbox, DBusMessage *message)
{
        struct item *item = NULL;

        if (base_bus_is_sending(outbox->session))
                item = calloc(1, sizeof(*item));
        if (item == NULL) {
                /* It left at once, or there is no memory to remember it: then the caller gets a token that is none. */
                wipe(message);
                return;
        }
        item->message = message;
        STAILQ_INSERT_TAIL(&outbox->items, item, next);
}

void agent_outbox_sweep(struct agent_outbox *outbox)
{
        struct item *item;

        if (base_bus_is_sending(outbox->session))
                return;
        while ((item = STAILQ_FIRST(&outbox->items)) != NULL) {
                STAILQ_REMOVE_HEAD(&outbox->items, next);
                wipe(item->message);
                free(item);
        }
}

bool agent_outbox_is_empty(const struct agent_outbox *outbox)
{
        return STAILQ_EMPTY(&outbox->items);
}
