/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of token types that are built in: one row a type. Used by every party that handles tokens; may be included
 * by client/ and issuer/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Token types of the IANA registry "Privacy Pass Token Types" that have a row. */
enum token_type_id {
        TOKEN_TYPE_VOPRF = 0x0001,     /* RFC 9578, section 5 */
        TOKEN_TYPE_BLIND_RSA = 0x0002, /* RFC 9578, section 6 */
};

/* Lengths that every type of the default Token structure shares (RFC 9577, section 2.2). */
#define TOKEN_NONCE_LEN          32
#define TOKEN_DIGEST_LEN         32                                                          /* SHA-256 of a TokenChallenge */
#define TOKEN_KEY_ID_LEN         32                                                          /* "Nid" of all types of RFC 9578 */
#define TOKEN_INPUT_LEN          (2 + TOKEN_NONCE_LEN + TOKEN_DIGEST_LEN + TOKEN_KEY_ID_LEN) /* AuthenticatorInput */
#define TOKEN_REQUEST_HEADER_LEN 3                                                           /* type and truncated key id */

/* No row may be larger; a fixed array of these sizes holds any token, request or response. */
#define TOKEN_AUTHENTICATOR_MAX    256
#define TOKEN_BYTES_MAX            (TOKEN_INPUT_LEN + TOKEN_AUTHENTICATOR_MAX)
#define TOKEN_REQUEST_BYTES_MAX    259
#define TOKEN_RESPONSE_BYTES_MAX   256
#define TOKEN_PUBLIC_KEY_BYTES_MAX 400

/* Media types of the issuance protocol (RFC 9578, section 8.3). */
#define TOKEN_MEDIA_TYPE_DIRECTORY "application/private-token-issuer-directory"
#define TOKEN_MEDIA_TYPE_REQUEST   "application/private-token-request"
#define TOKEN_MEDIA_TYPE_RESPONSE  "application/private-token-response"

struct token_module;

struct token_type {
        uint16_t id;
        const char *name;
        size_t authenticator_len;          /* Nk */
        size_t request_len;                /* the whole TokenRequest */
        size_t response_len;               /* the whole TokenResponse */
        const struct token_module *module; /* what the type does; private to token/ */
};

/* The row of a type, or NULL if it is not built in. Static; never freed. */
const struct token_type *token_type_find(uint16_t id);

/* The rows in order of preference, `index` from 0; NULL behind the last. */
const struct token_type *token_type_at(size_t index);
