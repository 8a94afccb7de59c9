/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library reads from the daemon, and its public numbers. */
#include "base/error.h"
#include "client/library/attester.h"
#include "tests/client/bus.h"
#include "tests/cmocka.h"

#include <string.h>

struct fixture {
        struct test_bus bus;
        struct attester *attester;
};

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        assert_non_null(fixture);
        test_bus_start(&fixture->bus, true);
        assert_int_equal(attester_new(fixture->bus.address, &fixture->attester, NULL), 0);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        attester_free(fixture->attester);
        test_bus_stop(&fixture->bus);
        free(fixture);
        return 0;
}

static void get_status_reads_every_property(void **state)
{
        struct fixture *fixture = *state;
        struct attester_status *status = NULL;

        assert_int_equal(attester_get_status(fixture->attester, NULL, &status, NULL), 0);
        assert_string_equal(status->version, "0.1.0-fake");
        assert_string_equal(status->tpm_state, "ready");
        assert_string_equal(status->seal_state, "sealed: PCR 7 changed");
        assert_int_equal(status->policy_version, 7);
        assert_non_null(strstr(status->policy_error, "x.conf:3:9"));
        assert_string_equal(status->policy_fetch_name, "IssuerUnreachable");
        assert_string_equal(status->policy_fetch_error, "bundles.example does not answer");
        assert_int_equal(status->policy_fetch_failed_at, 1760000000);
        assert_true(status->issuer_count > BASE_ERROR_CODE_COUNT);
        assert_string_equal(status->issuers[0].name, "good.example");
        assert_string_equal(status->issuers[0].enrollment, "enrolled");
        attester_status_free(status);
        attester_status_free(NULL);
}

static void get_issuer_reads_the_directory(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer key = BASE_BUFFER_INIT(4096);
        struct attester_issuer *issuer = NULL;

        assert_int_equal(attester_get_issuer(fixture->attester, "good.example", NULL, &issuer, NULL), 0);
        test_bus_read(&fixture->bus, "a.spki", &key);
        assert_string_equal(issuer->name, "good.example");
        assert_string_equal(issuer->request_uri, "https://issuer.example/token-request");
        assert_true(issuer->attestation);
        assert_int_equal(issuer->fetched, 1760000000);
        assert_string_equal(issuer->mirror, "agrees");
        assert_int_equal(issuer->key_count, 1);
        assert_int_equal(issuer->keys[0].not_before, 1);
        assert_true(base_bytes_equal(BASE_BYTES(issuer->keys[0].encoded, issuer->keys[0].encoded_len), base_buffer_bytes(&key)));
        assert_int_equal(strlen(issuer->keys[0].id), 64);
        attester_issuer_free(issuer);
        attester_issuer_free(NULL);
}

static void get_issuer_name_that_is_not_utf8_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_issuer *issuer = NULL;

        assert_int_equal(attester_get_issuer(fixture->attester, "\xff\xfe", NULL, &issuer, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_INVALID_ARGUMENT);
}

static void get_facts_reads_every_type(void **state)
{
        struct fixture *fixture = *state;
        struct attester_fact *facts = NULL;
        size_t count = 0;

        assert_int_equal(attester_get_facts(fixture->attester, NULL, &facts, &count, NULL), 0);
        assert_int_equal(count, 4);
        assert_int_equal(facts[0].type, ATTESTER_VALUE_BOOLEAN);
        assert_true(facts[0].boolean);
        assert_string_equal(facts[0].text, "true");
        assert_int_equal(facts[1].type, ATTESTER_VALUE_INTEGER);
        assert_int_equal(facts[1].integer, -12);
        assert_string_equal(facts[1].text, "-12");
        assert_int_equal(facts[2].type, ATTESTER_VALUE_STRING);
        assert_string_equal(facts[2].text, "debian");
        assert_int_equal(facts[2].age_s, 7200);
        assert_int_equal(facts[3].type, ATTESTER_VALUE_UNREADABLE);
        assert_string_equal(facts[3].text, "no such device");
        assert_string_equal(facts[3].provenance, "reported");
        assert_string_equal(facts[3].source, "sysfs");
        attester_facts_free(facts, count);
}

static void evaluate_denied_policy_is_a_result(void **state)
{
        struct fixture *fixture = *state;
        struct attester_rule *rules = NULL;
        size_t count = 0;
        bool passed = true;

        assert_int_equal(attester_evaluate(fixture->attester, "fail-PolicyDenied.example", NULL, &passed, &rules, &count, NULL),
                         0);
        assert_false(passed);
        assert_int_equal(count, 3);
        assert_string_equal(rules[2].name, "os-current");
        assert_string_equal(rules[2].outcome, "fail");
        assert_string_equal(rules[2].remedy, "Run Software Updates, then restart.");
        attester_rules_free(rules, count);
        assert_int_equal(attester_evaluate(fixture->attester, "", NULL, &passed, &rules, &count, NULL), 0);
        assert_true(passed);
        attester_rules_free(rules, count);
}

static void explain_gives_rules_with_the_facts_they_name(void **state)
{
        struct fixture *fixture = *state;
        struct attester_rule *rules = NULL;
        struct attester_fact *facts = NULL;
        size_t count = 0, fact_count = 0;
        bool passed = true;

        assert_int_equal(attester_explain(fixture->attester, "fail-PolicyDenied.example", NULL, &passed, &rules, &count, &facts,
                                          &fact_count, NULL),
                         0);
        assert_false(passed);
        assert_int_equal(count, 3);
        assert_string_equal(rules[0].when, "");
        assert_string_equal(rules[1].when, "os.id == debian");
        assert_string_equal(rules[1].require, "kernel.taint == 0");
        assert_string_equal(rules[1].outcome, "fail");
        assert_int_equal(rules[1].fact_count, 1);
        assert_string_equal(rules[1].facts[0], "kernel.taint");
        assert_int_equal(fact_count, 2);
        assert_string_equal(facts[1].name, "kernel.taint");
        assert_int_equal(facts[1].integer, -12);
        assert_int_equal(facts[1].age_s, 1);
        attester_rules_free(rules, count);
        attester_facts_free(facts, fact_count);
}

static void admin_calls_give_result_or_the_daemons_error(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *device = NULL;

        assert_int_equal(attester_enroll(fixture->attester, "good.example", NULL, &device, NULL), 0);
        assert_string_equal(device, "device-1");
        attester_string_free(device);
        assert_int_equal(attester_enroll(fixture->attester, "fail-IssuerRejected.example", NULL, &device, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_ISSUER_REJECTED);
        assert_int_equal(attester_reload(fixture->attester, NULL, NULL), 0);
        assert_int_equal(attester_reseal(fixture->attester, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_NOT_AUTHORIZED);
}

static void calls_with_options_of_an_older_caller_work(void **state)
{
        struct fixture *fixture = *state;
        struct attester_options options = ATTESTER_OPTIONS_INIT;
        struct attester_status *status = NULL;

        /* What is behind `size` is not read. */
        options.size = offsetof(struct attester_options, interactive);
        options.trace = (void (*)(enum attester_step, const char *, void *))(uintptr_t) 1;
        assert_int_equal(attester_get_status(fixture->attester, &options, &status, NULL), 0);
        attester_status_free(status);
}

static void public_codes_are_the_exit_statuses(void **state)
{
        static const struct {
                int code;
                enum base_error_code ours;
        } rows[] = {
                { ATTESTER_ERROR_NONE, BASE_ERROR_NONE },
                { ATTESTER_ERROR_INTERNAL, BASE_ERROR_INTERNAL },
                { ATTESTER_ERROR_INVALID_ARGUMENT, BASE_ERROR_INVALID_ARGUMENT },
                { ATTESTER_ERROR_NO_MEMORY, BASE_ERROR_NO_MEMORY },
                { ATTESTER_ERROR_MALFORMED, BASE_ERROR_MALFORMED },
                { ATTESTER_ERROR_LIMIT_EXCEEDED, BASE_ERROR_LIMIT_EXCEEDED },
                { ATTESTER_ERROR_UNSUPPORTED, BASE_ERROR_UNSUPPORTED },
                { ATTESTER_ERROR_IO, BASE_ERROR_IO },
                { ATTESTER_ERROR_NOT_FOUND, BASE_ERROR_NOT_FOUND },
                { ATTESTER_ERROR_TIMEOUT, BASE_ERROR_TIMEOUT },
                { ATTESTER_ERROR_CANCELLED, BASE_ERROR_CANCELLED },
                { ATTESTER_ERROR_CONFIG_INVALID, BASE_ERROR_CONFIG_INVALID },
                { ATTESTER_ERROR_STATE_INVALID, BASE_ERROR_STATE_INVALID },
                { ATTESTER_ERROR_NOT_AUTHORIZED, BASE_ERROR_NOT_AUTHORIZED },
                { ATTESTER_ERROR_RATE_LIMITED, BASE_ERROR_RATE_LIMITED },
                { ATTESTER_ERROR_BUSY, BASE_ERROR_BUSY },
                { ATTESTER_ERROR_CRYPTO, BASE_ERROR_CRYPTO },
                { ATTESTER_ERROR_TPM_UNAVAILABLE, BASE_ERROR_TPM_UNAVAILABLE },
                { ATTESTER_ERROR_TPM_FAILED, BASE_ERROR_TPM_FAILED },
                { ATTESTER_ERROR_SEALED, BASE_ERROR_SEALED },
                { ATTESTER_ERROR_NOT_ENROLLED, BASE_ERROR_NOT_ENROLLED },
                { ATTESTER_ERROR_POLICY_INVALID, BASE_ERROR_POLICY_INVALID },
                { ATTESTER_ERROR_POLICY_DENIED, BASE_ERROR_POLICY_DENIED },
                { ATTESTER_ERROR_POLICY_UNTRUSTED, BASE_ERROR_POLICY_UNTRUSTED },
                { ATTESTER_ERROR_POLICY_ROLLED_BACK, BASE_ERROR_POLICY_ROLLED_BACK },
                { ATTESTER_ERROR_POLICY_OTHER_FLEET, BASE_ERROR_POLICY_OTHER_FLEET },
                { ATTESTER_ERROR_POLICY_NOT_CURRENT, BASE_ERROR_POLICY_NOT_CURRENT },
                { ATTESTER_ERROR_ISSUER_UNKNOWN, BASE_ERROR_ISSUER_UNKNOWN },
                { ATTESTER_ERROR_ISSUER_UNREACHABLE, BASE_ERROR_ISSUER_UNREACHABLE },
                { ATTESTER_ERROR_ISSUER_REJECTED, BASE_ERROR_ISSUER_REJECTED },
                { ATTESTER_ERROR_EVIDENCE_INVALID, BASE_ERROR_EVIDENCE_INVALID },
                { ATTESTER_ERROR_EVIDENCE_STALE, BASE_ERROR_EVIDENCE_STALE },
                { ATTESTER_ERROR_TOKEN_INVALID, BASE_ERROR_TOKEN_INVALID },
                { ATTESTER_ERROR_TOKEN_SPENT, BASE_ERROR_TOKEN_SPENT },
                { ATTESTER_ERROR_ORIGIN_MISMATCH, BASE_ERROR_ORIGIN_MISMATCH },
                { ATTESTER_ERROR_KEY_MISMATCH, BASE_ERROR_KEY_MISMATCH },
                { ATTESTER_ERROR_DAEMON_UNREACHABLE, BASE_ERROR_DAEMON_UNREACHABLE },
        };

        assert_int_equal(BASE_COUNT(rows), BASE_ERROR_CODE_COUNT);
        for (size_t i = 0; i < BASE_COUNT(rows); i++)
                assert_int_equal(rows[i].code, base_error_exit_status(rows[i].ours));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(get_status_reads_every_property),
                CASE(get_issuer_reads_the_directory),
                CASE(get_issuer_name_that_is_not_utf8_is_refused),
                CASE(get_facts_reads_every_type),
                CASE(evaluate_denied_policy_is_a_result),
                CASE(explain_gives_rules_with_the_facts_they_name),
                CASE(admin_calls_give_result_or_the_daemons_error),
                CASE(calls_with_options_of_an_older_caller_work),
                cmocka_unit_test(public_codes_are_the_exit_statuses),
        };

        return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
