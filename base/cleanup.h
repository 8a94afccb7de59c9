/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scope-bound ownership: a local marked BASE_CLEANUP(f) has f(&local) called when it goes out of scope.
 * Used by every program; may be included by every folder.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The result must be looked at: every function that can fail carries this. */
#define BASE_MUST_CHECK               __attribute__((warn_unused_result))
#define BASE_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))

#define BASE_CLEANUP(function) __attribute__((cleanup(function)))

/* Gives the value of an owning pointer away and leaves NULL behind. */
#define BASE_STEAL(pointer)                                                                                                      \
        __extension__({                                                                                                          \
                __auto_type stolen = (pointer);                                                                                  \
                (pointer) = NULL;                                                                                                \
                stolen;                                                                                                          \
        })

/* Gives a file descriptor away and leaves -1 behind. */
static inline int base_steal_fd(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

/* Defines NAME_p(type **), which frees through `function` and accepts NULL; for BASE_CLEANUP(NAME_p). */
#define BASE_DEFINE_CLEANUP(type, function)                                                                                      \
        static inline void function##_p(type **p)                                                                                \
        {                                                                                                                        \
                if (*p != NULL)                                                                                                  \
                        function(*p);                                                                                            \
                *p = NULL;                                                                                                       \
        }

static inline void base_free_p(void *p)
{
        void **pointer = p;

        free(*pointer);
        *pointer = NULL;
}

static inline void base_close_p(int *fd)
{
        if (*fd >= 0)
                (void) close(*fd);
        *fd = -1;
}

static inline void base_fclose_p(FILE **file)
{
        if (*file != NULL)
                (void) fclose(*file);
        *file = NULL;
}

#define base_auto_free   BASE_CLEANUP(base_free_p)
#define base_auto_close  BASE_CLEANUP(base_close_p)
#define base_auto_fclose BASE_CLEANUP(base_fclose_p)

#define BASE_COUNT(array) (sizeof(array) / sizeof((array)[0]))
