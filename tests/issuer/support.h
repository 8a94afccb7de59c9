/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of issuer/ share. */
#pragma once

#include "tests/cmocka.h"

#include "base/error.h"
#include "base/system.h"

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

/* A fresh directory below TMPDIR, mode 0700; test_directory_remove() frees the path and removes what is in it. */
char *test_directory_make(void);
void test_directory_remove(char **path);
#define test_auto_directory __attribute__((cleanup(test_directory_remove))) char *

/* DIRECTORY/NAME, in a buffer that the next call reuses. */
const char *test_path(const char *directory, const char *name);
void test_file_write(const char *path, const char *text, unsigned mode);
