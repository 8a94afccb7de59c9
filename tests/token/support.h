/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of token/ share: JSON vectors, a random source that follows a script, and damaged copies.
 */
#pragma once

#include "base/buffer.h"
#include "base/system.h"
#include "token/client.h"
#include "token/issuer.h"

#include "tests/cmocka.h"

#include <jansson.h>

/* The file's top-level array; the caller json_decref()s it. Fails the test if it has not `count` elements. */
json_t *support_vectors_load(const char *name, size_t count);

/* The string member `key`; fails the test if it is missing. */
const char *support_member(const json_t *object, const char *key);

/* Appends the bytes of the member `key`, hex with or without 0x in front. */
void support_member_bytes(const json_t *object, const char *key, struct base_buffer *ret);

/* Gives the pieces out in order and fails the test when more is drawn than they hold. */
struct support_script {
        struct base_bytes bytes;
        size_t position;
};

struct base_random support_script_random(struct support_script *script);

/* A random source whose fill fails. */
extern const struct base_random support_broken_random;

/* Asserts that two byte strings are equal. */
void support_assert_bytes(struct base_bytes actual, struct base_bytes expected);

/* Copies `from` to `to` (emptied before) with the bit `bit` flipped. */
void support_flip_bit(struct base_bytes from, size_t bit, struct base_buffer *to);

/* The issuer key of type 0x0001 with this scalar. */
void support_voprf_issuer(struct base_bytes scalar, struct token_issuer_key **ret);

/*
 * Appends the randomness r of a proof, c and s: published vectors do not list it, but with s = r - c * k the holder of the
 * private key k can tell it.
 */
void support_voprf_randomness(struct base_bytes proof, struct base_bytes scalar, struct base_buffer *ret);

/* One honest run of issuance, which no case changes. */
struct support_run {
        struct token_issuer_key *issuer, *other_issuer;
        struct token_public_key *key;
        struct token_client_state *client;
        struct base_buffer request, response, token; /* for support_challenge_digest */
};

extern const uint8_t support_challenge_digest[TOKEN_DIGEST_LEN];

/* Group fixtures: a run of this token type in `*state`. */
int support_run_set_up(uint16_t type, void **state);
int support_run_tear_down(void **state);

#define support_assert_error(call, error_pointer, expected_code)                                                                 \
        do {                                                                                                                     \
                (error_pointer)->code = BASE_ERROR_NONE;                                                                         \
                assert_false(call);                                                                                              \
                assert_string_equal(base_error_name((error_pointer)->code), base_error_name(expected_code));                     \
        } while (0)

#define support_assert_ok(call, error_pointer)                                                                                   \
        do {                                                                                                                     \
                if (!(call))                                                                                                     \
                        fail_msg("%s: %s (%s)", #call, (error_pointer)->message, (error_pointer)->detail);                       \
        } while (0)
