/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One policy over one device, in the daemon and at the verifier: generated policies and facts, the latter by way of the encoded
 * claims. Every rule must come out the same. What may differ is at the end, case by case.
 */
#include "attesterd/claims.h"
#include "issuer/facts.h"
#include "policy/policy.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS     4000
#define FACTS      8 /* custom.f0 … */
#define RULES      12
#define DEPTH_MAX  3
#define TEXT_BYTES 16384
#define SEED_NAME  "ATTESTER_TEST_SEED"

/* A string of any length that the policy knows fits into a claim. */
_Static_assert(POLICY_FACT_TEXT_BYTES_MAX == EVIDENCE_FACT_TEXT_MAX, "strings would be cut on their way to the verifier");

static const struct policy_origin reported = { POLICY_PROVENANCE_REPORTED, "a test" };
static const char *const strings[] = { "debian", "Debian", "", "two words", "12.5", "ä" };
static const char *const versions[] = { "12.5", "12.11", "6.1.0-13-amd64", "3.0.15-1~deb12u1", "0", "1:2.3" };

/* xorshift64*: the same everywhere for a seed. */
static uint64_t state;

static unsigned draw(unsigned below)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (unsigned) ((state * 0x2545f4914f6cdd1dU) >> 33) % below;
}

static void put_fact(struct policy_facts *facts, const char *name)
{
        struct base_error error = BASE_ERROR_INIT;
        bool done = true;

        switch (draw(6)) {
        case 0:
                done = policy_facts_set_boolean(facts, name, draw(2) == 0, reported, &error);
                break;
        case 1:
                done = policy_facts_set_integer(facts, name, draw(3) == 0 ? INT64_MIN : (int64_t) draw(4) - 1, reported, &error);
                break;
        case 2:
                done = policy_facts_set_string(facts, name, strings[draw(BASE_COUNT(strings))], reported, &error);
                break;
        case 3:
                done = policy_facts_set_version(facts, name, versions[draw(BASE_COUNT(versions))], reported, &error);
                break;
        case 4:
                done = policy_facts_set_unreadable(facts, name, "permission denied", reported, &error);
                break;
        default:
                break; /* no such fact */
        }
        if (!done)
                fail_msg("%s: %s", name, error.message);
}

static void put_comparison(struct base_buffer *to)
{
        static const char *const operators[] = { "==", "!=", "<", "<=", ">", ">=" };
        unsigned fact = draw(FACTS), kind = draw(8);
        const char *version = versions[draw(4)];

        if (kind == 0)
                base_buffer_printf(to, "custom.f%u", fact);
        else if (kind == 1)
                base_buffer_printf(to, "%s(custom.f%u)", draw(2) == 0 ? "known" : "unreadable", fact);
        else if (kind == 2)
                base_buffer_printf(to, "custom.f%u %s \"%s\"", fact, operators[draw(2)], strings[draw(BASE_COUNT(strings))]);
        else if (kind == 3)
                base_buffer_printf(to, "custom.f%u in {debian Debian \"two words\"}", fact);
        else if (kind == 4)
                base_buffer_printf(to, "%s(custom.f%u) %s %s", draw(2) == 0 ? "debian" : "rpm", fact, operators[draw(6)],
                                   versions[draw(2)]);
        else if (kind == 5)
                base_buffer_printf(to, "custom.f%u %s %s", fact, operators[draw(6)], version);
        else
                base_buffer_printf(to, "custom.f%u %s %d", fact, operators[draw(6)], (int) draw(4) - 1);
}

static void put_expression(struct base_buffer *to, unsigned depth)
{
        unsigned kind = depth == DEPTH_MAX ? 0 : draw(4);

        if (kind == 0) {
                put_comparison(to);
                return;
        }
        base_buffer_put_string(to, kind == 1 ? "not (" : "(");
        put_expression(to, depth + 1);
        if (kind > 1) {
                base_buffer_put_string(to, kind == 2 ? " and " : " or ");
                put_expression(to, depth + 1);
        }
        base_buffer_put_string(to, ")");
}

static void put_policy(struct base_buffer *to)
{
        base_buffer_put_string(to, "[Policy]\nVersion=1\n");
        for (unsigned rule = 0; rule < RULES; rule++) {
                base_buffer_printf(to, "[Rule r%u]\nRequire=", rule);
                put_expression(to, 0);
                base_buffer_put_string(to, "\n");
                if (draw(3) == 0) {
                        base_buffer_put_string(to, "When=");
                        put_expression(to, 1);
                        base_buffer_put_string(to, "\n");
                }
                if (draw(4) == 0)
                        base_buffer_put_string(to, "Severity=warn\n");
        }
}

/* What the verifier evaluates of a device that has these facts: its claims, encoded, decoded and collected. */
static void through_claims(const struct policy_facts *facts, struct policy_facts *ret)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims = EVIDENCE_CLAIMS_INIT;
        static const struct issuer_device device = { .group = "" };
        const struct issuer_knowledge knowledge = { .issuer = "issuer.example", .device = &device };
        static const struct evidence evidence = { .claims_len = 0 };
        struct evidence_verdict verdict = { .claims = EVIDENCE_CLAIMS_INIT };
        struct base_error error = BASE_ERROR_INIT;

        claims.iat = 1;
        (void) strcpy(claims.software, "test");
        memset(claims.cti, 1, sizeof(claims.cti));
        if (!attesterd_claims_add_facts(facts, &claims, &error) || !evidence_claims_encode(&claims, &encoded, &error) ||
            !evidence_claims_decode(base_buffer_bytes(&encoded), &verdict.claims, &error) ||
            !issuer_facts_collect(&evidence, &verdict, &knowledge, 1, ret, &error))
                fail_msg("%s", error.message);
        evidence_verdict_clear(&verdict);
}

static void evaluate_same_policy_in_daemon_and_verifier_same_outcomes(void **context)
{
        const char *given = getenv(SEED_NAME);
        uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
        unsigned outcomes[POLICY_OUTCOME_COUNT] = { 0 };

        state = seed == 0 ? 1 : seed;
        for (unsigned round = 0; round < ROUNDS; round++) {
                base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TEXT_BYTES);
                policy_auto_facts struct policy_facts daemon = POLICY_FACTS_INIT, verifier = POLICY_FACTS_INIT;
                policy_auto_results struct policy_results here = POLICY_RESULTS_INIT, there = POLICY_RESULTS_INIT;
                policy_auto_policy struct policy *policy = NULL;
                struct base_error error = BASE_ERROR_INIT;

                for (unsigned fact = 0; fact < FACTS; fact++) {
                        char name[] = "custom.f0";

                        name[sizeof(name) - 2] = (char) ('0' + fact);
                        put_fact(&daemon, name);
                }
                put_policy(&text);
                assert_true(base_buffer_ok(&text));
                if (!policy_load_buffer("generated", base_buffer_bytes(&text), NULL, &policy, &error))
                        fail_msg("seed %llu, round %u: %s", (unsigned long long) seed, round, error.message);
                through_claims(&daemon, &verifier);
                assert_true(policy_evaluate(policy, &daemon, NULL, &here, &error));
                assert_true(policy_evaluate(policy, &verifier, NULL, &there, &error));
                assert_int_equal(here.count, RULES);
                assert_int_equal(there.count, RULES);
                for (size_t i = 0; i < here.count; i++) {
                        outcomes[here.items[i].outcome]++;
                        if (here.items[i].outcome != there.items[i].outcome)
                                fail_msg("seed %llu, round %u, rule %s: %s here, %s there\n%.*s", (unsigned long long) seed,
                                         round, here.items[i].rule->name, policy_outcome_name(here.items[i].outcome),
                                         policy_outcome_name(there.items[i].outcome), (int) text.len, (const char *) text.data);
                }
                assert_int_equal(here.pass, there.pass);
        }
        /* The generator reaches every outcome often, or the comparison says little. */
        for (unsigned outcome = 0; outcome < POLICY_OUTCOME_COUNT; outcome++)
                if (outcome != POLICY_OUTCOME_GRACE)
                        assert_true(outcomes[outcome] > ROUNDS / 10);
        print_message("seed %llu: %u pass, %u fail, %u skipped, %u warn\n", (unsigned long long) seed,
                      outcomes[POLICY_OUTCOME_PASS], outcomes[POLICY_OUTCOME_FAIL], outcomes[POLICY_OUTCOME_SKIPPED],
                      outcomes[POLICY_OUTCOME_WARN]);
}

/* The outcome of one rule here and there. */
static void outcomes_of(const char *require, const struct policy_facts *facts, enum policy_outcome *here,
                        enum policy_outcome *there)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TEXT_BYTES);
        policy_auto_facts struct policy_facts verifier = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results ours = POLICY_RESULTS_INIT, theirs = POLICY_RESULTS_INIT;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_printf(&text, "[Rule r]\nRequire=%s\n", require);
        if (!policy_load_buffer("one", base_buffer_bytes(&text), NULL, &policy, &error))
                fail_msg("%s", error.message);
        through_claims(facts, &verifier);
        assert_true(policy_evaluate(policy, facts, NULL, &ours, &error) &&
                    policy_evaluate(policy, &verifier, NULL, &theirs, &error));
        *here = ours.items[0].outcome;
        *there = theirs.items[0].outcome;
}

static void evaluate_version_too_long_for_claims_is_unreadable_there(void **context)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char version[EVIDENCE_FACT_VERSION_MAX + 2] = "";
        enum policy_outcome here, there;
        struct base_error error = BASE_ERROR_INIT;

        memset(version, '1', sizeof(version) - 1);
        assert_true(policy_facts_set_version(&facts, "custom.version", version, reported, &error));
        outcomes_of("custom.version > 1", &facts, &here, &there);
        assert_int_equal(here, POLICY_OUTCOME_PASS);
        assert_int_equal(there, POLICY_OUTCOME_FAIL);
}

static void evaluate_claims_of_what_the_verifier_knows_itself_do_not_count_there(void **context)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        enum policy_outcome here, there;
        struct base_error error = BASE_ERROR_INIT;

        assert_true(policy_facts_set_string(&facts, "request.issuer", "another.example", reported, &error));
        assert_true(policy_facts_set_string(&facts, "device.group", "managers", reported, &error));
        outcomes_of("request.issuer == \"another.example\"", &facts, &here, &there);
        assert_int_equal(here, POLICY_OUTCOME_PASS);
        assert_int_equal(there, POLICY_OUTCOME_FAIL);
        outcomes_of("device.group == managers", &facts, &here, &there);
        assert_int_equal(here, POLICY_OUTCOME_PASS);
        assert_int_equal(there, POLICY_OUTCOME_FAIL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evaluate_same_policy_in_daemon_and_verifier_same_outcomes),
                cmocka_unit_test(evaluate_version_too_long_for_claims_is_unreadable_there),
                cmocka_unit_test(evaluate_claims_of_what_the_verifier_knows_itself_do_not_count_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
