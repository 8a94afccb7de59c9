/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One key that challenges name: the issuer's public key, and for a type that nobody else can verify its private key too.
 * It never changes, is counted, and lives as long as a challenge that names it. May be included by issuer/gate only.
 */
#pragma once

#include "token/issuer.h"

struct gate_key;

/* Takes `key` over if it returns true. Errors: NO_MEMORY. */
bool gate_key_new_public(struct token_public_key *key, struct gate_key **ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads the private key of type 0x0001 in a file (token_issuer_key_load()) that is this user's or root's and closed to others.
 * Errors: CONFIG_INVALID (whose it is, or its mode), CRYPTO, NOT_FOUND, LIMIT_EXCEEDED, IO; each names the file.
 */
bool gate_key_new_private(const char *path, struct gate_key **ret, struct base_error *error) BASE_MUST_CHECK;

struct gate_key *gate_key_ref(struct gate_key *key);
/* Gives a reference back; accepts NULL. */
void gate_key_unref(struct gate_key *key);
BASE_DEFINE_CLEANUP(struct gate_key, gate_key_unref)
#define gate_auto_key BASE_CLEANUP(gate_key_unref_p)

/* Owned by the key. */
const struct token_public_key *gate_key_public(const struct gate_key *key);

/* As token_verify(), or token_issuer_verify() if the private key is there. */
bool gate_key_verify(const struct gate_key *key, struct base_bytes token, const uint8_t challenge_digest[static TOKEN_DIGEST_LEN],
                     struct base_error *error) BASE_MUST_CHECK;
