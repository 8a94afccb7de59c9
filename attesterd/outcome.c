/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/outcome.h"

#include "base/log.h"

#include <string.h>

#define RULES_BYTES_MAX 512 /* more are left out; their fields are there */

/* The others are the caller's own matter, or have an event where they happen. */
static enum base_event event_of(enum base_error_code code)
{
        switch (code) {
        case BASE_ERROR_POLICY_DENIED:
                return BASE_EVENT_POLICY_DENIED;
        case BASE_ERROR_NOT_ENROLLED:
                return BASE_EVENT_NOT_ENROLLED;
        case BASE_ERROR_ISSUER_UNREACHABLE:
                return BASE_EVENT_ISSUER_UNREACHABLE;
        case BASE_ERROR_ISSUER_REJECTED:
                return BASE_EVENT_ISSUER_REJECTED;
        default:
                return BASE_EVENT_NONE;
        }
}

/* Names alone: what a rule found can be about a person's session. */
static void tell_denied(struct attesterd_issuer *issuer, const struct attesterd_denials *denials, uint64_t now_ms)
{
        struct base_event_field fields[1 + ATTESTERD_DENIALS_MAX] = { { BASE_EVENT_FIELD_ISSUER, issuer->config.name } };
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(RULES_BYTES_MAX);
        size_t count = 1;

        for (size_t i = 0; denials != NULL && i < denials->count; i++) {
                const char *rule = denials->items[i].rule;

                fields[count++] = (struct base_event_field){ BASE_EVENT_FIELD_RULE, rule };
                if (names.len + strlen(rule) + 3 < RULES_BYTES_MAX)
                        base_buffer_printf(&names, "%s%s", names.len == 0 ? "" : ", ", rule);
        }
        if (base_buffer_c_string(&names) != NULL && attesterd_notice_due(&issuer->denied, base_buffer_c_string(&names), now_ms))
                base_log_event(BASE_EVENT_POLICY_DENIED, fields, count, NULL,
                               "this device does not meet the policy for tokens of %s: rules %s", issuer->config.name,
                               base_buffer_c_string(&names));
}

void attesterd_outcome_tell(struct attesterd_issuer *issuer, const struct attesterd_denials *denials,
                            const struct base_error *error)
{
        enum base_event event = error == NULL ? BASE_EVENT_NONE : event_of(error->code);
        uint64_t now_ms = issuer->clock->monotonic_ms(issuer->clock->context);
        const char *name = issuer->config.name;

        if (event == BASE_EVENT_POLICY_DENIED) {
                tell_denied(issuer, denials, now_ms);
        } else if (event != BASE_EVENT_NONE) {
                if (attesterd_notice_due(&issuer->failed, base_event_name(event), now_ms)) {
                        base_log_event(event, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, name }), error, "no tokens of %s", name);
                        issuer->failing = true;
                }
        } else if (error == NULL && issuer->failing) {
                issuer->failing = false;
                issuer->failed = (struct attesterd_notice){ 0 };
                base_log_event(BASE_EVENT_ISSUER_RECOVERED, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, name }), NULL,
                               "there are tokens of %s again", name);
        }
}
