/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TPM that answers as it likes: jobs of attesterd on a TCTI whose responses are the input. The first byte chooses the job; then
 * each response is a byte of its response code (0 mostly), two of its length, and what follows the header.
 */
#include "base/system.h"
#include "tpm/connection.h"
#include "tpm/device.h"
#include "tpm/key_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#define RESPONSES_MAX 64 /* then the TPM is gone */
#define HEADER_LEN    10

struct tcti {
        TSS2_TCTI_CONTEXT_COMMON_V1 common;
        struct base_bytes input;
        unsigned responses;
        uint8_t response[4096];
        size_t len;
};

static struct tcti tcti;
/* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET. */
static const uint8_t credential[] = { 0, 4, 1, 2, 3, 4 }, encrypted_secret[] = { 0, 2, 1, 2 };

static uint8_t take(struct tcti *from)
{
        uint8_t byte = from->input.len > 0 ? from->input.data[0] : 0;

        if (from->input.len > 0)
                from->input = BASE_BYTES(from->input.data + 1, from->input.len - 1);
        return byte;
}

/* The answer to a command whose sessions the first byte of its tag tells. */
static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
        struct tcti *self = (struct tcti *) context;
        uint8_t code = take(self);
        size_t body = (size_t) take(self) << 8, at;

        (void) size;
        body |= take(self);
        if (self->responses++ == RESPONSES_MAX || self->input.len == 0)
                return TSS2_TCTI_RC_IO_ERROR;
        if (code != 0 || body > sizeof(self->response) - HEADER_LEN)
                body = 0;
        self->len = HEADER_LEN + body;
        memcpy(self->response, code == 0 ? command : (const uint8_t[]){ 0x80, 0x01 }, 2);
        for (at = 0; at < 4; at++)
                self->response[2 + at] = (uint8_t) (self->len >> (24 - 8 * at));
        memset(self->response + 6, 0, 4);
        self->response[8] = code == 0 ? 0 : 1 + (code & 8);
        self->response[9] = code;
        for (at = HEADER_LEN; at < self->len; at++)
                self->response[at] = take(self);
        return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
        struct tcti *self = (struct tcti *) context;

        (void) timeout;
        if (response == NULL) {
                *size = self->len;
                return TSS2_RC_SUCCESS;
        }
        if (*size < self->len)
                return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
        memcpy(response, self->response, self->len);
        *size = self->len;
        return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
        (void) context;
}

/* In place of the loader's: whatever the string says, it is the TCTI above. */
TSS2_RC Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **context)
{
        (void) name;
        tcti.common = (TSS2_TCTI_CONTEXT_COMMON_V1){
                .version = 1, .transmit = transmit, .receive = receive, .finalize = finalize
        };
        *context = (TSS2_TCTI_CONTEXT *) &tcti;
        return TSS2_RC_SUCCESS;
}

void Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
        *context = NULL;
}

/* A key that the TPM might have made: its areas are for the TPM to understand. */
static bool save_key(int directory_fd)
{
        struct tpm_key_file file = {
                .mode = TPM_SEAL_MODE_PCR,
                .sealed = { .bank_count = 1, .banks = { { .algorithm = TPM_PCR_BANK_SHA256, .mask = 1u << 7 } } },
                .parent_name_len = EVIDENCE_KEY_ID_LEN,
                .public_len = 90,
                .private_len = 128,
        };

        return tpm_key_file_save(directory_fd, &file, NULL);
}

static uint64_t still(void *context)
{
        (void) context;
        return 1;
}

static void run_job(struct tpm_device *device, uint8_t job)
{
        static const uint8_t bytes[TPM_QUALIFYING_DATA_LEN] = { 1 };
        struct tpm_identity_data identity;
        struct tpm_quote quote;
        uint8_t secret[TPM_CREDENTIAL_SECRET_LEN];

        switch (job % 4) {
        case 0:
                if (tpm_device_quote(device, bytes, &quote, NULL))
                        abort(); /* nobody but a TPM with the salt can sign a session */
                return;
        case 1:
                (void) !tpm_device_create_key(device, &identity, NULL);
                return;
        case 2:
                (void) !tpm_device_identity(device, &identity, NULL);
                return;
        default:
                if (tpm_device_activate(device, BASE_BYTES_OF(credential), BASE_BYTES_OF(encrypted_secret), secret, NULL))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct base_clock clock = { .wall_seconds = still, .monotonic_ms = still, .boottime_ms = still };
        BASE_CLEANUP(tpm_device_free_p) struct tpm_device *device = NULL;
        char directory[] = "/tmp/fuzz-tpm-XXXXXX";
        base_auto_close int fd = -1;
        struct tpm_device_config config = {
                .tcti = "fuzz",
                .clock = &clock,
                .backoff_min_ms = 1,
                .seal_pcrs = { .bank = TPM_PCR_BANK_SHA256, .mask = 1u << 7 },
                .quote_pcrs = { .bank = TPM_PCR_BANK_SHA256, .mask = 0xff },
        };

        tpm_connection_silence();
        if (size == 0 || mkdtemp(directory) == NULL)
                return 0;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        config.state_dir_fd = fd;
        tcti.input = BASE_BYTES(data + 1, size - 1);
        tcti.responses = 0;
        if (fd >= 0 && save_key(fd) && tpm_device_new(&config, &device, NULL))
                run_job(device, data[0]);
        (void) unlinkat(fd, TPM_KEY_FILE_NAME, 0);
        (void) rmdir(directory);
        return 0;
}
