/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attester-issuer read from files and may read again while it serves: token keys and the directory made of them,
 * policy, and who may enrol. Immutable and counted, so that a request sees one state from beginning to end. Used by
 * attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/approvers.h"
#include "issuer/config.h"
#include "issuer/keys.h"
#include "issuer/references.h"

#include "evidence/ek_certificate.h"
#include "policy/policy.h"

#define ISSUER_ALLOW_LIST_MAX       65536 /* entries */
#define ISSUER_ALLOW_LIST_BYTES_MAX (16 * 1024 * 1024)
#define ISSUER_GROUP_NAME_MAX       64
#define ISSUER_DIRECTORY_MAX_AGE_S  3600
#define ISSUER_ETAG_MAX             40

#define ISSUER_PATH_DIRECTORY "/.well-known/private-token-issuer-directory"
#define ISSUER_PATH_TOKEN     "/token-request"
#define ISSUER_PATH_NONCE     "/nonce"
#define ISSUER_PATH_ENROLL    "/enroll"
#define ISSUER_PATH_EVENT_LOG "/event-log"

struct issuer_group_policy {
        char group[ISSUER_GROUP_NAME_MAX + 1];
        struct policy *policy; /* owned */
};

struct issuer_group_quota {
        char group[ISSUER_GROUP_NAME_MAX + 1];
        unsigned tokens_per_day;
};

struct issuer_snapshot {
        struct issuer_keys keys;
        struct base_buffer directory; /* JSON */
        char etag[ISSUER_ETAG_MAX];   /* with its quotes */
        struct policy *policy;        /* NULL: none is configured */
        size_t group_count;
        struct issuer_group_policy *groups; /* owned */
        enum issuer_ek_requirement ek_requirement;
        struct evidence_ek_authorities *authorities; /* NULL unless certificates are required */
        /* Names in binary, ISSUER_ALLOW_LIST_ENTRY_LEN each, sorted; a certificate's fingerprint has two zero bytes before it. */
        struct base_buffer allow_list;
        struct base_buffer revoked;
        struct issuer_approvers approvers;
        struct issuer_references reference_values;
        unsigned tokens_per_day; /* of a device; 0: no limit */
        unsigned event_logs_per_hour;
        unsigned enrollments_per_hour;
        unsigned rotate_days; /* 0: token keys are not rotated */
        size_t quota_count;
        struct issuer_group_quota quotas[ISSUER_GROUPS_MAX];
        int references; /* atomic */
};

#define ISSUER_ALLOW_LIST_ENTRY_LEN 34 /* a key's name with nameAlg SHA-256, as tpm2_readpublic prints it */

/*
 * Reads everything that the configuration names, and the token keys of `state_directory`; NULL: these are left alone (for
 * --check-config). The caller unrefs `ret`.
 * Errors: CONFIG_INVALID, POLICY_INVALID, STATE_INVALID, NOT_FOUND, IO, each naming the file.
 */
bool issuer_snapshot_load(const struct issuer_config *config, uint64_t now, const char *state_directory,
                          struct issuer_snapshot **ret, struct base_error *error) BASE_MUST_CHECK;

struct issuer_snapshot *issuer_snapshot_ref(struct issuer_snapshot *snapshot);
void issuer_snapshot_unref(struct issuer_snapshot *snapshot);
BASE_DEFINE_CLEANUP(struct issuer_snapshot, issuer_snapshot_unref)
#define issuer_auto_snapshot BASE_CLEANUP(issuer_snapshot_unref_p)

/* The policy for devices of this group: its own, or the common one. NULL: none is configured. */
const struct policy *issuer_snapshot_policy(const struct issuer_snapshot *snapshot, const char *group);

/* How many tokens a day a device of this group gets: the group's own number, or the common one. 0: no limit. */
unsigned issuer_snapshot_tokens_per_day(const struct issuer_snapshot *snapshot, const char *group);

/*
 * Whether the endorsement key is on the revocation list: by its name, its other name (evidence_ek_other_name()), or the SHA-256
 * of its certificate. Those that there are not are empty.
 */
bool issuer_snapshot_is_revoked(const struct issuer_snapshot *snapshot, struct base_bytes ek_name,
                                struct base_bytes ek_other_name, struct base_bytes fingerprint);

/* What the issuer knows of the endorsement key of a device that may enrol. */
struct issuer_admission {
        bool certified;       /* the certificate is by a trusted authority */
        bool has_fingerprint; /* the certificate is for this key */
        uint8_t fingerprint[BASE_SHA256_LEN];
        uint8_t ek_other_name[EVIDENCE_KEY_ID_LEN]; /* evidence_ek_other_name() */
        size_t ek_other_name_len;
};

/*
 * Whether a device with this endorsement key may enrol. `certificate` is DER, empty if it sent none.
 * Errors: EVIDENCE_INVALID or MALFORMED with what is wrong, NOT_AUTHORIZED (on the revocation list), NO_MEMORY, CRYPTO.
 */
bool issuer_snapshot_admit(const struct issuer_snapshot *snapshot, const struct evidence_public *endorsement_key,
                           struct base_bytes certificate, uint64_t now, struct issuer_admission *ret,
                           struct base_error *error) BASE_MUST_CHECK;
