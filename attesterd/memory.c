/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/memory.h"

#include "base/memory.h"

struct attesterd_memory {
        sd_event_source *rest;
};

static int on_rest(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        (void) userdata;
        base_memory_give_back();
        return 0;
}

bool attesterd_memory_new(sd_event *event, struct attesterd_memory **ret, struct base_error *error)
{
        struct attesterd_memory *memory = calloc(1, sizeof(*memory));

        if (memory == NULL)
                return base_error_set_no_memory(error);
        if (sd_event_add_time_relative(event, &memory->rest, CLOCK_MONOTONIC, ATTESTERD_MEMORY_REST_MS * 1000, 0, on_rest,
                                       memory) < 0) {
                free(memory);
                return base_error_set_no_memory(error);
        }
        *ret = memory;
        return true;
}

void attesterd_memory_free(struct attesterd_memory *memory)
{
        if (memory == NULL)
                return;
        (void) sd_event_source_disable_unref(memory->rest);
        free(memory);
}

void attesterd_memory_note_work(struct attesterd_memory *memory)
{
        (void) sd_event_source_set_time_relative(memory->rest, ATTESTERD_MEMORY_REST_MS * 1000);
        (void) sd_event_source_set_enabled(memory->rest, SD_EVENT_ONESHOT);
}
