/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The properties of Attester1: Get, GetAll, Set (refused) and PropertiesChanged. Used by attesterd; may be included by
 * attesterd/.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>

struct attesterd_daemon;
struct attesterd_properties;

struct attesterd_property {
        const char *name;
        const char *signature;
        bool (*append)(const struct attesterd_daemon *daemon, DBusMessageIter *to);
};

/* Ends with a row whose name is NULL. A test holds it to the XML. */
extern const struct attesterd_property attesterd_property_table[];

/* `daemon` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_properties_new(const struct attesterd_daemon *daemon, struct attesterd_properties **ret,
                              struct base_error *error) BASE_MUST_CHECK;
void attesterd_properties_free(struct attesterd_properties *properties);

/* The reply to a call of org.freedesktop.DBus.Properties; NULL without memory. The caller unrefs it. */
DBusMessage *attesterd_properties_answer(const struct attesterd_properties *properties, DBusMessage *message);

/* A PropertiesChanged signal with what changed since the last call; NULL if nothing did, or without memory. */
DBusMessage *attesterd_properties_changes(struct attesterd_properties *properties);
