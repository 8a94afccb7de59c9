/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference values: boot states that the operator gives, by the values of some PCRs, besides those that are learned with
 * `devices approve`. Files in INI form (docs/attester-issuer.conf.md). Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/config.h"

#include "evidence/pcrs.h"

#define ISSUER_REFERENCES_MAX       1024
#define ISSUER_REFERENCE_VALUES_MAX 16384 /* of all references together */

struct issuer_reference_value {
        uint16_t algorithm;
        uint8_t pcr;
        uint8_t value[EVIDENCE_PCR_VALUE_BYTES_MAX];
};

/* The quote has it if each of its PCRs holds one of the values that it has for that PCR. */
struct issuer_reference {
        char name[ISSUER_NAME_MAX + 1];
        char group[ISSUER_NAME_MAX + 1]; /* "": of all devices */
        size_t first, count;             /* of its values; there is at least one */
};

struct issuer_references {
        size_t count;
        size_t value_count;
        struct issuer_reference *items;        /* owned */
        struct issuer_reference_value *values; /* owned */
};

void issuer_references_clear(struct issuer_references *references);
#define issuer_auto_references BASE_CLEANUP(issuer_references_clear)

/*
 * Adds the references of a text; `name` is the file's in messages. `references` is zeroed at first, and the caller clears it,
 * also after a failure. Errors: CONFIG_INVALID as "file:line:column: what", LIMIT_EXCEEDED, NO_MEMORY.
 */
bool issuer_references_parse(const char *name, struct base_bytes text, struct issuer_references *references,
                             struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads a file, or the *.conf files of a directory by name. The caller clears `ret`.
 * Errors: as issuer_references_parse(), CONFIG_INVALID too if there is no reference at all, IO.
 */
bool issuer_references_load(const char *path, struct issuer_references *ret, struct base_error *error) BASE_MUST_CHECK;

/* The first reference, in the order of the files, for devices of this group ("": of none) that the values have; or NULL. */
const struct issuer_reference *issuer_references_match(const struct issuer_references *references, const char *group,
                                                       const struct evidence_pcrs *quoted);
