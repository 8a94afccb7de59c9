/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of evidence/ share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/system.h"

/* Fails the test with the error's message. `call` sets a local called `error`. */
#define assert_ok(call)                                                                                                          \
        do {                                                                                                                     \
                error = (struct base_error) BASE_ERROR_INIT;                                                                     \
                if (!(call))                                                                                                     \
                        fail_msg("%s: %s (%s)", #call, error.message, error.detail);                                             \
        } while (0)

/* Fails the test unless the call fails with this code and a message that contains `text`. */
#define assert_refused(call, wanted_code, text)                                                                                  \
        do {                                                                                                                     \
                error = (struct base_error) BASE_ERROR_INIT;                                                                     \
                if (call)                                                                                                        \
                        fail_msg("%s succeeded", #call);                                                                         \
                if (error.code != (wanted_code) || strstr(error.message, (text)) == NULL)                                        \
                        fail_msg("%s: %s, \"%s\"", #call, base_error_name(error.code), error.message);                           \
        } while (0)

/* The whole of ATTESTER_TEST_DATA/evidence/NAME, appended. */
void test_data_read(const char *name, struct base_buffer *to);

/* Randomness that counts up, for repeatable tests. */
extern const struct base_random test_counting_random;

/* A file's whole content, appended. */
void test_file_read(const char *path, struct base_buffer *to);
