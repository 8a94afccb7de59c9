/* SPDX-License-Identifier: BSD-2-Clause */
/* From challenge to Authorization: everything that the daemon must not see happens in this file. */
#include "base/system.h"
#include "client/library/batch.h"
#include "client/library/choose.h"
#include "client/library/query.h"

#include <string.h>

#define AUTHORIZATION_BYTES_MAX (TOKEN_BYTES_MAX * 2 + 64)

/* Blinds a request for the chosen challenge and key, and appends the Authorization value to `authorization`. */
static bool choice_authorize(struct attester *attester, const struct client_call *call, const struct client_choice *choice,
                             const struct attester_key *key, struct base_buffer *authorization, struct attester_info *info,
                             struct base_error *error)
{
        client_auto_batch struct client_batch batch = { .count = 0 };
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_bytes responses[CLIENT_BATCH_MAX];
        uint8_t digest[TOKEN_DIGEST_LEN];

        if (!token_challenge_digest(base_buffer_bytes(&choice->offer->encoded), digest, error) ||
            !client_batch_blind(&batch, key, digest, 1, error))
                return false;
        client_call_trace(call, ATTESTER_STEP_BLINDED, "%zu bytes", batch.requests[0].len);
        if (!client_batch_message(&batch, call, NULL, choice->issuer, &message, error) ||
            !client_bus_call(attester, call, message, CLIENT_BATCH_REPLY, &reply, error) ||
            !client_batch_read(&batch, reply, responses, info, error))
                return false;
        client_call_trace(call, ATTESTER_STEP_RESPONSE, "%zu bytes", responses[0].len);
        if (!client_batch_finalize(&batch, 0, choice->issuer, responses[0], &token, error))
                return false;
        client_call_trace(call, ATTESTER_STEP_TOKEN, "%zu bytes", token.len);
        return token_authorization_format(base_buffer_bytes(&token), authorization, error);
}

/* One offer with its issuer's directory and the key to blind with. */
struct client_plan {
        struct attester_status *status;
        struct client_choice choice; /* its issuer is of the status */
        struct attester_issuer *directory;
        const struct attester_key *key; /* of the directory */
};

static void plan_clear(struct client_plan *plan)
{
        attester_issuer_free_p(&plan->directory);
        attester_status_free_p(&plan->status);
}

/*
 * The first offer that can be served: an offer without a usable key gives way to the next one, as when a website offers
 * several token types and the issuer has a key for one. If none can be served the first one's error is the one to tell.
 */
static bool plan_make(struct attester *attester, const struct client_call *call, const struct token_offers *offers,
                      const char *origin, struct client_plan *ret, struct base_error *error)
{
        uint64_t now_s = base_system_clock.wall_seconds(base_system_clock.context);
        struct base_error first = BASE_ERROR_INIT, next = BASE_ERROR_INIT;
        size_t from = 0;

        if (!client_query_status(attester, call, &ret->status, error))
                return false;
        while (client_choose_offer(offers, from, base_bytes_from_string(origin), ret->status, &ret->choice, &next)) {
                client_call_trace(call, ATTESTER_STEP_CHALLENGE, "%s", ret->choice.issuer);
                if (client_query_issuer(attester, call, ret->choice.issuer, &ret->directory, &next) &&
                    client_choose_key(ret->choice.offer, ret->directory, now_s, &ret->key, &next))
                        return true;
                attester_issuer_free_p(&ret->directory);
                if (first.code == BASE_ERROR_NONE)
                        first = next;
                from = (size_t) (ret->choice.offer - offers->items) + 1;
        }
        return base_error_copy(error, first.code == BASE_ERROR_NONE ? &next : &first);
}

static bool authorize(struct attester *attester, const struct client_call *call, const char *www_authenticate, const char *origin,
                      struct base_buffer *authorization, struct attester_info *info, struct base_error *error)
{
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        BASE_CLEANUP(plan_clear) struct client_plan plan = { .status = NULL };

        if (!token_server_name_valid(base_bytes_from_string(origin)))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "the origin is not a host name, with or without a port");
        if (!token_www_authenticate_parse(base_bytes_from_string(www_authenticate), &offers, error))
                return base_error_prefix(error, "the website's WWW-Authenticate");
        if (!plan_make(attester, call, &offers, origin, &plan, error))
                return false;
        client_call_trace(call, ATTESTER_STEP_KEY, "type 0x%04x, key id %s", (unsigned) plan.key->token_type, plan.key->id);
        (void) snprintf(info->issuer, sizeof(info->issuer), "%s", plan.choice.issuer);
        info->token_type = plan.key->token_type;
        return choice_authorize(attester, call, &plan.choice, plan.key, authorization, info, error);
}

int attester_authorize(struct attester *attester, const char *www_authenticate, const char *origin,
                       const struct attester_options *options, char **ret_authorization, struct attester_info *ret_info,
                       struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        struct attester_info info = ATTESTER_INFO_INIT;
        base_auto_buffer struct base_buffer authorization = BASE_BUFFER_INIT(AUTHORIZATION_BYTES_MAX);
        char *copy;

        if (!authorize(attester, &call, www_authenticate, origin, &authorization, &info, &failure))
                return client_error_export(&failure, error);
        copy = strndup((const char *) authorization.data, authorization.len);
        if (copy == NULL) {
                (void) base_error_set_no_memory(&failure);
                return client_error_export(&failure, error);
        }
        if (ret_info != NULL && ret_info->size >= sizeof(info.size)) {
                info.size = ret_info->size < sizeof(info) ? ret_info->size : sizeof(info);
                memcpy(ret_info, &info, info.size);
        }
        *ret_authorization = copy;
        return 0;
}
