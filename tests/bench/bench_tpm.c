/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the seal and the salted session cost: quotes by our worker next to the same quote by bare ESYS calls with a key that
 * a password opens. One line of JSON a figure. Arguments: TCTI of a running TPM, an empty directory.
 */
#include "base/system.h"
#include "tpm/connection.h"
#include "tpm/device.h"
#include "tpm/pcr_read.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define QUOTES 300

static uint64_t now_us(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* `raw_us` is the bare quote's time of the same run. */
static void print_figure(const char *name, double value_us, double raw_us)
{
        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f,\"raw\":%.1f,\"ratio\":%.3f}\n", name, value_us, raw_us,
                      value_us / raw_us);
        (void) fflush(stdout);
}

static void die(const struct base_error *error)
{
        (void) fprintf(stderr, "%s (%s)\n", error->message, error->detail);
        exit(1);
}

/* A restricted P-256 key with an empty password: what the AK would be without its seal. */
static bool create_password_key(struct tpm_connection *connection, struct tpm_handle *ret, struct base_error *error)
{
        TPM2B_SENSITIVE_CREATE no_secret = { 0 };
        TPM2B_DATA no_outside_info = { 0 };
        TPML_PCR_SELECTION no_pcrs = { 0 };
        TPM2B_PUBLIC template = {
                .publicArea = {
                        .type = TPM2_ALG_ECC,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                            TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
                        .parameters.eccDetail = {
                                .symmetric.algorithm = TPM2_ALG_NULL,
                                .scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
                                .curveID = TPM2_ECC_NIST_P256,
                                .kdf.scheme = TPM2_ALG_NULL,
                        },
                },
        };
        TSS2_RC rc;

        ret->connection = connection;
        rc = Esys_CreatePrimary(connection->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret,
                                &template, &no_outside_info, &no_pcrs, &ret->object, NULL, NULL, NULL, NULL);
        return rc == TSS2_RC_SUCCESS || tpm_connection_fail(connection, rc, "make a key", error);
}

static double bench_raw(const char *tcti)
{
        tpm_auto_connection struct tpm_connection connection = { 0 };
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT;
        TPML_PCR_SELECTION pcrs = tpm_pcr_selection_list(
                (struct tpm_pcr_selection){ TPM_PCR_BANK_SHA256, TPM_PCR_QUOTE_DEFAULT });
        TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
        struct base_error error = BASE_ERROR_INIT;
        TPM2B_DATA data = { .size = 32 };
        uint64_t began;

        if (!tpm_connection_open(tcti, &connection, &error) || !create_password_key(&connection, &key, &error))
                die(&error);
        began = now_us();
        for (int i = 0; i < QUOTES; i++) {
                tpm_auto_esys TPM2B_ATTEST *attest = NULL;
                tpm_auto_esys TPMT_SIGNATURE *signature = NULL;
                TSS2_RC rc = Esys_Quote(connection.esys, key.object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme,
                                        &pcrs, &attest, &signature);

                if (rc != TSS2_RC_SUCCESS) {
                        (void) tpm_connection_fail(&connection, rc, "quote", &error);
                        die(&error);
                }
        }
        return (double) (now_us() - began) / QUOTES;
}

static void bench_device(const char *tcti, int directory_fd, double raw_us)
{
        struct tpm_device_config config = {
                .tcti = tcti,
                .state_dir_fd = directory_fd,
                .seal_pcrs = { TPM_PCR_BANK_SHA256, TPM_PCR_SEAL_DEFAULT },
                .quote_pcrs = { TPM_PCR_BANK_SHA256, TPM_PCR_QUOTE_DEFAULT },
                .backoff_min_ms = TPM_WORKER_BACKOFF_MIN_MS,
                .clock = &base_system_clock,
        };
        BASE_CLEANUP(tpm_device_free_p) struct tpm_device *device = NULL;
        static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = { 0 };
        static struct tpm_identity_data identity;
        static struct tpm_quote quote;
        struct base_error error = BASE_ERROR_INIT;
        uint64_t began;

        if (!tpm_device_new(&config, &device, &error) || !tpm_device_create_key(device, &identity, &error))
                die(&error);
        began = now_us();
        for (int i = 0; i < QUOTES; i++) {
                if (!tpm_device_quote(device, challenge, &quote, &error))
                        die(&error);
        }
        print_figure("tpm_quote", (double) (now_us() - began) / QUOTES, raw_us);
}

struct count {
        int answers;
};

static void on_quote(void *context, const struct tpm_quote *quote, const struct base_error *error)
{
        struct count *count = context;

        if (error != NULL)
                die(error);
        count->answers++;
}

static void bench_worker(const char *tcti, int directory_fd, double raw_us)
{
        struct tpm_worker_config config = {
                .tcti = tcti,
                .state_dir_fd = directory_fd,
                .seal_pcrs = { TPM_PCR_BANK_SHA256, TPM_PCR_SEAL_DEFAULT },
                .quote_pcrs = { TPM_PCR_BANK_SHA256, TPM_PCR_QUOTE_DEFAULT },
        };
        BASE_CLEANUP(tpm_worker_free_p) struct tpm_worker *worker = NULL;
        static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        struct count count = { 0 };
        uint64_t began;

        if (!tpm_worker_new(&config, &worker, &error))
                die(&error);
        began = now_us();
        for (int i = 0; i < QUOTES; i++) {
                if (!tpm_worker_quote(worker, challenge, on_quote, &count, &error))
                        die(&error);
                while (count.answers <= i) {
                        struct pollfd wait = { .fd = tpm_worker_fd(worker), .events = POLLIN };

                        (void) poll(&wait, 1, -1);
                        tpm_worker_dispatch(worker);
                }
        }
        print_figure("tpm_worker_quote", (double) (now_us() - began) / QUOTES, raw_us);
}

int main(int argc, char **argv)
{
        base_auto_close int directory_fd = -1;
        double raw_us;

        if (argc != 3) {
                (void) fprintf(stderr, "usage: bench_tpm TCTI DIRECTORY\n");
                return 2;
        }
        directory_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tpm_connection_silence();
        raw_us = bench_raw(argv[1]);
        print_figure("tpm_raw_quote_with_password", raw_us, raw_us);
        bench_device(argv[1], directory_fd, raw_us);
        bench_worker(argv[1], directory_fd, raw_us);
        return 0;
}
