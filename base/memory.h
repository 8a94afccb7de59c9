/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives memory back to the machine: what the allocator keeps after a rush, and the pages of libraries that only start-up or a
 * rush needed. Without this a program's resident set stays at its highest. Used by programs that come to rest; may be included by
 * all.
 */
#pragma once

/* Costs the next work some hundred page faults from the page cache, so: after a while of quiet. */
void base_memory_give_back(void);
