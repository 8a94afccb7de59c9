/* SPDX-License-Identifier: BSD-2-Clause */
/* Assertions about what returns a base_error. May be included by all tests. */
#pragma once

#include "tests/cmocka.h"

#include "base/error.h"

#include <string.h>

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
