/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of a policy while its files are read: what later files may still replace. Used by the loader of policy files
 * only.
 */
#pragma once

#include "policy/policy.h"
#include "policy/position.h"

struct policy_draft {
        struct policy_rule rule;
        char *file;                /* that named the rule first */
        struct policy_position at; /* of its name there */
        unsigned file_number;      /* of the last file that names the rule */
        unsigned line;             /* of its section there */
        unsigned keys_seen;        /* bits; in that section */
        bool removed;              /* the last Require= was empty */
        bool broken;               /* an expression was reported */
};

struct policy_rule_table {
        struct policy_draft **drafts; /* in the order of their first names */
        size_t count;
        size_t capacity;
};

void policy_rule_table_clear(struct policy_rule_table *table);

/* Whether a name is 1 to POLICY_RULE_NAME_BYTES_MAX letters, digits, `_`, `-`, `.`, the first a letter or digit. */
bool policy_rule_name_valid(const char *name);

/* The draft of that name, owned by the table; or NULL. */
struct policy_draft *policy_rule_table_find(const struct policy_rule_table *table, const char *name);

/* Adds a draft, which the table owns. Errors: NO_MEMORY. */
bool policy_rule_table_add(struct policy_rule_table *table, const char *name, const char *file, struct policy_position at,
                           struct policy_draft **ret, struct base_error *error) BASE_MUST_CHECK;

/* Reports the rules that no file gave a Require=. */
void policy_rule_table_check(const struct policy_rule_table *table, struct policy_diagnostics *diagnostics);

/* Moves the rules that were not removed into a new policy and computes its digest. Errors: NO_MEMORY, CRYPTO. */
bool policy_rule_table_finish(struct policy_rule_table *table, uint64_t version, struct policy **ret,
                              struct base_error *error) BASE_MUST_CHECK;
