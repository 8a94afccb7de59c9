/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a policy of 1,000 rules takes over a full set of facts: all pass, and all fail with their reasons. */
#include "policy/policy.h"

#include <time.h>

#define RULES  1000
#define ROUNDS 200

static uint64_t now_ns(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000U + (uint64_t) now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *) a;
        uint64_t right = *(const uint64_t *) b;

        return (left > right) - (left < right);
}

static bool fill(struct policy_facts *facts, struct base_error *error)
{
        struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = "/etc/os-release" };
        char name[32];

        for (int i = 0; i < POLICY_FACTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "custom.family%d.fact_%d", i % 16, i);
                if (!policy_facts_set_version(facts, name, "12.5", origin, error))
                        return false;
        }
        return true;
}

static bool load(const char *least, struct policy **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(1024 * 1024);

        for (int i = 0; i < RULES; i++) {
                int fact = i % POLICY_FACTS_MAX;

                base_buffer_printf(&text,
                                   "[Rule r%d]\nRequire=custom.family%d.fact_%d >= %s and known(custom.family%d.fact_%d)\n", i,
                                   fact % 16, fact, least, fact % 16, fact);
        }
        return policy_load_buffer("bench", base_buffer_bytes(&text), NULL, ret, error);
}

static bool run(const char *figure, const char *least, bool pass, struct base_error *error)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_policy struct policy *policy = NULL;
        uint64_t times[ROUNDS];

        if (!fill(&facts, error) || !load(least, &policy, error))
                return false;
        for (size_t i = 0; i < ROUNDS; i++) {
                policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
                uint64_t start = now_ns();

                if (!policy_evaluate(policy, &facts, NULL, &results, error))
                        return false;
                times[i] = now_ns() - start;
                if (results.pass != pass || results.count != RULES)
                        return base_error_set(error, BASE_ERROR_INTERNAL, "%s", results.summary);
        }
        qsort(times, ROUNDS, sizeof(times[0]), compare);
        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f}\n", figure, (double) times[ROUNDS / 2] / 1000);
        return true;
}

int main(void)
{
        struct base_error error = BASE_ERROR_INIT;

        if (run("policy evaluation, 1000 rules over 256 facts, all pass, p50", "12.1", true, &error) &&
            run("policy evaluation, 1000 rules over 256 facts, all fail, p50", "12.10", false, &error))
                return 0;
        (void) fprintf(stderr, "%s\n", error.message);
        return 1;
}
