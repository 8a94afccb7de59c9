/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The issuer's keys: from files, or from its directory. A challenge names one of them and stays bound to it, so several are
 * in use at once while an issuer rotates. May be included by issuer/gate only.
 */
#pragma once

#include "issuer/gate/config.h"
#include "issuer/gate/key.h"

#define GATE_KEYS_MAX 16

struct gate_keys;

bool gate_keys_new(struct gate_keys **ret, struct base_error *error) BASE_MUST_CHECK;
void gate_keys_free(struct gate_keys *keys);
BASE_DEFINE_CLEANUP(struct gate_keys, gate_keys_free)
#define gate_auto_keys BASE_CLEANUP(gate_keys_free_p)

/*
 * Reads the files that the configuration names, and takes `directory`, what DirectoryUrl= was answered with (empty if there is
 * none), in place of all keys; on an error these stay as they were.
 * TokenKeyFile= has one SubjectPublicKeyInfo, as DER or as base64url text (as a directory has it). With a directory, only
 * those private keys count whose public halves it has; without, all do, in their order. A directory's other keys of
 * type 0x0001 are skipped, as are those of types that are not built in.
 * Errors: CRYPTO, MALFORMED, CONFIG_INVALID (a private key that is open to others), ISSUER_REJECTED (a directory without a key
 * that tokens could be verified with), NOT_FOUND, IO, LIMIT_EXCEEDED, NO_MEMORY.
 */
bool gate_keys_load(struct gate_keys *keys, const struct gate_config *config, struct base_bytes directory,
                    struct base_error *error) BASE_MUST_CHECK;

/* Whether the files of the configuration can be used. Errors: as above. */
bool gate_keys_check_files(const struct gate_config *config, struct base_error *error) BASE_MUST_CHECK;

/*
 * A reference to the key of that type which new challenges name, valid at `now_s`: the first in the directory's order; NULL if
 * there is none.
 */
struct gate_key *gate_keys_current(struct gate_keys *keys, uint16_t type, uint64_t now_s);

/* How many keys of that type there are, valid or not yet. */
size_t gate_keys_count(struct gate_keys *keys, uint16_t type);
