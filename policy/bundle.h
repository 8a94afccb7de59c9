/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signed policy bundles: the files of one policy, for whom and from when to when they hold, and who signed that. docs/policy.md
 * has the format. This file reads, writes and opens them; policy/bundle_trust.h says whether to believe one. Used by attesterd
 * and attestctl; may be included by the folders that may include policy/.
 */
#pragma once

#include "policy/bundle_anchor.h"
#include "policy/policy.h"

#define POLICY_BUNDLE_BYTES_MAX           (256 * 1024)
#define POLICY_BUNDLE_FLEET_BYTES_MAX     64 /* without the NUL; as a rule's name */
#define POLICY_BUNDLE_FILES_MAX           64
#define POLICY_BUNDLE_FILE_NAME_BYTES_MAX 64 /* without the NUL */
#define POLICY_BUNDLE_SIGNATURES_MAX      4
#define POLICY_BUNDLE_CERTIFICATES_MAX    5 /* of one signature */
#define POLICY_BUNDLE_DER_BYTES_MAX       8192
#define POLICY_BUNDLE_SIGNATURE_BYTES_MAX 256

struct policy_bundle_file {
        char name[POLICY_BUNDLE_FILE_NAME_BYTES_MAX + 1];
        struct base_bytes text; /* borrowed */
};

/* One signature over all that stands before the first one. What it points to is borrowed. */
struct policy_bundle_signature {
        struct base_bytes key;                                          /* SubjectPublicKeyInfo; empty: the first certificate's */
        struct base_bytes certificates[POLICY_BUNDLE_CERTIFICATES_MAX]; /* the signer's first */
        size_t certificate_count;
        struct base_bytes signature;
};

struct policy_bundle {
        char fleet[POLICY_BUNDLE_FLEET_BYTES_MAX + 1];
        uint64_t version;
        uint64_t not_before;                              /* seconds since 1970; 0: at any time */
        uint64_t not_after;                               /* the last second; 0: without end */
        struct policy_anchor anchors[POLICY_ANCHORS_MAX]; /* whom to trust from now on; ascending; none: as before */
        size_t anchor_count;
        struct policy_bundle_file files[POLICY_BUNDLE_FILES_MAX]; /* ascending by name */
        size_t file_count;
        struct base_bytes content; /* what is signed */
        struct policy_bundle_signature signatures[POLICY_BUNDLE_SIGNATURES_MAX];
        size_t signature_count;
};

/* Whether a text can be a policy file's name: at most 64 letters, digits, '-', '_' and '.', the first no '.', ending in ".conf".
 */
bool policy_file_name_valid(const char *name);

/* Whether a text can be a fleet's name: at most 64 letters, digits, '_', '-' and '.', the first a letter or digit. */
bool policy_fleet_name_valid(const char *name);

/* Whether bytes are meant for a bundle, by how they begin. */
bool policy_bundle_recognize(struct base_bytes bytes);

/*
 * Reads a bundle, signed or not, without asking who signed it. There is one encoding of each bundle, and no other is accepted.
 * `ret` points into `bytes`. Errors: POLICY_INVALID, LIMIT_EXCEEDED.
 */
bool policy_bundle_parse(struct base_bytes bytes, struct policy_bundle *ret, struct base_error *error) BASE_MUST_CHECK;

/* Puts files and anchors into the order that they have in a bundle; files count in this order. */
void policy_bundle_sort(struct policy_bundle *bundle);

/*
 * Appends what is signed of a bundle: all but its `content` and signatures; sorts files and anchors. Errors: INVALID_ARGUMENT (a
 * name that is none, a time that ends before it begins, two files of one name, no file), LIMIT_EXCEEDED, NO_MEMORY.
 */
bool policy_bundle_put_content(struct policy_bundle *bundle, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* Appends what stands behind the content: `signatures` of at most POLICY_BUNDLE_SIGNATURES_MAX. Errors: LIMIT_EXCEEDED,
 * NO_MEMORY. */
bool policy_bundle_put_signatures(const struct policy_bundle_signature *signatures, size_t count, struct base_buffer *to,
                                  struct base_error *error) BASE_MUST_CHECK;

/*
 * Loads the policy that the files make, as policy_load_directories() would from one directory that holds them; so its digest is
 * the same. Errors: as there; POLICY_INVALID also if Version= of the files is not the bundle's.
 */
bool policy_bundle_load(const struct policy_bundle *bundle, struct policy_diagnostics *diagnostics, struct policy **ret,
                        struct base_error *error) BASE_MUST_CHECK;

/* SHA-256 of the content: what tells two bundles of one version apart. Errors: CRYPTO. */
bool policy_bundle_digest(const struct policy_bundle *bundle, uint8_t ret[static BASE_SHA256_LEN],
                          struct base_error *error) BASE_MUST_CHECK;
