/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "base/system.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define HANG_TIMEOUT_MS 300

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

/* A key is there already; the worker is started by the test, behind a proxy. */
static int start(void **state)
{
        static struct fixture fixture;
        struct answer made;

        fixture_start(&fixture, false);
        fixture_worker(&fixture, fixture.tpm.tcti);
        if (fixture_create_key(&fixture, &made) != BASE_ERROR_NONE)
                fail_msg("%s (%s)", made.error.message, made.error.detail);
        fixture_worker_end(&fixture);
        *state = &fixture;
        return 0;
}

static int end(void **state)
{
        fixture_end(*state);
        return 0;
}

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

static void must_say(const struct answer *answer, enum base_error_code code, const char *words)
{
        if (answer->error.code != code || strstr(answer->error.message, words) == NULL)
                fail_msg("%s: \"%s\" is not %s or does not say \"%s\"", base_error_name(answer->error.code),
                         answer->error.message, base_error_name(code), words);
}

static uint64_t now_ms(void)
{
        return base_system_clock.monotonic_ms(base_system_clock.context);
}

/* Until the proxy has seen it. */
static void wait_for_report(const struct swtpm_proxy *proxy, const char *words)
{
        uint64_t until = now_ms() + 20000;

        for (;;) {
                base_auto_buffer struct base_buffer report = BASE_BUFFER_INIT(4096);

                assert_int_equal(kill(proxy->pid, SIGUSR1), 0);
                (void) usleep(20000);
                if (base_file_read(proxy->report, &report, NULL) && strstr(base_buffer_c_string(&report), words) != NULL)
                        return;
                if (now_ms() > until)
                        fail_msg("the proxy does not report %s", words);
        }
}

/* Asks until the TPM is back; each try is over at once or succeeds. */
static void recovers(struct fixture *fixture)
{
        struct answer answer;
        uint64_t until = now_ms() + 20000;

        while (fixture_quote(fixture, challenge, &answer) != BASE_ERROR_NONE) {
                if (now_ms() > until)
                        fail_msg("%s (%s)", answer.error.message, answer.error.detail);
        }
        assert_int_equal(tpm_worker_known_status(fixture->worker)->state, TPM_STATE_READY);
}

struct fault {
        const char *options[10];
        enum base_error_code code;
        const char *says;
};

static const struct fault faults[] = {
        { { "--fault", "drop", "--only", "Quote" }, BASE_ERROR_TPM_UNAVAILABLE, "quote its PCRs" },
        { { "--fault", "truncate", "--only", "Quote" }, BASE_ERROR_TPM_UNAVAILABLE, "quote its PCRs" },
        { { "--fault", "garbage", "--only", "Quote" }, BASE_ERROR_TPM_UNAVAILABLE, "quote its PCRs" },
        { { "--fault", "drop", "--only", "StartAuthSession" }, BASE_ERROR_TPM_UNAVAILABLE, "start a session" },
        { { "--fault", "truncate", "--only", "Load" }, BASE_ERROR_TPM_UNAVAILABLE, "load the attestation key" },
        { { "--fault", "garbage", "--only", "PCR_Read" }, BASE_ERROR_TPM_UNAVAILABLE, "read its PCRs" },
        { { "--fault", "drop", "--only", "GetCapability" }, BASE_ERROR_TPM_UNAVAILABLE, "say who made it" },
        { { "--fault", "rc", "--rc", "0x921", "--only", "Quote" }, BASE_ERROR_TPM_UNAVAILABLE, "lockout" },
        { { "--fault", "rc", "--rc", "0x902", "--only", "Load", "--times", "2" },
          BASE_ERROR_TPM_UNAVAILABLE,
          "resource manager" },
        { { "--fault", "rc", "--rc", "0x905", "--only", "StartAuthSession", "--times", "2" },
          BASE_ERROR_TPM_UNAVAILABLE,
          "resource manager" },
        { { "--fault", "rc", "--rc", "0x101", "--only", "GetCapability" }, BASE_ERROR_TPM_UNAVAILABLE, "Restart the machine" },
        { { "--fault", "rc", "--rc", "0x143", "--only", "Quote" }, BASE_ERROR_TPM_FAILED, "command code" },
        { { "--fault", "rc", "--rc", "0x9a2", "--only", "Quote" }, BASE_ERROR_TPM_FAILED, "alters it" },
};

static void quote_with_one_fault_names_it_and_recovers(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(faults); i++) {
                struct fixture *fixture = *state;
                struct swtpm_proxy proxy;
                struct answer answer;

                swtpm_proxy_start(&proxy, &fixture->tpm, faults[i].options);
                fixture_worker(fixture, proxy.tcti);
                (void) fixture_quote(fixture, challenge, &answer);
                must_say(&answer, faults[i].code, faults[i].says);
                if (faults[i].code == BASE_ERROR_TPM_UNAVAILABLE)
                        assert_int_equal(tpm_worker_known_status(fixture->worker)->state, TPM_STATE_UNAVAILABLE);
                recovers(fixture);
                fixture_worker_end(fixture);
                swtpm_proxy_stop(&proxy);
        }
}

static void quote_when_tpm_asks_to_retry_succeeds(void **state)
{
        static const char *const codes[] = { "0x922", "0x908", "0x90a" };

        for (size_t i = 0; i < BASE_COUNT(codes); i++) {
                struct fixture *fixture = *state;
                struct swtpm_proxy proxy;
                struct answer answer;

                /* More often than ESYS itself repeats a command. */
                swtpm_proxy_start(&proxy, &fixture->tpm,
                                  OPTIONS("--fault", "rc", "--rc", codes[i], "--only", "Quote", "--times", "12"));
                fixture_worker(fixture, proxy.tcti);
                must(fixture_quote(fixture, challenge, &answer), &answer);
                fixture_worker_end(fixture);
                swtpm_proxy_stop(&proxy);
        }
}

static void quote_when_tpm_only_asks_to_retry_is_unavailable(void **state)
{
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer answer;

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--fault", "rc", "--rc", "0x922", "--only", "Quote", "--times", "0"));
        fixture_worker(fixture, proxy.tcti);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_TPM_UNAVAILABLE, "busy");
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
}

static void quote_with_pcr_changed_in_between_is_tried_again(void **state)
{
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer answer;

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--fault", "rc", "--rc", "0x128", "--only", "Quote", "--times", "2"));
        fixture_worker(fixture, proxy.tcti);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
}

static void quote_of_slow_tpm_comes_late_and_counts(void **state)
{
        base_auto_buffer struct base_buffer report = BASE_BUFFER_INIT(4096);
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer answer;
        uint64_t began;

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--delay-ms", "300", "--only", "Quote"));
        fixture_worker(fixture, proxy.tcti);
        began = now_ms();
        must(fixture_quote(fixture, challenge, &answer), &answer);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_true(now_ms() - began >= 600);
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
        assert_true(base_file_read(proxy.report, &report, NULL));
        assert_non_null(strstr(base_buffer_c_string(&report), "\"Quote\": 2"));
        /* Fourteen PCRs take two reads; the second quote finds them unchanged. */
        assert_non_null(strstr(base_buffer_c_string(&report), "\"PCR_Read\": 2"));
}

static void quote_of_hanging_tpm_is_unavailable_in_time_and_recovers(void **state)
{
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer first = { 0 }, second = { 0 };

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--fault", "hang", "--only", "Quote"));
        fixture->config.job_timeout_ms = HANG_TIMEOUT_MS;
        fixture_worker(fixture, proxy.tcti);
        assert_true(tpm_worker_quote(fixture->worker, challenge, fixture_on_quote, &first, NULL));
        assert_true(tpm_worker_quote(fixture->worker, challenge, fixture_on_quote, &second, NULL));
        fixture_wait(fixture, &first);
        fixture_wait(fixture, &second);
        must_say(&first, BASE_ERROR_TPM_UNAVAILABLE, "did not answer in time (300 ms)");
        must_say(&second, BASE_ERROR_TPM_UNAVAILABLE, "did not answer");
        fixture->config.job_timeout_ms = 0;
        /* The command is lost in the proxy: swtpm itself is free for the next connection. */
        swtpm_proxy_stop(&proxy);
        swtpm_restart(&fixture->tpm);
        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--times", "0"));
        recovers(fixture);
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
}

static void worker_free_of_hanging_tpm_is_bounded(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer = { 0 };
        struct swtpm_proxy proxy;
        uint64_t began;

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--fault", "hang", "--only", "Quote"));
        fixture_worker(fixture, proxy.tcti);
        assert_true(tpm_worker_quote(fixture->worker, challenge, fixture_on_quote, &answer, NULL));
        wait_for_report(&proxy, "\"faults\": 1");
        began = now_ms();
        fixture_worker_end(fixture);
        assert_true(now_ms() - began < TPM_WORKER_STOP_TIMEOUT_MS + 20000);
        assert_int_equal(answer.error.code, BASE_ERROR_CANCELLED);
        swtpm_proxy_stop(&proxy);
}

static void quote_without_tpm_fails_at_once_and_works_when_it_comes(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        swtpm_stop(&fixture->tpm);
        fixture_worker(fixture, fixture->tpm.tcti);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_TPM_UNAVAILABLE, "cannot be reached");
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.state, TPM_STATE_UNAVAILABLE);
        assert_int_equal(answer.status.reason.code, BASE_ERROR_TPM_UNAVAILABLE);
        assert_int_equal(answer.status.seal, TPM_SEAL_UNKNOWN);
        swtpm_run(&fixture->tpm);
        recovers(fixture);
        swtpm_stop(&fixture->tpm);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_TPM_UNAVAILABLE, "");
        swtpm_run(&fixture->tpm);
        recovers(fixture);
}

static void quote_within_back_off_repeats_the_reason_without_asking(void **state)
{
        base_auto_buffer struct base_buffer report = BASE_BUFFER_INIT(4096);
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer answer;

        swtpm_proxy_start(&proxy, &fixture->tpm, OPTIONS("--fault", "drop", "--times", "0"));
        fixture->config.backoff_min_ms = TPM_WORKER_BACKOFF_MAX_MS;
        fixture_worker(fixture, proxy.tcti);
        for (int i = 0; i < 5; i++) {
                (void) fixture_quote(fixture, challenge, &answer);
                must_say(&answer, BASE_ERROR_TPM_UNAVAILABLE, "say who made it");
        }
        fixture->config.backoff_min_ms = 1;
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
        assert_true(base_file_read(proxy.report, &report, NULL));
        assert_non_null(strstr(base_buffer_c_string(&report), "\"commands\": 1,"));
}

static void quote_when_tpm_keeps_no_srk_uses_a_transient_one(void **state)
{
        struct fixture *fixture = *state;
        struct swtpm_proxy proxy;
        struct answer answer;

        assert_int_equal(swtpm_command(&fixture->tpm, NULL, 0,
                                       (const char *const[]){ "tpm2_evictcontrol", "-C", "o", "-c", "0x81000001", NULL }),
                         0);
        /* TPM_RC_NV_SPACE. The same seed makes the same SRK, so the key loads. */
        swtpm_proxy_start(&proxy, &fixture->tpm,
                          OPTIONS("--fault", "rc", "--rc", "0x14b", "--only", "EvictControl", "--times", "0"));
        fixture_worker(fixture, proxy.tcti);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        must(fixture_create_key(fixture, &answer), &answer);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        fixture_worker_end(fixture);
        swtpm_proxy_stop(&proxy);
        assert_int_not_equal(
                swtpm_command(&fixture->tpm, NULL, 0, (const char *const[]){ "tpm2_readpublic", "-c", "0x81000001", NULL }), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(quote_with_one_fault_names_it_and_recovers, start, end),
                cmocka_unit_test_setup_teardown(quote_when_tpm_asks_to_retry_succeeds, start, end),
                cmocka_unit_test_setup_teardown(quote_when_tpm_only_asks_to_retry_is_unavailable, start, end),
                cmocka_unit_test_setup_teardown(quote_with_pcr_changed_in_between_is_tried_again, start, end),
                cmocka_unit_test_setup_teardown(quote_of_slow_tpm_comes_late_and_counts, start, end),
                cmocka_unit_test_setup_teardown(quote_of_hanging_tpm_is_unavailable_in_time_and_recovers, start, end),
                cmocka_unit_test_setup_teardown(worker_free_of_hanging_tpm_is_bounded, start, end),
                cmocka_unit_test_setup_teardown(quote_without_tpm_fails_at_once_and_works_when_it_comes, start, end),
                cmocka_unit_test_setup_teardown(quote_when_tpm_keeps_no_srk_uses_a_transient_one, start, end),
                cmocka_unit_test_setup_teardown(quote_within_back_off_repeats_the_reason_without_asking, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
