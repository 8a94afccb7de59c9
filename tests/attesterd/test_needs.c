/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/needs.h"
#include "policy/known_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct attesterd_needs needs_of(const char *text)
{
        policy_auto_policy struct policy *policy = NULL;

        assert_true(policy_load_buffer("test", BASE_BYTES((const uint8_t *) text, strlen(text)), NULL, &policy, NULL));
        return attesterd_needs_of_policy(policy);
}

static void attesterd_needs_of_policy_without_rules_is_nothing(void **state)
{
        struct attesterd_needs needs = needs_of("[Policy]\nVersion=1\n");

        (void) state;
        assert_int_equal(needs.collectors | needs.services, 0);
        needs = attesterd_needs_of_policy(NULL);
        assert_int_equal(needs.collectors | needs.services, 0);
}

static void attesterd_needs_of_policy_has_what_either_expression_of_any_rule_names(void **state)
{
        struct attesterd_needs needs = needs_of("[Rule a]\nWhen=session.docked\nRequire=custom.room == 1 or firmware.hsi > 2\n"
                                                "[Rule b]\nIssuer=other.example\nRequire=window.focused and not tpm.simulated\n");

        (void) state;
        assert_int_equal(needs.services,
                         ATTESTERD_SERVICE_LID | ATTESTERD_SERVICE_FWUPD | ATTESTERD_SERVICE_SESSION | ATTESTERD_SERVICE_TPM);
        assert_int_equal(needs.collectors, posture_collectors_of("custom.room"));
}

/* A fact that comes from nobody would be missed by the rule that names it. */
static void attesterd_needs_of_policy_knows_who_sets_each_known_fact(void **state)
{
        static const char *const operators[POLICY_FACT_TYPE_COUNT] = {
                [POLICY_FACT_BOOLEAN] = " == true",
                [POLICY_FACT_INTEGER] = " == 1",
                [POLICY_FACT_STRING] = " == a",
                [POLICY_FACT_VERSION] = " == 1.0",
        };
        size_t count;
        const struct policy_known_fact *known = policy_known_facts(&count);

        (void) state;
        for (size_t i = 0; i < count; i++) {
                struct attesterd_needs needs;
                char text[256];

                (void) snprintf(text, sizeof(text), "[Rule a]\nRequire=%s%s\n", known[i].name, operators[known[i].type]);
                needs = needs_of(text);
                assert_int_equal(needs.collectors != 0, known[i].setter == POLICY_SETTER_POSTURE);
                assert_int_equal(needs.services == ATTESTERD_SERVICE_TPM, known[i].setter == POLICY_SETTER_TPM);
                if (known[i].setter == POLICY_SETTER_DAEMON)
                        assert_int_not_equal(needs.services, 0);
                if (known[i].setter == POLICY_SETTER_VERIFIER)
                        assert_int_equal(needs.services, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(attesterd_needs_of_policy_without_rules_is_nothing),
                cmocka_unit_test(attesterd_needs_of_policy_has_what_either_expression_of_any_rule_names),
                cmocka_unit_test(attesterd_needs_of_policy_knows_who_sets_each_known_fact),
        };

        return cmocka_run_group_tests_name("needs", tests, NULL, NULL);
}
