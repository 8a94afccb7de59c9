/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object /org/attesterd/Client on the session bus. org.attesterd.Client1.xml is the definition; a test holds the table
 * to it. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/bus_object.h"
#include "client/agent/agent.h"

struct agent_method {
        struct base_bus_method call;
        /* Gets a call whose signature is `in`; ends it sooner or later. */
        void (*handler)(struct agent *agent, struct agent_call *call);
};

/* Ends with a row whose handler is NULL. */
extern const struct agent_method agent_methods[];

/* Takes a method call that came over the session bus. */
void agent_interface_dispatch(struct agent *agent, DBusMessage *message);
