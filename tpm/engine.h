/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread with a TPM device and a queue of jobs. A thread that hangs in the TPM can be abandoned: it then owns what it
 * still uses, and ends when the TPM lets it. Runs in attesterd; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/device.h"

enum tpm_job_kind {
        TPM_JOB_QUOTE,
        TPM_JOB_CREATE_KEY,
        TPM_JOB_IDENTITY,
        TPM_JOB_ACTIVATE,
        TPM_JOB_COUNTER,
        TPM_JOB_STATUS,
};

union tpm_job_callback {
        tpm_quote_callback *quote;
        tpm_identity_callback *identity; /* of CREATE_KEY too */
        tpm_secret_callback *secret;
        tpm_counter_callback *counter;
        tpm_status_callback *status;
};

union tpm_job_result {
        struct tpm_quote quote;
        struct tpm_identity_data identity;
        uint8_t secret[TPM_CREDENTIAL_SECRET_LEN];
        struct tpm_counter counter;
};

/* What the thread works on. */
struct tpm_work {
        uint8_t qualifying_data[TPM_QUALIFYING_DATA_LEN]; /* QUOTE */
        struct base_buffer credential;                    /* ACTIVATE */
        struct base_buffer encrypted_secret;
        enum tpm_counter_step counter_step; /* COUNTER */
        struct tpm_counter_mark counter_mark;
        bool has_counter_mark;
        union tpm_job_result result; /* if error.code is NONE */
        struct base_error error;
        struct tpm_status status; /* after the job */
};

struct tpm_job {
        struct tpm_job *next;
        enum tpm_job_kind kind;
        union tpm_job_callback callback;
        void *context;
        struct tpm_work work; /* while it runs: with the thread */
};

/* Wipes. NULL is fine. */
void tpm_job_free(struct tpm_job *job);

/* First in, first out. */
struct tpm_job_list {
        struct tpm_job *first;
        struct tpm_job *last;
};

void tpm_job_list_append(struct tpm_job_list *list, struct tpm_job *job);
struct tpm_job *tpm_job_list_take(struct tpm_job_list *list);

struct tpm_engine;

/*
 * Starts the thread. `hold_off` (or NULL) is the reason why the TPM is not to be tried before the back-off ends. When a
 * job is done the thread adds to the eventfd `done_fd`, which is duplicated. Errors: NO_MEMORY, IO.
 */
bool tpm_engine_new(const struct tpm_device_config *config, const struct base_error *hold_off, int done_fd,
                    struct tpm_engine **ret, struct base_error *error) BASE_MUST_CHECK;

/* Takes the job. */
void tpm_engine_submit(struct tpm_engine *engine, struct tpm_job *job);

/* Moves what is done to the end of `ret`. */
void tpm_engine_collect(struct tpm_engine *engine, struct tpm_job_list *ret);

/* Since when, by the monotonic clock, and what. False: nothing runs. */
bool tpm_engine_is_running(struct tpm_engine *engine, uint64_t *ret_since_ms, enum tpm_job_kind *ret_kind);

/*
 * Asks the thread to end as soon as it can, and moves every job that it has to the end of `ret`: those done, the
 * running one, those that wait. What the thread still makes of that one is thrown away.
 */
void tpm_engine_abandon(struct tpm_engine *engine, struct tpm_job_list *ret);

/* Whether an abandoned engine's thread has ended. */
bool tpm_engine_ended(struct tpm_engine *engine);

/* Of an abandoned engine: waits at most `timeout_ms` for the thread to end and gives the engine up either way. */
void tpm_engine_release(struct tpm_engine *engine, unsigned timeout_ms);
