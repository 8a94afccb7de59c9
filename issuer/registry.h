/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices that may get tokens, in an SQLite database. It knows how many tokens a device got on a day, and nothing of
 * the tokens. Any number of threads may use one registry; statements run one at a time. Used by attester-issuer; may be
 * included by issuer/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/system.h"
#include "issuer/boot.h"
#include "policy/grace.h"

#define ISSUER_DEVICE_ID_LEN            32 /* hex digits of 16 random bytes */
#define ISSUER_DEVICE_GROUP_MAX         64
#define ISSUER_DEVICE_PUBLIC_MAX        1026 /* a TPM2B_PUBLIC */
#define ISSUER_FINGERPRINT_LEN          32   /* SHA-256 of a certificate */
#define ISSUER_EK_NAME_MAX              66   /* nameAlg and a SHA-512 digest */
#define ISSUER_SEAL_TEXT_MAX            160
#define ISSUER_REGISTRY_DEVICES_MAX     1000000
#define ISSUER_REGISTRY_KEYS_KEPT       32 /* superseded keys of a device that are still known as such */
#define ISSUER_REGISTRY_TOKEN_DAYS_KEPT 7

enum issuer_device_status {
        ISSUER_DEVICE_ACTIVE,
        ISSUER_DEVICE_REVOKED,
};

struct issuer_device {
        int64_t row; /* for the functions below */
        char id[ISSUER_DEVICE_ID_LEN + 1];
        char group[ISSUER_DEVICE_GROUP_MAX + 1]; /* "" if none */
        enum issuer_device_status status;
        uint8_t ek_name[ISSUER_EK_NAME_MAX];
        size_t ek_name_len;
        uint8_t ek_other_name[ISSUER_EK_NAME_MAX];      /* as in struct issuer_enrollment; of issuer_registry_find() alone */
        size_t ek_other_name_len;                       /* 0: none */
        uint8_t ek_fingerprint[ISSUER_FINGERPRINT_LEN]; /* of the certificate, if has_ek_fingerprint */
        bool has_ek_fingerprint;                        /* it showed a certificate for its endorsement key */
        bool ek_certified;                              /* which was checked to be by a trusted authority */
        bool key_superseded;                            /* the key that was asked for is not the device's newest */
        uint64_t enrolled_at;
        uint64_t last_verified; /* 0: never */
        uint32_t reset_count;   /* the highest that a quote by this key had */
        /* What the key of the last evidence was sealed to: "sha256:7,11", "approver NAME", "none"; "" if not known. */
        char seal[ISSUER_SEAL_TEXT_MAX];
        uint8_t ak_public[ISSUER_DEVICE_PUBLIC_MAX];
        size_t ak_public_len;
};

struct issuer_registry;

/*
 * Opens the database, or makes it (mode 0600). `random` must outlive it.
 * Errors: STATE_INVALID (not a database, or of a newer version), IO.
 */
bool issuer_registry_open(const char *path, const struct base_random *random, struct issuer_registry **ret,
                          struct base_error *error) BASE_MUST_CHECK;

/*
 * From now on what this registry changes is on the disk when the call returns, and stays changed if the machine fails then: for
 * what an operator does. Otherwise a failing machine may forget the last moments, which costs some tokens counted. Errors: IO.
 */
bool issuer_registry_make_durable(struct issuer_registry *registry, struct base_error *error) BASE_MUST_CHECK;
void issuer_registry_close(struct issuer_registry *registry);
BASE_DEFINE_CLEANUP(struct issuer_registry, issuer_registry_close)
#define issuer_auto_registry BASE_CLEANUP(issuer_registry_close_p)

struct issuer_enrollment {
        struct base_bytes ek_name;
        struct base_bytes ek_other_name;  /* evidence_ek_other_name(): the same device by it; empty if there is none */
        struct base_bytes ek_fingerprint; /* empty: it showed no certificate for this key */
        bool ek_certified;                /* by a trusted authority */
        struct base_bytes ak_name;
        struct base_bytes ak_public; /* TPM2B_PUBLIC */
        uint64_t now;
        unsigned per_hour; /* how often one device may */
};

/*
 * Whether issuer_registry_enroll() would enrol these, before anybody has proved anything. Errors: as there, and IO.
 */
bool issuer_registry_check_enrollment(struct issuer_registry *registry, const struct issuer_enrollment *enrollment,
                                      struct base_error *error) BASE_MUST_CHECK;

/*
 * Enrols a device, or gives a known one (by its endorsement key) a new attestation key: the old key is then superseded.
 * The same two keys again change nothing but the time. `ret_id` is the device's identifier, random and kept for good.
 * Errors: NOT_AUTHORIZED (the device is revoked; the attestation key is enrolled under another endorsement key, or was
 * superseded by a later one of the device), RATE_LIMITED (more than `per_hour`), LIMIT_EXCEEDED (ISSUER_REGISTRY_DEVICES_MAX),
 * IO.
 */
bool issuer_registry_enroll(struct issuer_registry *registry, const struct issuer_enrollment *enrollment,
                            char ret_id[static ISSUER_DEVICE_ID_LEN + 1], struct base_error *error) BASE_MUST_CHECK;

/* The device with this attestation key. Errors: NOT_FOUND, IO. */
bool issuer_registry_find(struct issuer_registry *registry, struct base_bytes ak_name, struct issuer_device *ret,
                          struct base_error *error) BASE_MUST_CHECK;

/*
 * Counts `count` tokens, 1 or more, on the day of `now` (UTC) and notes the device as verified. `ret_allowed` is false, and
 * nothing is counted, if it would then have more than `limit` of that day (0: no limit). Errors: IO.
 */
bool issuer_registry_count_tokens(struct issuer_registry *registry, int64_t device_row, uint64_t now, size_t count,
                                  unsigned limit, bool *ret_allowed, struct base_error *error) BASE_MUST_CHECK;

enum issuer_use {
        ISSUER_USE_ENROLLMENT = 1, /* the numbers are in the database */
        ISSUER_USE_EVENT_LOG = 2,
};

/* Counts one use in the hour of `now` (UTC); `ret_allowed` is false, and nothing is counted, after `limit` of them. Errors: IO.
 */
bool issuer_registry_count_use(struct issuer_registry *registry, int64_t device_row, enum issuer_use use, uint64_t now,
                               unsigned limit, bool *ret_allowed, struct base_error *error) BASE_MUST_CHECK;

/* Notes the reset count of a quote by this key, if it is higher than all before. Errors: IO. */
bool issuer_registry_note_reset_count(struct issuer_registry *registry, struct base_bytes ak_name, uint32_t reset_count,
                                      struct base_error *error) BASE_MUST_CHECK;

/* Keeps what the key of verified evidence is sealed to, at most ISSUER_SEAL_TEXT_MAX - 1 bytes. Errors: IO. */
bool issuer_registry_note_seal(struct issuer_registry *registry, int64_t device_row, const char *seal,
                               struct base_error *error) BASE_MUST_CHECK;

/* Errors: NOT_FOUND (no device has this id), IO. */
bool issuer_registry_set_status(struct issuer_registry *registry, const char *id, enum issuer_device_status status,
                                struct base_error *error) BASE_MUST_CHECK;
/* `group`: at most ISSUER_DEVICE_GROUP_MAX bytes; "" for none. Errors: INVALID_ARGUMENT, NOT_FOUND, IO. */
bool issuer_registry_set_group(struct issuer_registry *registry, const char *id, const char *group,
                               struct base_error *error) BASE_MUST_CHECK;

/* Keeps what an accepted event log proves, in place of what was known of the device's boots before. Errors: IO. */
bool issuer_registry_put_boot(struct issuer_registry *registry, int64_t device_row, const struct issuer_boot *boot, uint64_t now,
                              struct base_error *error) BASE_MUST_CHECK;
/* The last one that was put. Errors: NOT_FOUND, STATE_INVALID, IO. */
bool issuer_registry_find_boot(struct issuer_registry *registry, int64_t device_row, struct issuer_boot *ret,
                               struct base_error *error) BASE_MUST_CHECK;

/*
 * A boot state is the digest (evidence_pcr_policy_digest()) of the reference PCRs: SHA-256, those that are the same on all
 * machines of one model, firmware and boot loader. 1 and 5 differ from machine to machine, 3 and 6 say little.
 */
#define ISSUER_REFERENCE_PCRS (1u << 0 | 1u << 2 | 1u << 4 | 1u << 7)

struct issuer_approval {
        char group[ISSUER_DEVICE_GROUP_MAX + 1]; /* "" for devices of no group */
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        uint64_t approved_at;
};

/* Notes the state that a device was verified in, if it is another one than the last. Errors: IO. */
bool issuer_registry_note_boot_state(struct issuer_registry *registry, int64_t device_row,
                                     const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN], uint64_t now,
                                     struct base_error *error) BASE_MUST_CHECK;
/* Whether the state is approved for the group. Errors: IO. */
bool issuer_registry_is_approved(struct issuer_registry *registry, const char *group,
                                 const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN], bool *ret,
                                 struct base_error *error) BASE_MUST_CHECK;
/* Approves the state that the device was last verified in, for its group. Errors: NOT_FOUND, IO. */
bool issuer_registry_approve(struct issuer_registry *registry, const char *id, uint64_t now,
                             struct base_error *error) BASE_MUST_CHECK;
/*
 * The same for what somebody has looked at: nothing is approved if the device has another state or another group by now.
 * Errors: NOT_FOUND (that, or no such device), IO.
 */
bool issuer_registry_approve_state(struct issuer_registry *registry, const char *id, const char *group, struct base_bytes digest,
                                   uint64_t now, struct base_error *error) BASE_MUST_CHECK;
/* Errors: NOT_FOUND, IO. */
bool issuer_registry_disapprove(struct issuer_registry *registry, const char *group, struct base_bytes digest,
                                struct base_error *error) BASE_MUST_CHECK;
/* Calls `visitor` for each, by group. Errors: IO. */
bool issuer_registry_visit_approved(struct issuer_registry *registry,
                                    void (*visitor)(const struct issuer_approval *approval, void *context), void *context,
                                    struct base_error *error) BASE_MUST_CHECK;

/* What is remembered of rules that the device failed; the caller clears `ret`. Errors: STATE_INVALID, IO, NO_MEMORY. */
bool issuer_registry_find_graces(struct issuer_registry *registry, int64_t device_row, struct policy_graces *ret,
                                 struct base_error *error) BASE_MUST_CHECK;
/* Keeps what changed. Of two that are put at once, each rule has one of them whole. Errors: IO. */
bool issuer_registry_put_graces(struct issuer_registry *registry, int64_t device_row, const struct policy_graces *graces,
                                struct base_error *error) BASE_MUST_CHECK;

/* How many devices have this status. Errors: IO. */
bool issuer_registry_count(struct issuer_registry *registry, enum issuer_device_status status, uint64_t *ret,
                           struct base_error *error) BASE_MUST_CHECK;

/* Calls `visitor` for each device, oldest first, with `tokens_today` of the day of `now`. Errors: IO. */
bool issuer_registry_visit(struct issuer_registry *registry, uint64_t now,
                           void (*visitor)(const struct issuer_device *device, uint64_t tokens_today, void *context),
                           void *context, struct base_error *error) BASE_MUST_CHECK;

/* "active", "revoked". */
const char *issuer_device_status_name(enum issuer_device_status status);
