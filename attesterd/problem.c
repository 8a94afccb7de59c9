/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/problem.h"

#include "attesterd/issuer.h"

#include <jansson.h>
#include <string.h>

#define MEDIA_TYPE  "application/problem+json"
#define TYPE_PREFIX "urn:attesterd:error:"

static void json_free(json_t **json)
{
        json_decref(*json);
}

static json_t *parse(const struct net_response *response)
{
        if (!attesterd_media_type_is(response->content_type, MEDIA_TYPE) || response->body.len > ATTESTERD_PROBLEM_BYTES_MAX)
                return NULL;
        return json_loadb((const char *) response->body.data, response->body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* The member's text; "" if there is none or if it is not fit to be shown. */
static const char *text_of(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text != NULL && policy_text_valid(text) ? text : "";
}

static enum base_error_code code_of(const json_t *problem, unsigned status)
{
        const char *type = text_of(problem, "type");

        if (status == 403 && strcmp(type, TYPE_PREFIX "NotEnrolled") == 0)
                return BASE_ERROR_NOT_ENROLLED;
        if (status == 403 && strcmp(type, TYPE_PREFIX "PolicyDenied") == 0)
                return BASE_ERROR_POLICY_DENIED;
        return status >= 500 || status == 429 ? BASE_ERROR_ISSUER_UNREACHABLE : BASE_ERROR_ISSUER_REJECTED;
}

static bool add_rules(const json_t *problem, struct attesterd_denials *denials, struct base_error *error)
{
        const json_t *rules = json_object_get(problem, "rules");

        for (size_t i = 0; i < json_array_size(rules); i++) {
                const json_t *rule = json_array_get(rules, i);

                if (!attesterd_denials_add(denials, text_of(rule, "rule"), text_of(rule, "reason"), text_of(rule, "remedy"),
                                           error))
                        return false;
        }
        return true;
}

bool attesterd_problem_error(const char *issuer, const struct net_response *response, struct attesterd_denials *denials,
                             struct base_error *error)
{
        BASE_CLEANUP(json_free) json_t *problem = parse(response);
        enum base_error_code code = code_of(problem, response->status);
        const char *detail = text_of(problem, "detail");
        char who[ATTESTERD_ISSUER_NAME_BYTES_MAX + 64];

        if (code == BASE_ERROR_POLICY_DENIED) {
                (void) snprintf(who, sizeof(who), "this device does not meet the policy of the issuer %s.", issuer);
                return add_rules(problem, denials, error) && attesterd_denials_error(denials, who, error);
        }
        if (code == BASE_ERROR_NOT_ENROLLED)
                return base_error_set(error, code, "the issuer %s does not know this device's key; an administrator can enrol it",
                                      issuer);
        if (response->has_retry_after)
                return base_error_set(error, code, "the issuer %s answers %u; retry in %u seconds", issuer, response->status,
                                      (unsigned) response->retry_after_seconds);
        return base_error_set(error, code, "the issuer %s answers %u%s%.*s", issuer, response->status,
                              detail[0] == '\0' ? "" : ": ", ATTESTERD_PROBLEM_DETAIL_MAX, detail);
}
