/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TPM and the key file together, as blocking calls: connects when needed and again after a loss, with back-off, and keeps
 * the status. What tpm/worker.h offers is this, on a thread. Runs on attesterd's TPM thread; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/hierarchy.h"
#include "tpm/worker.h"

#define TPM_DEVICE_RETRIES_MAX 6 /* of one job, while the TPM asks for it: 20, 40, ... 640 ms apart */
#define TPM_DEVICE_RETRY_MS    20

struct tpm_device;

struct tpm_device_config {
        const char *tcti; /* copied */
        int state_dir_fd; /* duplicated */
        struct tpm_seal_config seal;
        struct tpm_pcr_selection seal_pcrs;
        struct tpm_pcr_selection quote_pcrs;
        unsigned backoff_min_ms;
        const struct base_clock *clock; /* must outlive the device */
};

struct tpm_identity_data {
        uint8_t ek_public[EVIDENCE_PUBLIC_BYTES_MAX];
        size_t ek_public_len;
        uint8_t ek_certificate[TPM_CERTIFICATE_BYTES_MAX];
        size_t ek_certificate_len;
        uint8_t ak_public[EVIDENCE_PUBLIC_BYTES_MAX];
        size_t ak_public_len;
        uint8_t ak_name[EVIDENCE_KEY_ID_LEN];
};

/* Sends nothing to the TPM yet. Errors: NO_MEMORY, IO. */
bool tpm_device_new(const struct tpm_device_config *config, struct tpm_device **ret, struct base_error *error) BASE_MUST_CHECK;
void tpm_device_free(struct tpm_device *device);
BASE_DEFINE_CLEANUP(struct tpm_device, tpm_device_free)

/* As if the last attempt to connect had just failed with `reason`: no other is made before the back-off ends. */
void tpm_device_hold_off(struct tpm_device *device, const struct base_error *reason);

const struct tpm_status *tpm_device_status(const struct tpm_device *device);

/* The jobs of tpm/worker.h, with their errors. */
bool tpm_device_quote(struct tpm_device *device, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN],
                      struct tpm_quote *ret, struct base_error *error) BASE_MUST_CHECK;
bool tpm_device_create_key(struct tpm_device *device, struct tpm_identity_data *ret, struct base_error *error) BASE_MUST_CHECK;
bool tpm_device_identity(struct tpm_device *device, struct tpm_identity_data *ret, struct base_error *error) BASE_MUST_CHECK;
bool tpm_device_activate(struct tpm_device *device, struct base_bytes credential, struct base_bytes encrypted_secret,
                         uint8_t ret[static TPM_CREDENTIAL_SECRET_LEN], struct base_error *error) BASE_MUST_CHECK;
bool tpm_device_counter(struct tpm_device *device, enum tpm_counter_step step, const struct tpm_counter_mark *mark,
                        struct tpm_counter *ret, struct base_error *error) BASE_MUST_CHECK;
/* Brings the status up to date. */
void tpm_device_examine(struct tpm_device *device);
