/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of issuer/ share. */
#pragma once

#include "base/system.h"
#include "tests/assert.h"

/* A fresh directory below TMPDIR, mode 0700; test_directory_remove() frees the path and removes what is in it. */
char *test_directory_make(void);
void test_directory_remove(char **path);
#define test_auto_directory __attribute__((cleanup(test_directory_remove))) char *

/* DIRECTORY/NAME, in a buffer that the next call reuses. */
const char *test_path(const char *directory, const char *name);
void test_file_write(const char *path, const char *text, unsigned mode);
