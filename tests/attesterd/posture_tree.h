/* SPDX-License-Identifier: BSD-2-Clause */
/* Trees of files that tests of the posture measure: a test's own, or a copy of one of tests/data/posture. */
#pragma once

#include "attesterd/posture/posture.h"
#include "base/buffer.h"

/* What the clock of all trees says: 2025-06-01 12:00 UTC; files of copied trees are a day older. */
#define POSTURE_TREE_NOW      1748779200
#define POSTURE_TREE_MODIFIED (POSTURE_TREE_NOW - 86400)

struct posture_tree {
        char root[64];
        int fd;
};

/* For cmocka: an empty tree in *state, and its end. */
int posture_tree_make(void **state);
int posture_tree_remove(void **state);

/* Copies a tree of tests/data/posture into an empty one. */
void posture_tree_copy(const struct posture_tree *tree, const char *name);

/* `name` is relative to the root; directories on the way are made. */
void posture_tree_put(const struct posture_tree *tree, const char *name, struct base_bytes content);
void posture_tree_put_text(const struct posture_tree *tree, const char *name, const char *text);
void posture_tree_put_directory(const struct posture_tree *tree, const char *name);
void posture_tree_put_link(const struct posture_tree *tree, const char *name, const char *target);
void posture_tree_set_modified(const struct posture_tree *tree, const char *name, int64_t when);

struct posture_sources posture_tree_sources(const struct posture_tree *tree);

/* Measures the tree into an empty set; no custom facts may be refused. */
void posture_tree_collect(const struct posture_tree *tree, struct policy_facts *facts);

/* Measures the tree and compares one fact: its type, its value as policy_fact_print() has it. */
void posture_tree_expect(const struct posture_tree *tree, const char *name, enum policy_fact_type type, const char *text);
void posture_tree_expect_unreadable(const struct posture_tree *tree, const char *name, const char *reason);

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, posture_tree_make, posture_tree_remove)
