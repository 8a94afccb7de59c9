/* SPDX-License-Identifier: BSD-2-Clause */
/* A private message bus with the stand-in for attesterd on it, in a temporary directory. */
#pragma once

#include "base/buffer.h"

#include <sys/types.h>

struct test_bus {
        char directory[64];
        char address[256];
        pid_t daemon;
        pid_t fake; /* 0: not running */
};

/* Starts a bus, with the stand-in or without. Fails the test if that does not work within some seconds. */
void test_bus_start(struct test_bus *bus, bool with_fake);
/* Ends what was started and removes the directory. */
void test_bus_stop(struct test_bus *bus);
/* Ends the bus daemon alone, or starts it again at the same address, with the stand-in. */
void test_bus_kill_daemon(struct test_bus *bus);
void test_bus_restart(struct test_bus *bus);
/* Appends a file of the directory. */
void test_bus_read(const struct test_bus *bus, const char *name, struct base_buffer *to);
