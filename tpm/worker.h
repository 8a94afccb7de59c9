/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TPM worker: one thread that owns the TPM, a bounded queue of jobs in, results out through a file descriptor.
 * Everything below is called on one thread, the owner's, and never blocks on the TPM. Used by attesterd; may be included
 * by attesterd/.
 *
 * Life of a job: a submit function either takes it (true) and its callback is then called exactly once, from
 * tpm_worker_dispatch() or, with CANCELLED, from tpm_worker_free(); or it refuses it (false) and the callback is never
 * called. A callback may submit more jobs; it must not free the worker. Results are valid during the callback.
 *
 * A TPM that is absent or lost makes jobs fail at once with TPM_UNAVAILABLE and the reason; the first job after the
 * back-off interval tries to connect again. A TPM that hangs makes them fail with TPM_UNAVAILABLE after the deadline.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "evidence/quote.h"
#include "tpm/pcr.h"
#include "tpm/seal.h"

#define TPM_WORKER_QUEUE_MAX       64    /* jobs that wait or run */
#define TPM_WORKER_JOB_TIMEOUT_MS  30000 /* default bound of one job in the TPM */
#define TPM_WORKER_KEY_JOB_FACTOR  4 /* times that for jobs that make the TPM derive an EK: RSA takes some chips many seconds */
#define TPM_WORKER_STOP_TIMEOUT_MS 2000  /* how long tpm_worker_free() waits for the thread */
#define TPM_WORKER_STUCK_MAX       4     /* threads that a hanging TPM holds; no new one is started beyond */
#define TPM_WORKER_BACKOFF_MIN_MS  500   /* between attempts to connect: doubles ... */
#define TPM_WORKER_BACKOFF_MAX_MS  30000 /* ... up to this */

#define TPM_QUALIFYING_DATA_LEN   32
#define TPM_CERTIFICATE_BYTES_MAX 4096
#define TPM_CREDENTIAL_BYTES_MAX  1024
#define TPM_CREDENTIAL_SECRET_LEN 32

/* Of the counter for policy bundles and its mark: in the range that TCG's registry of reserved handles leaves to the owner. */
#define TPM_COUNTER_INDEX      0x01a77e57u
#define TPM_COUNTER_MARK_INDEX 0x01a77e58u

enum tpm_counter_step {
        TPM_COUNTER_READ,
        TPM_COUNTER_PREPARE,   /* makes it if there is none */
        TPM_COUNTER_INCREMENT, /* not if there is none */
};

/* The policy bundle that was counted last. No padding: marks are compared as bytes. */
struct tpm_counter_mark {
        uint8_t fleet[BASE_SHA256_LEN]; /* the SHA-256 of its fleet's name */
        uint64_t version;
};
_Static_assert(sizeof(struct tpm_counter_mark) == BASE_SHA256_LEN + sizeof(uint64_t), "a mark has no padding");

struct tpm_counter {
        uint64_t value;
        bool marked; /* `mark` is there */
        struct tpm_counter_mark mark;
};

struct tpm_worker;

struct tpm_quote {
        struct evidence_quote evidence;        /* attest, signature, and PCR values that hash to what was signed */
        uint8_t key_name[EVIDENCE_KEY_ID_LEN]; /* of the AK that signed */
        struct evidence_pcr_selection seal;    /* what that AK is sealed to */
};

struct tpm_identity {
        struct base_bytes ek_public;      /* TPM2B_PUBLIC */
        struct base_bytes ek_certificate; /* DER, as found in NV; empty if the TPM has none */
        struct base_bytes ak_public;      /* TPM2B_PUBLIC */
        uint8_t ak_name[EVIDENCE_KEY_ID_LEN];
};

enum tpm_state {
        TPM_STATE_CONNECTING, /* no job has run yet */
        TPM_STATE_READY,
        TPM_STATE_UNAVAILABLE,
};

enum tpm_seal_state {
        TPM_SEAL_UNKNOWN, /* the TPM or the key file could not be read */
        TPM_SEAL_NONE,    /* no key yet */
        TPM_SEAL_OPEN,    /* the key signs now */
        TPM_SEAL_SEALED,
};

/* What the key is sealed to, as the last tpm_worker_status() found it. */
struct tpm_seal_details {
        enum tpm_seal_mode mode; /* 0: there is no key, or it could not be read */
        /* PCR: the values that it is sealed to. SIGNED: those of the approved state that differs least; mask 0: none is known. */
        struct evidence_pcr_bank approved;
        struct evidence_pcr_bank present;       /* the same PCRs now */
        uint8_t authority[EVIDENCE_KEY_ID_LEN]; /* SIGNED: its name */
        char policy_ref[EVIDENCE_POLICY_REF_BYTES_MAX + 1];
};

struct tpm_status {
        enum tpm_state state;
        struct base_error reason; /* of UNAVAILABLE: code and the TPM's own reason; code NONE otherwise */
        enum tpm_seal_state seal;
        uint32_t changed_pcrs;         /* of SEALED: bit n for PCR n; in mode SIGNED, those that no signature holds for */
        struct base_error seal_reason; /* why it is not OPEN; code NONE if it is, or if the TPM is unavailable */
        struct tpm_seal_details seal_details;
        char manufacturer[5]; /* TPM_PT_MANUFACTURER, "" until it has been read */
        char firmware[24];    /* "major.minor.major.minor" of TPM_PT_FIRMWARE_VERSION_1 and _2 */
        bool simulated;       /* a software TPM, by what it says of itself */
};

struct tpm_worker_config {
        const char *tcti;                    /* copied, as is all of this */
        int state_dir_fd;                    /* directory of the key file; duplicated */
        struct tpm_seal_config seal;         /* zero: mode PCR */
        struct tpm_pcr_selection seal_pcrs;  /* mode PCR, for new keys; a present key keeps its own */
        struct tpm_pcr_selection quote_pcrs; /* what quotes report */
        unsigned job_timeout_ms;             /* 0: TPM_WORKER_JOB_TIMEOUT_MS */
        unsigned backoff_min_ms;             /* 0: TPM_WORKER_BACKOFF_MIN_MS */
        /* Called from tpm_worker_dispatch() after state or seal state changed. NULL: not wanted. */
        void (*changed)(void *context, const struct tpm_status *status);
        void *context;
};

/*
 * Starts the thread; it touches the TPM only when a job asks. Every failure of the TPM is a job's result, so a machine
 * without one gets a worker too. The caller frees `ret`. Errors: NO_MEMORY, IO, INVALID_ARGUMENT.
 */
bool tpm_worker_new(const struct tpm_worker_config *config, struct tpm_worker **ret, struct base_error *error) BASE_MUST_CHECK;

/* Cancels what waits, stops the thread within TPM_WORKER_STOP_TIMEOUT_MS even if the TPM hangs. NULL is fine. */
void tpm_worker_free(struct tpm_worker *worker);
BASE_DEFINE_CLEANUP(struct tpm_worker, tpm_worker_free)

/* Readable when tpm_worker_dispatch() has something to do. Owned by the worker. */
int tpm_worker_fd(const struct tpm_worker *worker);

/* Calls the callbacks of finished and timed-out jobs. */
void tpm_worker_dispatch(struct tpm_worker *worker);

/* The last known status, without asking the TPM; updated by every job. Valid until the next dispatch. */
const struct tpm_status *tpm_worker_known_status(const struct tpm_worker *worker);

/*
 * In every callback either `error` is NULL and the result is there, or the result is NULL.
 * Errors of every job: TPM_UNAVAILABLE (absent, lost, hangs, locked out, busy: names the TPM's own reason), TPM_FAILED,
 * NO_MEMORY, CANCELLED. Errors of every submit function: BUSY (TPM_WORKER_QUEUE_MAX), NO_MEMORY, CANCELLED
 * (the worker is being freed).
 */
typedef void tpm_quote_callback(void *context, const struct tpm_quote *quote, const struct base_error *error);
typedef void tpm_identity_callback(void *context, const struct tpm_identity *identity, const struct base_error *error);
typedef void tpm_secret_callback(void *context, const uint8_t *secret, const struct base_error *error);
typedef void tpm_counter_callback(void *context, const struct tpm_counter *counter, const struct base_error *error);
typedef void tpm_status_callback(void *context, const struct tpm_status *status, const struct base_error *error);

/*
 * Signs the quoted PCRs and `qualifying_data` with the AK (TPM2_Quote).
 * Job errors also: SEALED (names each PCR that changed), NOT_ENROLLED (no key, or the TPM was cleared since it was made),
 * STATE_INVALID (damaged key file), CONFIG_INVALID (damaged signatures of an authority: names file and position).
 */
bool tpm_worker_quote(struct tpm_worker *worker, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN],
                      tpm_quote_callback *callback, void *context, struct base_error *error) BASE_MUST_CHECK;

/*
 * Makes a new AK, sealed to the present values of `seal_pcrs` or to the authority of `seal`, and replaces the key file; the old
 * key stays in force if anything fails: also if the new one does not sign now. The result is the new identity.
 * Job errors also: IO (state directory), SEALED and CONFIG_INVALID (mode SIGNED: no signature for the state of now, no key).
 */
bool tpm_worker_create_key(struct tpm_worker *worker, tpm_identity_callback *callback, void *context,
                           struct base_error *error) BASE_MUST_CHECK;

/* Public parts and EK certificate, for enrolment. Job errors also: NOT_ENROLLED (no key), STATE_INVALID. */
bool tpm_worker_identity(struct tpm_worker *worker, tpm_identity_callback *callback, void *context,
                         struct base_error *error) BASE_MUST_CHECK;

/*
 * Opens a credential that a verifier made for this EK and AK (TPM2_ActivateCredential). `credential` is a
 * TPM2B_ID_OBJECT, `encrypted_secret` a TPM2B_ENCRYPTED_SECRET; both are copied. The secret has
 * TPM_CREDENTIAL_SECRET_LEN bytes and is wiped after the callback.
 * Errors of submit also: MALFORMED (too long). Job errors also: MALFORMED, NOT_ENROLLED, STATE_INVALID, CRYPTO (made for other
 * keys). It works in every boot state: it shows that both keys live in this TPM, and lets the AK sign nothing.
 */
bool tpm_worker_activate(struct tpm_worker *worker, struct base_bytes credential, struct base_bytes encrypted_secret,
                         tpm_secret_callback *callback, void *context, struct base_error *error) BASE_MUST_CHECK;

/*
 * Does `step` with the counter for policy bundles; the result is the counter afterwards. `mark` is what INCREMENT leaves beside
 * it (NULL: what is there). Needs no key. Job errors also: NOT_FOUND (all but PREPARE: there is no counter).
 */
bool tpm_worker_counter(struct tpm_worker *worker, enum tpm_counter_step step, const struct tpm_counter_mark *mark,
                        tpm_counter_callback *callback, void *context, struct base_error *error) BASE_MUST_CHECK;

/* Asks TPM and key file now. A TPM that is unavailable is a status here and not an error. */
bool tpm_worker_status(struct tpm_worker *worker, tpm_status_callback *callback, void *context,
                       struct base_error *error) BASE_MUST_CHECK;
