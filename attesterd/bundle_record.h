/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the state directory keeps of an installed policy bundle: the bundle itself, and what was so when it was installed. One
 * file, so that both change together. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "policy/bundle.h"

#define ATTESTERD_BUNDLE_RECORD_BYTES_MAX (POLICY_BUNDLE_BYTES_MAX + 1024)

struct attesterd_bundle_record {
        bool counted;                                     /* `counter` is there */
        uint64_t counter;                                 /* of the TPM, since this bundle was installed */
        uint64_t installed_at;                            /* seconds since 1970 */
        uint8_t configured[BASE_SHA256_LEN];              /* whom the configuration said to trust then; see attesterd/bundle.c */
        struct policy_anchor anchors[POLICY_ANCHORS_MAX]; /* whom bundles said to trust in place of these, up to this one */
        size_t anchor_count;
        struct base_bytes bundle; /* borrowed */
};

/* `ret` points into `bytes`. Errors: STATE_INVALID. */
bool attesterd_bundle_record_parse(struct base_bytes bytes, struct attesterd_bundle_record *ret,
                                   struct base_error *error) BASE_MUST_CHECK;

/* Replaces the file `name` in the directory atomically. Errors: IO, NO_MEMORY. */
bool attesterd_bundle_record_save(int directory_fd, const char *name, const struct attesterd_bundle_record *record,
                                  struct base_error *error) BASE_MUST_CHECK;
