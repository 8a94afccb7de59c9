/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tpm/fixture.h"

#include "base/system.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

static void on_changed(void *context, const struct tpm_status *status)
{
        struct fixture *fixture = context;

        fixture->changes++;
}

static void prepare(struct fixture *fixture)
{
        char directory[96];

        (void) snprintf(directory, sizeof(directory), "%s/var", fixture->tpm.directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        fixture->state_dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->state_dir_fd >= 0);
        fixture->config = (struct tpm_worker_config){
                .state_dir_fd = fixture->state_dir_fd,
                .seal_pcrs = { .bank = TPM_PCR_BANK_SHA256, .mask = TPM_PCR_SEAL_DEFAULT },
                .quote_pcrs = { .bank = TPM_PCR_BANK_SHA256, .mask = TPM_PCR_QUOTE_DEFAULT },
                .backoff_min_ms = 1,
                .changed = on_changed,
                .context = fixture,
        };
}

void fixture_start(struct fixture *fixture, bool certificates)
{
        *fixture = (struct fixture){ .state_dir_fd = -1 };
        swtpm_start(&fixture->tpm, certificates);
        prepare(fixture);
}

void fixture_start_with(struct fixture *fixture, const char *const options[])
{
        *fixture = (struct fixture){ .state_dir_fd = -1 };
        swtpm_start_with(&fixture->tpm, options);
        prepare(fixture);
}

void fixture_worker(struct fixture *fixture, const char *tcti)
{
        struct base_error error = BASE_ERROR_INIT;

        fixture->config.tcti = tcti;
        if (!tpm_worker_new(&fixture->config, &fixture->worker, &error))
                fail_msg("%s", error.message);
}

void fixture_worker_end(struct fixture *fixture)
{
        tpm_worker_free(fixture->worker);
        fixture->worker = NULL;
}

void fixture_end(struct fixture *fixture)
{
        fixture_worker_end(fixture);
        base_close_p(&fixture->state_dir_fd);
        swtpm_end(&fixture->tpm);
}

void fixture_wait(struct fixture *fixture, struct answer *answer)
{
        uint64_t until = base_system_clock.monotonic_ms(NULL) + FIXTURE_WAIT_MS;

        while (!answer->came) {
                struct pollfd wait = { .fd = tpm_worker_fd(fixture->worker), .events = POLLIN };

                (void) poll(&wait, 1, 1000);
                tpm_worker_dispatch(fixture->worker);
                if (base_system_clock.monotonic_ms(NULL) > until)
                        fail_msg("the worker does not answer");
        }
}

static struct answer *begin_answer(void *context, const struct base_error *error)
{
        struct answer *answer = context;

        assert_false(answer->came);
        answer->came = true;
        if (error != NULL)
                answer->error = *error;
        return answer;
}

void fixture_on_quote(void *context, const struct tpm_quote *quote, const struct base_error *error)
{
        struct answer *answer = begin_answer(context, error);

        assert_true((quote == NULL) == (error != NULL));
        if (quote != NULL)
                answer->quote = *quote;
}

static void on_secret(void *context, const uint8_t *secret, const struct base_error *error)
{
        struct answer *answer = begin_answer(context, error);

        assert_true((secret == NULL) == (error != NULL));
        if (secret != NULL)
                memcpy(answer->secret, secret, sizeof(answer->secret));
}

void fixture_on_status(void *context, const struct tpm_status *status, const struct base_error *error)
{
        struct answer *answer = begin_answer(context, error);

        assert_true((status == NULL) == (error != NULL));
        if (status != NULL)
                answer->status = *status;
}

static size_t copy(uint8_t *to, size_t capacity, struct base_bytes from)
{
        assert_true(from.len <= capacity);
        memcpy(to, from.data, from.len);
        return from.len;
}

static void on_identity(void *context, const struct tpm_identity *identity, const struct base_error *error)
{
        struct answer *answer = begin_answer(context, error);

        assert_true((identity == NULL) == (error != NULL));
        if (identity == NULL)
                return;
        answer->ek_public_len = copy(answer->ek_public, sizeof(answer->ek_public), identity->ek_public);
        answer->ek_certificate_len = copy(answer->ek_certificate, sizeof(answer->ek_certificate), identity->ek_certificate);
        answer->ak_public_len = copy(answer->ak_public, sizeof(answer->ak_public), identity->ak_public);
        memcpy(answer->ak_name, identity->ak_name, sizeof(answer->ak_name));
}

enum base_error_code fixture_quote(struct fixture *fixture, const uint8_t *qualifying_data, struct answer *ret)
{
        memset(ret, 0, sizeof(*ret));
        assert_true(tpm_worker_quote(fixture->worker, qualifying_data, fixture_on_quote, ret, NULL));
        fixture_wait(fixture, ret);
        return ret->error.code;
}

enum base_error_code fixture_create_key(struct fixture *fixture, struct answer *ret)
{
        memset(ret, 0, sizeof(*ret));
        assert_true(tpm_worker_create_key(fixture->worker, on_identity, ret, NULL));
        fixture_wait(fixture, ret);
        return ret->error.code;
}

enum base_error_code fixture_identity(struct fixture *fixture, struct answer *ret)
{
        memset(ret, 0, sizeof(*ret));
        assert_true(tpm_worker_identity(fixture->worker, on_identity, ret, NULL));
        fixture_wait(fixture, ret);
        return ret->error.code;
}

enum base_error_code fixture_activate(struct fixture *fixture, struct base_bytes credential, struct base_bytes encrypted_secret,
                                      struct answer *ret)
{
        memset(ret, 0, sizeof(*ret));
        assert_true(tpm_worker_activate(fixture->worker, credential, encrypted_secret, on_secret, ret, NULL));
        fixture_wait(fixture, ret);
        return ret->error.code;
}

enum base_error_code fixture_status(struct fixture *fixture, struct answer *ret)
{
        memset(ret, 0, sizeof(*ret));
        assert_true(tpm_worker_status(fixture->worker, fixture_on_status, ret, NULL));
        fixture_wait(fixture, ret);
        return ret->error.code;
}
