/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy while its files are read: what the entries of one file after another have come to. Used by load.c and rule_key.c only.
 */
#pragma once

#include "base/ini.h"
#include "policy/position.h"
#include "policy/rule_table.h"

enum policy_section {
        POLICY_SECTION_IS_POLICY,
        POLICY_SECTION_IS_RULE,
        POLICY_SECTION_IS_WRONG, /* was reported; its entries are not */
};

struct policy_loader {
        struct policy_rule_table table;
        uint64_t version;
        struct policy_diagnostics *diagnostics;
        const char *file;
        struct base_bytes text;
        unsigned file_number;  /* from 1 */
        unsigned version_file; /* number of the file that set Version= last */
        enum policy_section section;
        struct policy_draft *draft; /* of the section, if it is a rule */
};

/*
 * Each reports what is wrong at a place of the file that is read: in general, about the byte `offset` of the entry's value, or
 * about a word that is none of the known ones.
 */
void policy_loader_report(struct policy_loader *loader, struct policy_position at, enum base_error_code code, const char *what);
void policy_loader_report_value(struct policy_loader *loader, const struct base_ini_entry *entry, size_t offset,
                                enum base_error_code code, const char *what);
void policy_loader_report_unknown(struct policy_loader *loader, struct policy_position at, const char *kind, const char *found,
                                  const char *const *known, size_t count);

/* Takes a key of the section [Rule NAME] into the loader's draft, or reports what is wrong with it. Errors: NO_MEMORY. */
bool policy_loader_set_rule_key(struct policy_loader *loader, const struct base_ini_entry *entry,
                                struct base_error *error) BASE_MUST_CHECK;
