/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One object on a message bus: which of its methods a call means, introspection, and the errors for what is not there. Used by
 * attesterd and attester-agent; may be included by the folders that may include libdbus.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>

struct base_bus_method {
        const char *interface;
        const char *member;
        const char *in; /* signatures */
        const char *out;
};

/* A path and its introspection data: the object itself, and each one on the way to it. */
struct base_bus_node {
        const char *path;
        const char *text;
};

struct base_bus_object {
        const char *path;
        const struct base_bus_node *nodes;
        size_t node_count;
        const struct base_bus_method *(*method)(size_t index); /* NULL for the first index that is none */
};

/*
 * Finds the method that `message`, a method call, means; a call that names no interface may mean one of any (D-Bus specification,
 * "Message types"). True: it is method `*ret_index`, and its arguments have the signature. False: `*ret_reply` is its answer,
 * introspection data or an error, which the caller owns; NULL without memory.
 */
bool base_bus_object_find(const struct base_bus_object *object, DBusMessage *message, size_t *ret_index,
                          DBusMessage **ret_reply) BASE_MUST_CHECK;
