/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TokenChallenge (RFC 9577, section 2.1) and the names in it. Used by the client, which answers challenges, and by the
 * origin gate, which makes them; may be included by client/ and issuer/.
 */
#pragma once

#include "token/type.h"

#define TOKEN_REDEMPTION_CONTEXT_LEN 32
#define TOKEN_SERVER_NAME_MAX        259 /* a hostname of 253 bytes, a colon and five digits */
#define TOKEN_ORIGIN_INFO_MAX        4096
#define TOKEN_CHALLENGE_BYTES_MAX    (2 + 2 + TOKEN_SERVER_NAME_MAX + 1 + TOKEN_REDEMPTION_CONTEXT_LEN + 2 + TOKEN_ORIGIN_INFO_MAX)

/* Views; whoever filled them in owns the bytes. No string here is NUL-terminated. */
struct token_challenge {
        uint16_t type;
        struct base_bytes issuer_name;        /* a server name */
        struct base_bytes redemption_context; /* 0 or TOKEN_REDEMPTION_CONTEXT_LEN bytes */
        struct base_bytes origin_info;        /* empty, or server names with commas between them */
};

/*
 * Whether `name` is a hostname, an IPv4 address or a bracketed IPv6 address, with or without a port of 1–65535.
 * Source: RFC 9577, section 2.1 (server name encoding); RFC 3986, section 3.2 without userinfo.
 */
bool token_server_name_valid(struct base_bytes name) BASE_MUST_CHECK;

/*
 * Appends the TokenChallenge. Any token type is written, built in or not.
 * Errors: INVALID_ARGUMENT (a name, or the context's length), LIMIT_EXCEEDED (a field, or the buffer); `ret` is then
 * unchanged.
 */
bool token_challenge_encode(const struct token_challenge *challenge, struct base_buffer *ret,
                            struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads exactly one TokenChallenge of a type that is built in. The views of `ret` point into `bytes`.
 * Errors: UNSUPPORTED (the type; nothing behind it was looked at), MALFORMED (truncated, trailing bytes, context
 * neither 0 nor 32 bytes, a name that is none), LIMIT_EXCEEDED.
 */
bool token_challenge_decode(struct base_bytes bytes, struct token_challenge *ret, struct base_error *error) BASE_MUST_CHECK;

/* SHA-256 of an encoded TokenChallenge: the challenge_digest of its tokens. Errors: CRYPTO. */
bool token_challenge_digest(struct base_bytes encoded, uint8_t ret[static TOKEN_DIGEST_LEN],
                            struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether a challenge that came from `origin` (a server name) may be answered: origin_info is empty or lists it.
 * Compares names without regard to case; a missing port is 443. False for an origin that is not a server name.
 * Source: RFC 9577, section 2.1.
 */
bool token_challenge_matches_origin(const struct token_challenge *challenge, struct base_bytes origin) BASE_MUST_CHECK;
