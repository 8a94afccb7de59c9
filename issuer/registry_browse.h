/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry page by page, for whoever looks at it: each call reads a bounded number of rows by an index, however many
 * devices there are. Used by attester-issuer's admin page; may be included by issuer/.
 */
#pragma once

#include "issuer/registry.h"

#define ISSUER_BROWSE_ROWS_MAX 50

enum issuer_browse_by {
        ISSUER_BROWSE_ALL,     /* newest first */
        ISSUER_BROWSE_REVOKED, /* newest first */
        ISSUER_BROWSE_GROUP,   /* exactly that one, newest first */
        ISSUER_BROWSE_ID,      /* identifiers that begin with these hex digits, in their order */
        ISSUER_BROWSE_EK_NAME, /* names of endorsement keys that begin with these hex digits, in their order */
        ISSUER_BROWSE_BY_COUNT,
};

struct issuer_browse {
        enum issuer_browse_by by;
        const char *text;   /* what `by` says; "" otherwise */
        const char *cursor; /* a device's identifier: the page begins after it; "": the first page */
        bool backwards;     /* the page ends before the cursor's device */
};

struct issuer_device_summary {
        struct issuer_device device; /* without its keys and reset count */
        uint64_t tokens_today;
        bool state_known;
        uint8_t state[EVIDENCE_PCR_DIGEST_LEN]; /* of the last verified boot */
        uint64_t state_at;                      /* since when */
        bool state_approved;                    /* by an operator, for its group */
};

struct issuer_browse_page {
        struct issuer_device_summary items[ISSUER_BROWSE_ROWS_MAX];
        size_t count;
        bool more_before;
        bool more_after;
};

/*
 * One page of devices; tokens are those of the day of `now`. `ret` is large: keep it on the heap.
 * Errors: INVALID_ARGUMENT (a prefix that is no hex), NOT_FOUND (no device is the cursor), IO.
 */
bool issuer_registry_browse(struct issuer_registry *registry, const struct issuer_browse *browse, uint64_t now,
                            struct issuer_browse_page *ret, struct base_error *error) BASE_MUST_CHECK;

/* One device. Errors: NOT_FOUND, IO. */
bool issuer_registry_summary(struct issuer_registry *registry, const char *id, uint64_t now, struct issuer_device_summary *ret,
                             struct base_error *error) BASE_MUST_CHECK;

struct issuer_device_keys {
        uint8_t ak_name[EVIDENCE_KEY_ID_LEN]; /* of the one in force */
        bool has_ak_name;
        size_t superseded; /* that are still known as such */
};
/* The attestation keys of a device. Errors: IO. */
bool issuer_registry_device_keys(struct issuer_registry *registry, int64_t device_row, struct issuer_device_keys *ret,
                                 struct base_error *error) BASE_MUST_CHECK;

struct issuer_group_summary {
        char name[ISSUER_DEVICE_GROUP_MAX + 1]; /* "" for devices of no group */
        uint64_t active;
        uint64_t revoked;
        uint64_t tokens_today;
};
/*
 * Groups by name, those after `after` (NULL: from the first), at most ISSUER_BROWSE_ROWS_MAX of them. Errors: IO.
 */
bool issuer_registry_browse_groups(struct issuer_registry *registry, const char *after, uint64_t now,
                                   struct issuer_group_summary ret[static ISSUER_BROWSE_ROWS_MAX], size_t *ret_count,
                                   bool *ret_more, struct base_error *error) BASE_MUST_CHECK;
/* Whether some device is of this group. Errors: IO. */
bool issuer_registry_has_group(struct issuer_registry *registry, const char *name, bool *ret,
                               struct base_error *error) BASE_MUST_CHECK;

/* As issuer_registry_visit_approved(), of those after `after` (NULL: from the first) in the order of group and digest. */
bool issuer_registry_browse_approved(struct issuer_registry *registry, const struct issuer_approval *after,
                                     struct issuer_approval ret[static ISSUER_BROWSE_ROWS_MAX], size_t *ret_count, bool *ret_more,
                                     struct base_error *error) BASE_MUST_CHECK;

/*
 * Tokens of each of `count` days (UTC, days since 1970) from `first_day` on: of all devices, or of one (`device_row` above
 * 0), of which ISSUER_REGISTRY_TOKEN_DAYS_KEPT are known. Errors: IO.
 */
bool issuer_registry_token_days(struct issuer_registry *registry, int64_t device_row, uint64_t first_day, uint64_t *ret,
                                size_t count, struct base_error *error) BASE_MUST_CHECK;

/* The text of the `at`-th statement of this file, for a test of how SQLite runs it; NULL after the last. */
const char *issuer_registry_browse_statement(size_t at);
