/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/device.h"
#include "tpm/approval.h"

#include "base/system.h"
#include "tpm/counter.h"
#include "tpm/key.h"
#include "tpm/leftovers.h"
#include "tpm/pcr_read.h"
#include "tpm/properties.h"
#include "tpm/quote.h"

#include <tss2/tss2_mu.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

struct tpm_device {
        char *tcti;
        int state_dir_fd;
        struct tpm_seal_config seal;
        struct tpm_pcr_selection seal_pcrs;
        struct tpm_pcr_selection quote_pcrs;
        unsigned backoff_min_ms;
        const struct base_clock *clock;
        struct tpm_connection connection;
        struct tpm_srk srk;
        bool connected;
        bool left_behind;    /* a connection ended with objects or sessions perhaps still loaded */
        unsigned backoff_ms; /* 0: the last attempt succeeded */
        uint64_t next_try_ms;
        struct evidence_pcrs quoted; /* values of the last quote */
        struct tpm_status status;
};

/* What a job does once the TPM is there; `parameters` are its own. */
typedef bool device_operation(struct tpm_device *device, void *parameters, struct base_error *error);

bool tpm_device_new(const struct tpm_device_config *config, struct tpm_device **ret, struct base_error *error)
{
        BASE_CLEANUP(tpm_device_free_p) struct tpm_device *device = calloc(1, sizeof(*device));

        if (device == NULL)
                return base_error_set_no_memory(error);
        device->srk = (struct tpm_srk) TPM_SRK_INIT;
        device->seal = config->seal;
        device->seal_pcrs = config->seal_pcrs;
        device->quote_pcrs = config->quote_pcrs;
        device->backoff_min_ms = config->backoff_min_ms;
        device->clock = config->clock;
        device->state_dir_fd = fcntl(config->state_dir_fd, F_DUPFD_CLOEXEC, 3);
        if (device->state_dir_fd < 0)
                return base_error_set_errno(error, errno, "The state directory cannot be used");
        device->tcti = strdup(config->tcti);
        if (device->tcti == NULL)
                return base_error_set_no_memory(error);
        *ret = BASE_STEAL(device);
        return true;
}

static void disconnect(struct tpm_device *device)
{
        tpm_srk_close(&device->srk);
        tpm_connection_close(&device->connection);
        device->connected = false;
}

void tpm_device_free(struct tpm_device *device)
{
        if (device == NULL)
                return;
        disconnect(device);
        base_close_p(&device->state_dir_fd);
        free(device->tcti);
        free(device);
}

const struct tpm_status *tpm_device_status(const struct tpm_device *device)
{
        return &device->status;
}

void tpm_device_hold_off(struct tpm_device *device, const struct base_error *reason)
{
        unsigned next = device->backoff_ms == 0 ? device->backoff_min_ms : device->backoff_ms * 2;

        device->left_behind = true;
        device->backoff_ms = next < TPM_WORKER_BACKOFF_MAX_MS ? next : TPM_WORKER_BACKOFF_MAX_MS;
        device->next_try_ms = device->clock->monotonic_ms(device->clock->context) + device->backoff_ms;
        device->status.state = TPM_STATE_UNAVAILABLE;
        device->status.reason = *reason;
        device->status.seal = TPM_SEAL_UNKNOWN;
        device->status.changed_pcrs = 0;
        device->status.seal_reason = (struct base_error) BASE_ERROR_INIT;
}

static bool clean_up(struct tpm_device *device, struct base_error *error)
{
        return !device->left_behind || !tpm_leftovers_are_ours(device->tcti) || tpm_leftovers_flush(&device->connection, error);
}

static bool connect_now(struct tpm_device *device, struct base_error *error)
{
        if (tpm_connection_open(device->tcti, &device->connection, error) &&
            tpm_properties_read(&device->connection, device->tcti, &device->status, error) && clean_up(device, error) &&
            tpm_srk_open(&device->connection, &device->srk, error)) {
                device->connected = true;
                device->left_behind = false;
                device->backoff_ms = 0;
                return true;
        }
        disconnect(device);
        return false;
}

static bool ensure_connected(struct tpm_device *device, struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;

        if (device->connected)
                return true;
        if (device->backoff_ms != 0 && device->clock->monotonic_ms(device->clock->context) < device->next_try_ms)
                return base_error_copy(error, &device->status.reason);
        if (connect_now(device, &reason))
                return true;
        reason.code = BASE_ERROR_TPM_UNAVAILABLE;
        tpm_device_hold_off(device, &reason);
        return base_error_copy(error, &reason);
}

static void wait_before_retry(unsigned attempt)
{
        unsigned ms = TPM_DEVICE_RETRY_MS << attempt;
        struct timespec delay = { .tv_sec = ms / 1000, .tv_nsec = (long) (ms % 1000) * 1000000 };

        (void) nanosleep(&delay, NULL);
}

/* What the outcome of a job says of TPM and key. A job that needs no key says nothing of the key when it succeeds. */
static void note_outcome(struct tpm_device *device, const struct base_error *failure)
{
        struct tpm_status *status = &device->status;

        switch (failure->code) {
        case BASE_ERROR_TPM_UNAVAILABLE:
                if (device->connected) {
                        status->state = TPM_STATE_UNAVAILABLE;
                        status->reason = *failure;
                }
                return;
        case BASE_ERROR_SEALED:
                status->seal = TPM_SEAL_SEALED;
                status->seal_reason = *failure;
                break;
        case BASE_ERROR_NOT_ENROLLED:
                status->seal = TPM_SEAL_NONE;
                status->seal_reason = *failure;
                break;
        case BASE_ERROR_STATE_INVALID:
        case BASE_ERROR_UNSUPPORTED:
        case BASE_ERROR_CONFIG_INVALID:
                status->seal = TPM_SEAL_UNKNOWN;
                status->seal_reason = *failure;
                break;
        default:
                break;
        }
        if (status->seal != TPM_SEAL_SEALED)
                status->changed_pcrs = 0;
        status->state = TPM_STATE_READY;
        status->reason = (struct base_error) BASE_ERROR_INIT;
}

static void note_open(struct tpm_device *device)
{
        device->status.seal = TPM_SEAL_OPEN;
        device->status.changed_pcrs = 0;
        device->status.seal_reason = (struct base_error) BASE_ERROR_INIT;
}

/* Runs, and again while the TPM asks for that. */
static bool run_with_retries(struct tpm_device *device, device_operation *operation, void *parameters, struct base_error *error)
{
        for (unsigned attempt = 0;; attempt++) {
                device->connection.failure = TPM_RC_CLASS_SUCCESS;
                if (operation(device, parameters, error))
                        return true;
                if (device->connection.failure != TPM_RC_CLASS_RETRY || attempt == TPM_DEVICE_RETRIES_MAX)
                        return false;
                wait_before_retry(attempt);
        }
}

/* Whether the job that failed may succeed on a new connection. */
static bool worth_reconnecting(struct tpm_device *device, const struct base_error *failure, bool fresh)
{
        /* Slots of a TPM that nobody else uses can be freed. */
        if (device->connection.failure == TPM_RC_CLASS_EXHAUSTED && tpm_leftovers_are_ours(device->tcti)) {
                device->left_behind = true;
                return true;
        }
        /* A TPM that was reset or cleared no longer has what this connection remembers of it. */
        return failure->code == BASE_ERROR_TPM_FAILED && (!fresh || device->connection.failure == TPM_RC_CLASS_NO_HANDLE);
}

/* Connects, runs, and drops a connection that broke. */
static bool run(struct tpm_device *device, device_operation *operation, void *parameters, struct base_error *error)
{
        struct base_error failure = BASE_ERROR_INIT;
        bool fresh = !device->connected, done;

        if (!ensure_connected(device, error))
                return false;
        done = run_with_retries(device, operation, parameters, &failure);
        if (!done && worth_reconnecting(device, &failure, fresh)) {
                disconnect(device);
                if (!ensure_connected(device, error))
                        return false;
                done = run_with_retries(device, operation, parameters, &failure);
        }
        if (done)
                failure = (struct base_error) BASE_ERROR_INIT;
        note_outcome(device, &failure);
        if (!done && device->connection.broken) {
                disconnect(device);
                tpm_device_hold_off(device, &failure);
        }
        return done || base_error_copy(error, &failure);
}

struct quote_parameters {
        const uint8_t *qualifying_data;
        struct tpm_quote *ret;
};

static bool quote(struct tpm_device *device, void *context, struct base_error *error)
{
        struct quote_parameters *parameters = context;
        struct tpm_key_file file;

        if (!tpm_key_file_load(device->state_dir_fd, &file, error) ||
            !tpm_quote_create(&device->connection, &device->srk, &file, &device->seal, device->quote_pcrs,
                              parameters->qualifying_data, &device->quoted, parameters->ret, &device->status.changed_pcrs, error))
                return false;
        note_open(device);
        return true;
}

bool tpm_device_quote(struct tpm_device *device, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN],
                      struct tpm_quote *ret, struct base_error *error)
{
        return run(device, quote, &(struct quote_parameters){ qualifying_data, ret }, error);
}

static bool describe(struct tpm_device *device, const struct tpm_key_file *file, struct tpm_identity_data *ret,
                     struct base_error *error)
{
        tpm_auto_ek struct tpm_ek ek = TPM_EK_INIT;

        if (!tpm_ek_open(&device->connection, &device->srk, &ek, error) || !tpm_key_file_name(file, ret->ak_name, error))
                return false;
        memcpy(ret->ek_public, ek.public_area, ek.public_len);
        ret->ek_public_len = ek.public_len;
        memcpy(ret->ek_certificate, ek.certificate, ek.certificate_len);
        ret->ek_certificate_len = ek.certificate_len;
        memcpy(ret->ak_public, file->public_area, file->public_len);
        ret->ak_public_len = file->public_len;
        return true;
}

/* The new key has shown that it signs before it replaces the old one. */
static bool create_key(struct tpm_device *device, void *context, struct base_error *error)
{
        static const uint8_t nothing[TPM_QUALIFYING_DATA_LEN] = { 0 };
        struct tpm_key_file file;
        struct tpm_quote trial;

        if (!tpm_key_create(&device->connection, &device->srk, device->seal_pcrs, &device->seal,
                            device->clock->wall_seconds(device->clock->context), &file, error) ||
            !tpm_quote_create(&device->connection, &device->srk, &file, &device->seal, device->quote_pcrs, nothing,
                              &device->quoted, &trial, &device->status.changed_pcrs, error) ||
            !describe(device, &file, context, error) || !tpm_key_file_save(device->state_dir_fd, &file, error))
                return false;
        note_open(device);
        return true;
}

bool tpm_device_create_key(struct tpm_device *device, struct tpm_identity_data *ret, struct base_error *error)
{
        return run(device, create_key, ret, error);
}

static bool identity(struct tpm_device *device, void *context, struct base_error *error)
{
        struct tpm_key_file file;

        return tpm_key_file_load(device->state_dir_fd, &file, error) && describe(device, &file, context, error);
}

bool tpm_device_identity(struct tpm_device *device, struct tpm_identity_data *ret, struct base_error *error)
{
        return run(device, identity, ret, error);
}

struct activate_parameters {
        TPM2B_ID_OBJECT credential;
        TPM2B_ENCRYPTED_SECRET encrypted_secret;
        uint8_t *ret;
};

static bool activate(struct tpm_device *device, void *context, struct base_error *error)
{
        struct activate_parameters *parameters = context;
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT;
        tpm_auto_ek struct tpm_ek ek = TPM_EK_INIT;
        struct tpm_key_file file;

        return tpm_key_file_load(device->state_dir_fd, &file, error) &&
               tpm_ek_open(&device->connection, &device->srk, &ek, error) &&
               tpm_key_load(&device->connection, &device->srk, &file, &key, error) &&
               tpm_key_activate(&device->connection, &device->srk, &ek, &key, &parameters->credential,
                                &parameters->encrypted_secret, parameters->ret, error);
}

bool tpm_device_activate(struct tpm_device *device, struct base_bytes credential, struct base_bytes encrypted_secret,
                         uint8_t ret[static TPM_CREDENTIAL_SECRET_LEN], struct base_error *error)
{
        struct activate_parameters parameters = { .ret = ret };
        size_t credential_at = 0, secret_at = 0;

        if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.data, credential.len, &credential_at, &parameters.credential) !=
                    TSS2_RC_SUCCESS ||
            Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(encrypted_secret.data, encrypted_secret.len, &secret_at,
                                                     &parameters.encrypted_secret) != TSS2_RC_SUCCESS ||
            credential_at != credential.len || secret_at != encrypted_secret.len)
                return base_error_set(error, BASE_ERROR_MALFORMED, "The verifier's credential does not parse.");
        return run(device, activate, &parameters, error);
}

struct counter_parameters {
        enum tpm_counter_step step;
        const struct tpm_counter_mark *mark;
        struct tpm_counter *ret;
};

static bool counter(struct tpm_device *device, void *context, struct base_error *error)
{
        struct counter_parameters *parameters = context;

        return tpm_counter_step(&device->connection, &device->srk, parameters->step, parameters->mark, parameters->ret, error);
}

bool tpm_device_counter(struct tpm_device *device, enum tpm_counter_step step, const struct tpm_counter_mark *mark,
                        struct tpm_counter *ret, struct base_error *error)
{
        return run(device, counter, &(struct counter_parameters){ step, mark, ret }, error);
}

/* Fills in what the key is sealed to, and what the PCRs hold now. */
static bool describe_seal(struct tpm_device *device, const struct tpm_key_file *file, struct tpm_seal_details *details,
                          struct base_error *error)
{
        const struct evidence_pcr_bank *bank = &file->sealed.banks[0];
        struct evidence_pcrs present;

        details->mode = file->mode;
        if (file->mode == TPM_SEAL_MODE_SIGNED) {
                memcpy(details->policy_ref, file->policy_ref, file->policy_ref_len);
                return tpm_key_file_authority_name(file, details->authority, error) &&
                       tpm_approval_nearest(&device->connection, file, &device->seal, &details->approved, &details->present,
                                            error);
        }
        if (!tpm_pcrs_read(&device->connection, (struct tpm_pcr_selection){ .bank = bank->algorithm, .mask = bank->mask },
                           ESYS_TR_NONE, &present, error))
                return false;
        details->approved = *bank;
        details->present = present.banks[0];
        return true;
}

static bool examine(struct tpm_device *device, void *context, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT;
        struct tpm_seal_details *details = &device->status.seal_details;
        struct tpm_key_file file;

        *details = (struct tpm_seal_details){ 0 };
        if (!tpm_key_file_load(device->state_dir_fd, &file, error) || !describe_seal(device, &file, details, error) ||
            !tpm_key_load(&device->connection, &device->srk, &file, &key, error) ||
            !tpm_quote_check_seal(&device->connection, &file, &device->seal, &device->status.changed_pcrs, error))
                return false;
        note_open(device);
        return true;
}

void tpm_device_examine(struct tpm_device *device)
{
        /* Every failure is in the status. */
        (void) !run(device, examine, NULL, NULL);
}
