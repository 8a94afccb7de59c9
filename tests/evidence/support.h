/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of evidence/ share. */
#pragma once

#include "tests/assert.h"

#include "base/buffer.h"
#include "base/system.h"

/* The whole of ATTESTER_TEST_DATA/evidence/NAME, appended. */
void test_data_read(const char *name, struct base_buffer *to);

/* Randomness that counts up, for repeatable tests. */
extern const struct base_random test_counting_random;

/* A file's whole content, appended. */
void test_file_read(const char *path, struct base_buffer *to);
