/* SPDX-License-Identifier: BSD-2-Clause */
/* A swtpm, a state directory and a worker, with the worker's jobs as calls that wait for their answer. */
#pragma once

#include "tests/tpm/swtpm.h"
#include "tpm/worker.h"

#define FIXTURE_WAIT_MS 60000

struct fixture {
        struct swtpm tpm;
        int state_dir_fd;
        struct tpm_worker *worker;
        struct tpm_worker_config config;
        unsigned changes; /* calls of the `changed` callback */
};

/* What the last answer was; the error's code is NONE for success. */
struct answer {
        bool came;
        struct base_error error;
        struct tpm_quote quote;
        uint8_t secret[TPM_CREDENTIAL_SECRET_LEN];
        struct tpm_status status;
        struct tpm_counter counter;
        uint8_t ek_public[EVIDENCE_PUBLIC_BYTES_MAX];
        size_t ek_public_len;
        uint8_t ek_certificate[TPM_CERTIFICATE_BYTES_MAX];
        size_t ek_certificate_len;
        uint8_t ak_public[EVIDENCE_PUBLIC_BYTES_MAX];
        size_t ak_public_len;
        uint8_t ak_name[EVIDENCE_KEY_ID_LEN];
};

/* Starts swtpm, with `config` preset; fixture_worker() starts the worker with whatever the test made of it. */
void fixture_start(struct fixture *fixture, bool certificates);
void fixture_start_with(struct fixture *fixture, const char *const options[]);
void fixture_worker(struct fixture *fixture, const char *tcti);
void fixture_worker_end(struct fixture *fixture);
void fixture_end(struct fixture *fixture);

/* Dispatches until the answer is there. */
void fixture_wait(struct fixture *fixture, struct answer *answer);

/* Callbacks whose context is a struct answer. */
void fixture_on_quote(void *context, const struct tpm_quote *quote, const struct base_error *error);
void fixture_on_status(void *context, const struct tpm_status *status, const struct base_error *error);

/* Each waits and returns the error's code. */
enum base_error_code fixture_quote(struct fixture *fixture, const uint8_t *qualifying_data, struct answer *ret);
enum base_error_code fixture_create_key(struct fixture *fixture, struct answer *ret);
enum base_error_code fixture_identity(struct fixture *fixture, struct answer *ret);
enum base_error_code fixture_activate(struct fixture *fixture, struct base_bytes credential, struct base_bytes encrypted_secret,
                                      struct answer *ret);
enum base_error_code fixture_status(struct fixture *fixture, struct answer *ret);
