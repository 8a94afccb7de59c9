/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>

struct attesterd_memory {
        sd_event_source *rest;
};

/*
 * Unmaps the resident pages of one object's segments that nothing can have written to; they come back from the page cache
 * when they are touched. Segments with relocations are writable in their program header and stay.
 */
static int drop_segments(struct dl_phdr_info *object, size_t size, void *data)
{
        const uintptr_t page = (uintptr_t) getpagesize();

        (void) size;
        (void) data;
        for (size_t i = 0; i < object->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
                uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
                uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;

                if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0)
                        (void) madvise((void *) begin, end - begin, MADV_DONTNEED);
        }
        return 0;
}

static int on_rest(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        (void) userdata;
        (void) malloc_trim(0);
        (void) dl_iterate_phdr(drop_segments, NULL);
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
