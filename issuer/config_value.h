/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One value of attester-issuer.conf: its kind, its bounds and where it goes. Shared by issuer/config*.c and references.c, and
 * included by nobody else.
 */
#pragma once

#include "issuer/config.h"

#include "base/ini.h"

#include <stddef.h>

enum issuer_setting_kind {
        ISSUER_SETTING_TEXT,    /* char * */
        ISSUER_SETTING_PATH,    /* char *, absolute */
        ISSUER_SETTING_ADDRESS, /* char * */
        ISSUER_SETTING_BOOLEAN, /* bool */
        ISSUER_SETTING_NUMBER,  /* unsigned */
        ISSUER_SETTING_EK,      /* enum issuer_ek_requirement */
        ISSUER_SETTING_PCRS,    /* struct evidence_pcr_selection */
        ISSUER_SETTING_TYPES,   /* unsigned, a set of token types */
};

struct issuer_setting {
        const char *section;
        const char *key;
        enum issuer_setting_kind kind;
        size_t offset; /* in the struct that the section fills */
        unsigned min;
        unsigned max; /* of a number; of a text its bytes, 0: no limit */
};

/* Sets the member of `object`. Errors: CONFIG_INVALID with the value's place, NO_MEMORY. */
bool issuer_setting_set(const struct issuer_setting *setting, const struct base_ini_entry *entry, void *object,
                        struct base_error *error) BASE_MUST_CHECK;

/* Frees the texts that an object owns, and sets them to NULL. */
void issuer_settings_free(const struct issuer_setting *settings, size_t count, void *object);

/* The section, or else its key, is unknown. */
bool issuer_config_fail_at_entry(const struct base_ini_entry *entry, bool section_known, struct base_error *error);

/* Whether a name in a section's header is 1 to ISSUER_NAME_MAX letters, digits, '-', '_' and '.'. */
bool issuer_config_name_valid(const char *name);

/* config_named.c: the sections that may be there several times, each with a name, [Approver NAME] and [Group NAME]. */
bool issuer_config_section_is_named(const char *section);
bool issuer_config_visit_named(const struct base_ini_entry *entry, struct issuer_config *config,
                               struct base_error *error) BASE_MUST_CHECK;
bool issuer_config_check_named(const char *file, const struct issuer_config *config, struct base_error *error) BASE_MUST_CHECK;
void issuer_config_clear_named(struct issuer_config *config);
