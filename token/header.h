/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP authentication scheme PrivateToken (RFC 9577): WWW-Authenticate and Authorization. Used by the client and the
 * origin gate; may be included by client/ and issuer/.
 */
#pragma once

#include "token/challenge.h"

#define TOKEN_HEADER_BYTES_MAX      16384
#define TOKEN_HEADER_CHALLENGES_MAX 16 /* of all schemes together */
#define TOKEN_HEADER_PARAMETERS_MAX 32 /* of one challenge */

/* One PrivateToken challenge that the client could answer. */
struct token_offer {
        struct base_buffer encoded;       /* the TokenChallenge's bytes, for token_challenge_digest() */
        struct token_challenge challenge; /* views into `encoded` */
        struct base_buffer token_key;     /* empty if the parameter is absent */
        bool has_max_age;
        uint32_t max_age_s;
};

struct token_offers {
        struct token_offer items[TOKEN_HEADER_CHALLENGES_MAX]; /* in the origin's order of preference */
        size_t count;
        size_t skipped_unknown;   /* PrivateToken challenges of types that are not built in, GREASE among them */
        size_t skipped_malformed; /* PrivateToken challenges that RFC 9577 says to ignore */
};

void token_offers_clear(struct token_offers *offers);
#define base_auto_token_offers BASE_CLEANUP(token_offers_clear)

/*
 * Reads the value of one WWW-Authenticate field (several fields: joined with ", "). Challenges of other schemes and
 * parameters that are not known are skipped; a PrivateToken challenge of another type or with a broken content is
 * skipped and counted. An answer with count 0 is a success. The caller clears `ret`.
 * Base64url values may be quoted or not, padded or not. max-age above 2^32 - 1 counts as that.
 * Errors: MALFORMED (not the syntax of RFC 9110, section 11), LIMIT_EXCEEDED.
 * Source: RFC 9577, section 2.1; RFC 9110, sections 11.2, 11.3 and 11.6.1.
 */
bool token_www_authenticate_parse(struct base_bytes value, struct token_offers *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Appends one PrivateToken challenge, with ", " before it if `to` is not empty. `encoded_challenge` is a TokenChallenge;
 * `token_key` may be empty, and `max_age_s` NULL, to leave the parameter out. Values are quoted and padded.
 * Errors: LIMIT_EXCEEDED (the buffer), which then is unchanged.
 */
bool token_www_authenticate_append(struct base_buffer *to, struct base_bytes encoded_challenge, struct base_bytes token_key,
                                   const uint32_t *max_age_s, struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads the value of an Authorization field and appends the Token's bytes to `ret`; token_decode() looks inside.
 * Errors: UNSUPPORTED (another scheme), MALFORMED (syntax, no token parameter or two, not base64url), LIMIT_EXCEEDED.
 * Source: RFC 9577, section 2.2.
 */
bool token_authorization_parse(struct base_bytes value, struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;

/* Appends `PrivateToken token="…"`. Errors: LIMIT_EXCEEDED (the buffer), which then is unchanged. */
bool token_authorization_format(struct base_bytes token, struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;
