/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/header.h"

#include "base/encode.h"
#include "token/http_auth.h"

static const char scheme_name[] = "PrivateToken";

void token_offers_clear(struct token_offers *offers)
{
        for (size_t i = 0; i < offers->count; i++) {
                base_buffer_clear(&offers->items[i].encoded);
                base_buffer_clear(&offers->items[i].token_key);
        }
        *offers = (struct token_offers){ .count = 0 };
}

/* A parameter that may stand once in a challenge, and be broken without harm to the challenges beside it. */
static bool decode_once(struct base_bytes value, bool *seen, struct base_buffer *ret)
{
        bool first = !*seen;

        *seen = true;
        return first && base_base64_decode(ret, (const char *) value.data, value.len, BASE_BASE64_URL);
}

/* The challenge that is being read, if its scheme is ours. */
struct www_authenticate {
        struct token_offers offers;
        struct token_offer offer;
        bool is_ours;
        bool is_broken;
        bool has_challenge;
        bool has_token_key;
};

/* The current challenge is complete. */
static void finish_challenge(struct www_authenticate *state)
{
        struct token_offer *offer = &state->offer;
        struct base_error reason = BASE_ERROR_INIT;
        bool usable = state->is_ours && state->has_challenge &&
                      token_challenge_decode(base_buffer_bytes(&offer->encoded), &offer->challenge, &reason);

        if (usable && !state->is_broken) {
                state->offers.items[state->offers.count++] = *offer;
        } else if (state->is_ours) {
                if (reason.code == BASE_ERROR_UNSUPPORTED)
                        state->offers.skipped_unknown++;
                else
                        state->offers.skipped_malformed++;
                base_buffer_clear(&offer->encoded);
                base_buffer_clear(&offer->token_key);
        }
        state->is_ours = false;
}

static bool www_authenticate_scheme(void *context, struct base_bytes name, struct base_error *error)
{
        struct www_authenticate *state = context;

        finish_challenge(state);
        state->is_ours = token_auth_name_is(name, scheme_name);
        state->is_broken = state->has_challenge = state->has_token_key = false;
        state->offer = (struct token_offer){
                .encoded = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX),
                .token_key = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX),
        };
        return true;
}

static bool parse_seconds(struct base_bytes value, uint32_t *ret)
{
        uint64_t seconds = 0;

        for (size_t i = 0; i < value.len; i++) {
                if (value.data[i] < '0' || value.data[i] > '9')
                        return false;
                seconds = seconds * 10 + (uint64_t) (value.data[i] - '0');
                if (seconds > UINT32_MAX)
                        seconds = UINT32_MAX;
        }
        *ret = (uint32_t) seconds;
        return value.len > 0;
}

static bool www_authenticate_parameter(void *context, struct base_bytes name, struct base_bytes value, struct base_error *error)
{
        struct www_authenticate *state = context;
        struct token_offer *offer = &state->offer;
        bool good = true;

        if (!state->is_ours)
                return true;
        if (token_auth_name_is(name, "challenge")) {
                good = decode_once(value, &state->has_challenge, &offer->encoded);
        } else if (token_auth_name_is(name, "token-key")) {
                good = decode_once(value, &state->has_token_key, &offer->token_key);
        } else if (token_auth_name_is(name, "max-age")) {
                good = !offer->has_max_age && parse_seconds(value, &offer->max_age_s);
                offer->has_max_age = true;
        }
        state->is_broken = state->is_broken || !good;
        return true;
}

bool token_www_authenticate_parse(struct base_bytes value, struct token_offers *ret, struct base_error *error)
{
        struct www_authenticate state = { .is_ours = false };
        const struct token_auth_visitor visitor = {
                .scheme = www_authenticate_scheme,
                .parameter = www_authenticate_parameter,
                .context = &state,
        };
        bool ok = token_auth_parse(value, &visitor, error);

        finish_challenge(&state);
        if (ok)
                *ret = state.offers;
        else
                token_offers_clear(&state.offers);
        return ok;
}

static void put_quoted(struct base_buffer *to, const char *name, struct base_bytes value)
{
        base_buffer_printf(to, "%s=\"", name);
        base_base64_encode(to, value, BASE_BASE64_URL);
        base_buffer_put_u8(to, '"');
}

/* Appends all of `from`, or nothing. */
static bool append_whole(struct base_buffer *to, const struct base_buffer *from, struct base_error *error)
{
        if (base_buffer_ok(from))
                base_buffer_put_bytes(to, base_buffer_bytes(from));
        if (!base_buffer_ok(from) || !base_buffer_ok(to))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the authentication header");
        return true;
}

bool token_www_authenticate_append(struct base_buffer *to, struct base_bytes encoded_challenge, struct base_bytes token_key,
                                   const uint32_t *max_age_s, struct base_error *error)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);

        base_buffer_printf(&value, "%s%s ", to->len > 0 ? ", " : "", scheme_name);
        put_quoted(&value, "challenge", encoded_challenge);
        if (token_key.len > 0) {
                base_buffer_put_string(&value, ", ");
                put_quoted(&value, "token-key", token_key);
        }
        if (max_age_s != NULL)
                base_buffer_printf(&value, ", max-age=\"%u\"", *max_age_s);
        return append_whole(to, &value, error);
}

struct authorization {
        struct base_buffer token;
        unsigned schemes;
        bool is_ours;
        bool is_broken;
        bool has_token;
};

static bool authorization_scheme(void *context, struct base_bytes name, struct base_error *error)
{
        struct authorization *state = context;

        state->is_ours = token_auth_name_is(name, scheme_name);
        state->schemes++;
        return true;
}

static bool authorization_parameter(void *context, struct base_bytes name, struct base_bytes value, struct base_error *error)
{
        struct authorization *state = context;

        if (state->is_ours && token_auth_name_is(name, "token") && !decode_once(value, &state->has_token, &state->token))
                state->is_broken = true;
        return true;
}

bool token_authorization_parse(struct base_bytes value, struct base_buffer *ret, struct base_error *error)
{
        struct authorization state = { .token = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX) };
        const struct token_auth_visitor visitor = {
                .scheme = authorization_scheme,
                .parameter = authorization_parameter,
                .context = &state,
        };
        bool ok = token_auth_parse(value, &visitor, error);

        if (ok && (state.schemes != 1 || (state.is_ours && (state.is_broken || !state.has_token))))
                ok = base_error_set(error, BASE_ERROR_MALFORMED, "the Authorization header has not one base64url token");
        if (ok && !state.is_ours)
                ok = base_error_set(error, BASE_ERROR_UNSUPPORTED, "the Authorization header is not of the scheme %s",
                                    scheme_name);
        if (ok && state.token.len > TOKEN_BYTES_MAX)
                ok = base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a token of %zu bytes is too long", state.token.len);
        ok = ok && append_whole(ret, &state.token, error);
        base_buffer_clear(&state.token);
        return ok;
}

bool token_authorization_format(struct base_bytes token, struct base_buffer *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);

        base_buffer_printf(&value, "%s ", scheme_name);
        put_quoted(&value, "token", token);
        return append_whole(ret, &value, error);
}
