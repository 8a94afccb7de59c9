/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/gate.h"
#include "token/header.h"

struct outcome_row {
        const char *name;
        unsigned status;
        enum base_error_code code;
        const char *sentence;
};

static const struct outcome_row rows[GATE_OUTCOME_COUNT] = {
        [GATE_ACCEPTED] = { "Accepted", 204, BASE_ERROR_NONE, "the token is good and is spent now" },
        [GATE_CHALLENGED] = { "Challenged", 401, BASE_ERROR_NOT_AUTHORIZED, "this page asks for a Private Access Token" },
        [GATE_MALFORMED] = { "Malformed", 401, BASE_ERROR_MALFORMED, "the Authorization field does not hold a token" },
        [GATE_UNSUPPORTED] = { "Unsupported", 401, BASE_ERROR_UNSUPPORTED,
                               "this page takes a PrivateToken of the challenge's type only" },
        [GATE_CHALLENGE_UNKNOWN] = { "ChallengeUnknown", 401, BASE_ERROR_TOKEN_INVALID,
                                     "the token does not answer a challenge of this gate, or it came too late; answer the new "
                                     "one" },
        [GATE_CHALLENGE_EXPIRED] = { "ChallengeExpired", 401, BASE_ERROR_TOKEN_INVALID,
                                     "the challenge has expired; answer the new one" },
        [GATE_TOKEN_INVALID] = { "TokenInvalid", 401, BASE_ERROR_TOKEN_INVALID, "the token is not the issuer's" },
        [GATE_TOKEN_SPENT] = { "TokenSpent", 401, BASE_ERROR_TOKEN_SPENT,
                               "the token was spent before; answer the new challenge" },
        [GATE_ORIGIN_MISMATCH] = { "OriginMismatch", 401, BASE_ERROR_ORIGIN_MISMATCH, "the token is for another website" },
        [GATE_ORIGIN_UNKNOWN] = { "OriginUnknown", 403, BASE_ERROR_NOT_FOUND, "the gate is not set up for this host name" },
        [GATE_NO_KEY] = { "IssuerUnreachable", 503, BASE_ERROR_ISSUER_UNREACHABLE,
                          "the gate has no valid key of the issuer yet" },
        [GATE_INTERNAL] = { "Internal", 503, BASE_ERROR_INTERNAL, "the gate failed; its log says why" },
};

const char *gate_outcome_name(enum gate_outcome outcome)
{
        return rows[outcome].name;
}

unsigned gate_outcome_status(enum gate_outcome outcome)
{
        return rows[outcome].status;
}

enum base_error_code gate_outcome_code(enum gate_outcome outcome)
{
        return rows[outcome].code;
}

const char *gate_outcome_sentence(enum gate_outcome outcome)
{
        return rows[outcome].sentence;
}

/*
 * The types that challenges are made for, as far as there are keys, in this order: who gave the gate a private key wants
 * tokens of that type from visitors who can make them.
 */
static const uint16_t types[] = { TOKEN_TYPE_VOPRF, TOKEN_TYPE_BLIND_RSA };

bool gate_has_key(struct gate *gate)
{
        uint64_t now_s = gate->clock->wall_seconds(gate->clock->context);
        bool found = false;

        for (size_t i = 0; i < BASE_COUNT(types); i++) {
                gate_auto_key struct gate_key *key = gate_keys_current(gate->keys, types[i], now_s);

                found = found || key != NULL;
        }
        return found;
}

/* Makes a challenge for the origin with a context of its own, remembers it, and writes it. */
static bool challenge_make(struct gate *gate, uint32_t origin, uint16_t type, struct gate_key *key, struct base_buffer *challenge,
                           struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        uint8_t context[TOKEN_REDEMPTION_CONTEXT_LEN], digest[TOKEN_DIGEST_LEN];
        struct token_challenge contents = {
                .type = type,
                .issuer_name = base_bytes_from_string(gate->config->issuer),
                .redemption_context = BASE_BYTES_OF(context),
                .origin_info = base_bytes_from_string(gate->config->origins[origin]),
        };
        uint32_t max_age_s = gate->config->challenge_lifetime_s;

        if (!gate->random->fill(gate->random->context, context, sizeof(context), error) ||
            !token_challenge_encode(&contents, &encoded, error) ||
            !token_challenge_digest(base_buffer_bytes(&encoded), digest, error) ||
            !token_www_authenticate_append(challenge, base_buffer_bytes(&encoded), token_public_key_encoded(gate_key_public(key)),
                                           &max_age_s, error))
                return false;
        gate_store_add(gate->store, digest, origin, key);
        return true;
}

/* A challenge for each type that there is a key of. */
static enum gate_outcome challenges_make(struct gate *gate, uint32_t origin, struct base_buffer *challenges,
                                         struct base_error *error)
{
        uint64_t now_s = gate->clock->wall_seconds(gate->clock->context);
        enum gate_outcome outcome = GATE_NO_KEY;

        for (size_t i = 0; i < BASE_COUNT(types); i++) {
                gate_auto_key struct gate_key *key = gate_keys_current(gate->keys, types[i], now_s);

                if (key == NULL)
                        continue;
                if (!challenge_make(gate, origin, types[i], key, challenges, error)) {
                        base_buffer_reset(challenges);
                        return GATE_INTERNAL;
                }
                outcome = GATE_CHALLENGED;
        }
        return outcome;
}

static enum gate_outcome outcome_of_state(enum gate_store_state state)
{
        switch (state) {
        case GATE_STORE_OUTSTANDING:
                return GATE_ACCEPTED;
        case GATE_STORE_EXPIRED:
                return GATE_CHALLENGE_EXPIRED;
        case GATE_STORE_SPENT:
                return GATE_TOKEN_SPENT;
        case GATE_STORE_UNKNOWN:
                break;
        }
        return GATE_CHALLENGE_UNKNOWN;
}

static enum gate_outcome outcome_of_error(const struct base_error *error)
{
        switch (error->code) {
        case BASE_ERROR_UNSUPPORTED:
                return GATE_UNSUPPORTED;
        case BASE_ERROR_MALFORMED:
        case BASE_ERROR_LIMIT_EXCEEDED:
                return GATE_MALFORMED;
        case BASE_ERROR_TOKEN_INVALID:
                return GATE_TOKEN_INVALID;
        default:
                return GATE_INTERNAL;
        }
}

/* Verifies before it spends, so that a forged token cannot use up the challenge of an honest one. */
static enum gate_outcome token_redeem(struct gate *gate, uint32_t origin, const char *authorization, struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        gate_auto_key struct gate_key *key = NULL;
        enum gate_store_state state;
        struct token token;
        uint32_t challenge_origin;

        if (!token_authorization_parse(base_bytes_from_string(authorization), &bytes, error) ||
            !token_decode(base_buffer_bytes(&bytes), &token, error))
                return outcome_of_error(error);
        state = gate_store_find(gate->store, token.challenge_digest.data, &challenge_origin, &key);
        if (state != GATE_STORE_OUTSTANDING)
                return outcome_of_state(state);
        if (challenge_origin != origin)
                return GATE_ORIGIN_MISMATCH;
        if (!gate_key_verify(key, base_buffer_bytes(&bytes), token.challenge_digest.data, error))
                return outcome_of_error(error);
        return outcome_of_state(gate_store_spend(gate->store, token.challenge_digest.data));
}

static enum gate_outcome decide(struct gate *gate, const struct gate_request *request, struct base_buffer *challenge,
                                struct base_error *error)
{
        int origin = request->host != NULL ? gate_config_find_origin(gate->config, request->host) : -1;
        enum gate_outcome outcome = GATE_CHALLENGED, made;

        if (origin < 0)
                return GATE_ORIGIN_UNKNOWN;
        if (request->authorization_twice)
                outcome = GATE_MALFORMED;
        else if (request->authorization != NULL)
                outcome = token_redeem(gate, (uint32_t) origin, request->authorization, error);
        if (gate_outcome_status(outcome) != 401)
                return outcome;
        made = challenges_make(gate, (uint32_t) origin, challenge, error);
        return made == GATE_CHALLENGED ? outcome : made;
}

enum gate_outcome gate_decide(struct gate *gate, const struct gate_request *request, struct base_buffer *challenge,
                              struct base_error *error)
{
        enum gate_outcome outcome = decide(gate, request, challenge, error);

        atomic_fetch_add(&gate->outcomes[outcome], 1);
        return outcome;
}
