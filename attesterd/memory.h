/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives memory back when the daemon has come to rest (base/memory.h). Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/error.h"

#include <systemd/sd-event.h>

#define ATTESTERD_MEMORY_REST_MS 1000 /* of quiet before memory goes back */

struct attesterd_memory;

/* The caller frees `ret`. Errors: NO_MEMORY. */
bool attesterd_memory_new(sd_event *event, struct attesterd_memory **ret, struct base_error *error) BASE_MUST_CHECK;
void attesterd_memory_free(struct attesterd_memory *memory);

/* Says that something was done. Memory goes back once, when nothing has been said for ATTESTERD_MEMORY_REST_MS. */
void attesterd_memory_note_work(struct attesterd_memory *memory);
