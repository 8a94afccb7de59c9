/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of named, typed facts about a device and a request: what policies are evaluated over. The daemon fills one by
 * measuring, the issuer's verifier fills one from claims and from what it derived itself. Used by attesterd, attestctl
 * and attester-issuer; may be included by the folders that may include policy/.
 */
#pragma once

#include "base/error.h"
#include "policy/text.h"

#include <stdint.h>

#define POLICY_FACTS_MAX                 256
#define POLICY_FACT_NAME_BYTES_MAX       64  /* without the NUL */
#define POLICY_FACT_TEXT_BYTES_MAX       256 /* of a string, a version or a reason, without the NUL */
#define POLICY_FACT_SOURCE_BYTES_MAX     128 /* without the NUL */
#define POLICY_FACT_VALUE_TEXT_BYTES_MAX (POLICY_FACT_TEXT_BYTES_MAX + 32)

enum policy_fact_type {
        POLICY_FACT_UNREADABLE, /* the value could not be read; `text` says why */
        POLICY_FACT_BOOLEAN,
        POLICY_FACT_INTEGER,
        POLICY_FACT_STRING,
        POLICY_FACT_VERSION, /* a text that policy_version_compare() orders */
        POLICY_FACT_TYPE_COUNT,
};

/* How far a fact can be trusted, weakest first, so that "at least" is >=. */
enum policy_provenance {
        POLICY_PROVENANCE_REPORTED, /* the daemon says so, signed */
        POLICY_PROVENANCE_MEASURED, /* by IMA */
        POLICY_PROVENANCE_HARDWARE, /* follows from quoted PCRs and a replayed event log */
        POLICY_PROVENANCE_COUNT,
};

struct policy_fact {
        const char *name;
        enum policy_fact_type type;
        enum policy_provenance provenance;
        bool boolean;         /* of a BOOLEAN */
        int64_t integer;      /* of an INTEGER */
        const char *text;     /* of a STRING or VERSION; the reason of an UNREADABLE; otherwise NULL */
        const char *source;   /* where it was read, as in "/etc/os-release"; may be "" */
        uint64_t measured_ms; /* when, by a clock of who set it; 0: not said */
};

/* The facts, sorted by name (byte order), each name once. */
struct policy_facts {
        struct policy_fact *items;
        size_t count;
        size_t capacity;
};

#define POLICY_FACTS_INIT                                                                                                        \
        {                                                                                                                        \
                0                                                                                                                \
        }

void policy_facts_init(struct policy_facts *facts);
/* Frees everything; the set is empty and usable afterwards. */
void policy_facts_clear(struct policy_facts *facts);
#define policy_auto_facts BASE_CLEANUP(policy_facts_clear)

/* Whether a name is `[a-z][a-z0-9_]*(\.[a-z0-9_-]+)+` and at most POLICY_FACT_NAME_BYTES_MAX bytes. */
bool policy_fact_name_valid(const char *name);

/* Where a fact comes from. `source` is copied by the functions that take an origin. */
struct policy_origin {
        enum policy_provenance provenance;
        const char *source;   /* NULL is "" */
        uint64_t measured_ms; /* 0: not said */
};

/*
 * Each sets one fact, replacing what the set said under that name, whatever its type or provenance. Strings are copied.
 * Errors: INVALID_ARGUMENT (the name, a text that policy_text_valid() refuses), LIMIT_EXCEEDED (number or length), NO_MEMORY; the
 * set is then unchanged.
 */
bool policy_facts_set_boolean(struct policy_facts *facts, const char *name, bool value, struct policy_origin origin,
                              struct base_error *error) BASE_MUST_CHECK;
bool policy_facts_set_integer(struct policy_facts *facts, const char *name, int64_t value, struct policy_origin origin,
                              struct base_error *error) BASE_MUST_CHECK;
bool policy_facts_set_string(struct policy_facts *facts, const char *name, const char *value, struct policy_origin origin,
                             struct base_error *error) BASE_MUST_CHECK;
bool policy_facts_set_version(struct policy_facts *facts, const char *name, const char *value, struct policy_origin origin,
                              struct base_error *error) BASE_MUST_CHECK;
/* `reason` completes "NAME could not be read: …"; it is cleaned and cut to fit rather than refused. */
bool policy_facts_set_unreadable(struct policy_facts *facts, const char *name, const char *reason, struct policy_origin origin,
                                 struct base_error *error) BASE_MUST_CHECK;

/* Sets a copy of `fact`, of any type. Errors: as above. */
bool policy_facts_set(struct policy_facts *facts, const struct policy_fact *fact, struct base_error *error) BASE_MUST_CHECK;

/* Sets copies of all facts of `from`. Errors: LIMIT_EXCEEDED, NO_MEMORY; some may then have been set. */
bool policy_facts_merge(struct policy_facts *to, const struct policy_facts *from, struct base_error *error) BASE_MUST_CHECK;

/* Says of all facts that do not say it themselves when they were measured. */
void policy_facts_stamp(struct policy_facts *facts, uint64_t measured_ms);

/* The fact of that name, or NULL; owned by the set, valid until its next change. Iterate with `items` and `count`. */
const struct policy_fact *policy_facts_find(const struct policy_facts *facts, const char *name);

/* Writes the value for people: "true", "17", "12.5", "unreadable: REASON". Always terminated, cut to fit. */
void policy_fact_print(const struct policy_fact *fact, char *ret, size_t ret_size);

/* "unreadable", "boolean", "integer", "string", "version". */
const char *policy_fact_type_name(enum policy_fact_type type);

/* "reported", "measured", "hardware". */
const char *policy_provenance_name(enum policy_provenance provenance);
bool policy_provenance_from_name(const char *name, enum policy_provenance *ret) BASE_MUST_CHECK;
