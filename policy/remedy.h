/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The translations of a rule's remedy while the policy's files are read. Used by the loader of policy files only; the
 * choice among them is policy_rule_remedy().
 */
#pragma once

#include "policy/policy.h"

/* Whether a text is a locale's name: at most POLICY_LOCALE_BYTES_MAX letters, digits, `_`, `-`, `@`, the first a letter. */
bool policy_locale_valid(const char *locale);

/* The translation for exactly that locale; NULL if the rule has none. */
struct policy_translation *policy_translation_find(const struct policy_rule *rule, const char *locale);

/*
 * Sets the translation for a locale, or removes it if `text` is ""; the list stays sorted. `file_number` is kept with it.
 * Errors: LIMIT_EXCEEDED (POLICY_TRANSLATIONS_MAX), NO_MEMORY.
 */
bool policy_translation_set(struct policy_rule *rule, const char *locale, const char *text, unsigned file_number,
                            struct base_error *error) BASE_MUST_CHECK;

/* Removes the translations that files before `file_number` set: they translate a sentence that was replaced. */
void policy_translations_drop_before(struct policy_rule *rule, unsigned file_number);
