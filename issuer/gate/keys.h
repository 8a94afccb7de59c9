/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The issuer's public keys: from a file, or from its directory. A challenge names one of them and stays bound to it, so
 * several are in use at once while an issuer rotates. May be included by issuer/gate only.
 */
#pragma once

#include "token/key.h"

#define GATE_KEYS_MAX 16

struct gate_keys;

bool gate_keys_new(struct gate_keys **ret, struct base_error *error) BASE_MUST_CHECK;
void gate_keys_free(struct gate_keys *keys);
BASE_DEFINE_CLEANUP(struct gate_keys, gate_keys_free)
#define gate_auto_keys BASE_CLEANUP(gate_keys_free_p)

/*
 * Each replaces all keys, or leaves them as they were on an error.
 * A file holds one SubjectPublicKeyInfo, as DER or as base64url text (as a directory has it).
 * Errors: CRYPTO, MALFORMED, NOT_FOUND, IO, LIMIT_EXCEEDED, NO_MEMORY.
 */
bool gate_keys_load_file(struct gate_keys *keys, const char *path, struct base_error *error) BASE_MUST_CHECK;
/*
 * `body` is a directory that came from `url`. Keys of other token types are skipped.
 * Errors: MALFORMED, LIMIT_EXCEEDED, CRYPTO (a key), ISSUER_REJECTED (no key of our type), NO_MEMORY.
 */
bool gate_keys_load_directory(struct gate_keys *keys, struct base_bytes body, const char *url,
                              struct base_error *error) BASE_MUST_CHECK;

/* A reference to the key that new challenges name, valid at `now_s`: the first in the directory's order; NULL if none. */
struct token_public_key *gate_keys_current(struct gate_keys *keys, uint64_t now_s);
