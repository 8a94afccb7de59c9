/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/rule_value.h"

#include "policy/span.h"

#include <string.h>

bool policy_severity_parse(const char *value, enum policy_severity *ret, struct base_error *error)
{
        if (*value == '\0' || strcmp(value, "require") == 0)
                *ret = POLICY_SEVERITY_REQUIRE;
        else if (strcmp(value, "warn") == 0)
                *ret = POLICY_SEVERITY_WARN;
        else
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "Severity= is 'require' or 'warn'");
        return true;
}

bool policy_grace_parse(const char *value, uint32_t *ret, struct base_error *error)
{
        int64_t seconds = 0;

        if (*value != '\0' &&
            (!policy_span_is(value) || !policy_span_parse(value, &seconds) || seconds < 1 || seconds > POLICY_GRACE_S_MAX))
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "Grace= is a time from 1s to 366d, as in 12h or 7d");
        *ret = (uint32_t) seconds;
        return true;
}

bool policy_rollout_parse(const char *value, uint8_t *ret, struct base_error *error)
{
        size_t digits = strspn(value, "0123456789");
        unsigned long percent = strtoul(value, NULL, 10);

        if (*value == '\0') {
                *ret = POLICY_ROLLOUT_ALL;
                return true;
        }
        if (digits == 0 || digits > 3 || strcmp(value + digits, "%") != 0 || percent > POLICY_ROLLOUT_ALL)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID,
                                      "Rollout= is a whole number of percent from 0%% to 100%%");
        *ret = (uint8_t) percent;
        return true;
}

bool policy_issuer_check(const char *value, struct base_error *error)
{
        size_t len = 0;

        while (value[len] > ' ' && value[len] <= '~')
                len++;
        if (value[len] != '\0' || len > POLICY_ISSUER_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "Issuer= is the name of one issuer");
        return true;
}
