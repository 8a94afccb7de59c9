/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/fact.h"

#include <string.h>

static struct policy_origin origin_of(const char *source)
{
        return (struct policy_origin){ .provenance = POLICY_PROVENANCE_REPORTED, .source = source };
}

bool posture_set_boolean(struct policy_facts *to, const char *name, bool value, const char *source, struct base_error *error)
{
        return policy_facts_set_boolean(to, name, value, origin_of(source), error);
}

bool posture_set_integer(struct policy_facts *to, const char *name, int64_t value, const char *source, struct base_error *error)
{
        return policy_facts_set_integer(to, name, value, origin_of(source), error);
}

bool posture_set_text(struct policy_facts *to, const char *name, enum policy_fact_type type, const char *text, const char *source,
                      struct base_error *error)
{
        if (strlen(text) > POLICY_FACT_TEXT_BYTES_MAX || !policy_text_valid(text))
                return posture_set_unreadable(to, name, "the value is too long or is not UTF-8 text", source, error);
        if (type == POLICY_FACT_VERSION)
                return policy_facts_set_version(to, name, text, origin_of(source), error);
        return policy_facts_set_string(to, name, text, origin_of(source), error);
}

bool posture_set_unreadable(struct policy_facts *to, const char *name, const char *reason, const char *source,
                            struct base_error *error)
{
        return policy_facts_set_unreadable(to, name, reason, origin_of(source), error);
}

bool posture_set_errno(struct policy_facts *to, const char *name, int error_number, const char *source, struct base_error *error)
{
        char reason[POSTURE_REASON_BYTES_MAX];

        posture_source_reason(reason, source, error_number);
        return posture_set_unreadable(to, name, reason, source, error);
}

bool posture_set_age(const struct posture_sources *sources, struct policy_facts *to, const char *name, int64_t then,
                     const char *source, struct base_error *error)
{
        int64_t age;

        if (__builtin_sub_overflow(posture_source_now(sources), then, &age) || age < 0)
                return posture_set_unreadable(to, name, "the file's time lies in the future", source, error);
        return posture_set_integer(to, name, age, source, error);
}
