/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

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

void base_memory_give_back(void)
{
        (void) malloc_trim(0);
        (void) dl_iterate_phdr(drop_segments, NULL);
}
