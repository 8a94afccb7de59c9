/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of facts: the facts of devices, and cases with the outcomes that a policy is expected to have for them. docs/policy.md
 * describes them. Written by `attestctl policy export`, read by `attestctl policy test` and `diff`; may be included by the
 * folders that may include policy/.
 */
#pragma once

#include "policy/policy.h"

#define POLICY_FACTS_FILE_SECTIONS_MAX     1024 /* devices and cases of a file */
#define POLICY_FACTS_FILE_EXPECTATIONS_MAX 64   /* of a case */
#define POLICY_FACTS_FILE_NAME_BYTES_MAX   128  /* of a device or case, without the NUL */

struct policy_expectation {
        char *rule; /* NULL: the policy as a whole, PASS or FAIL */
        enum policy_outcome outcome;
        unsigned line;
        unsigned column;
};

/* [Facts NAME], or [Case NAME], which has expectations. */
struct policy_facts_section {
        char *name;
        bool is_case;
        unsigned line;
        char *issuer; /* NULL: none is asked */
        struct policy_facts facts;
        struct policy_expectation *expectations;
        size_t expectation_count;
};

struct policy_facts_file {
        struct policy_facts_section *sections; /* in the order of the file; names are unique among each kind */
        size_t count;
};

/*
 * Reads a file (or a text, `name` being its name in messages). `diagnostics` as for policy_load_file(). The caller frees `ret`.
 * Errors: POLICY_INVALID, LIMIT_EXCEEDED, NOT_FOUND, IO, NO_MEMORY.
 */
bool policy_facts_file_load(const char *path, struct policy_diagnostics *diagnostics, struct policy_facts_file **ret,
                            struct base_error *error) BASE_MUST_CHECK;
bool policy_facts_file_parse(const char *name, struct base_bytes text, struct policy_diagnostics *diagnostics,
                             struct policy_facts_file **ret, struct base_error *error) BASE_MUST_CHECK;

void policy_facts_file_free(struct policy_facts_file *file);
BASE_DEFINE_CLEANUP(struct policy_facts_file, policy_facts_file_free)
#define policy_auto_facts_file BASE_CLEANUP(policy_facts_file_free_p)

/* Appends a section [Facts NAME], from which the same facts are read again, but for their sources. */
void policy_facts_file_write(const char *name, const struct policy_facts *facts, struct base_buffer *to);
