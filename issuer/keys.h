/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The issuer's secrets at rest, in its state directory: token keys as "token-key-TYPE-NOTBEFORE.pem" and the enrolment
 * secret, each a file of mode 0600 that is replaced atomically. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "token/issuer.h"

#include "base/system.h"

#define ISSUER_KEYS_MAX              16          /* of all types; clients read so many of a directory */
#define ISSUER_KEY_LEAD_S            86400       /* a new key is announced this long before clients are to use it */
#define ISSUER_KEY_OVERLAP_S         (7 * 86400) /* a key answers this long after the next one became valid */
#define ISSUER_ENROLLMENT_SECRET_LEN 32

struct issuer_key {
        struct token_issuer_key *key; /* owned */
        uint16_t type;
        uint8_t truncated_id;
        uint64_t not_before; /* seconds since 1970 */
        bool in_token;       /* of PKCS #11: no file of the state directory */
};

/* By type in the order of token_type_at(), the newest of a type first: the directory's order of preference. */
struct issuer_keys {
        struct issuer_key items[ISSUER_KEYS_MAX];
        size_t count;
};

void issuer_keys_clear(struct issuer_keys *keys);
#define issuer_auto_keys BASE_CLEANUP(issuer_keys_clear)

/* The bit of a token type in a set of types. */
#define ISSUER_TYPE_BIT(type_id) (1u << (type_id))

/*
 * Loads the token keys of these types from a state directory; of a type that has none it makes one that is valid from `now`
 * on. With `rotate_days` above 0 it also makes the next key of a type when the newest is that old, and removes those that are
 * past their overlap. Keys of other types are left alone. No two keys of a type have the same truncated id. The caller clears
 * `ret`.
 * Errors: STATE_INVALID naming the file (damaged, or readable for others), LIMIT_EXCEEDED, IO, CRYPTO.
 */
bool issuer_keys_load(const char *state_directory, unsigned types, uint64_t now, unsigned rotate_days, struct issuer_keys *ret,
                      struct base_error *error) BASE_MUST_CHECK;

/* As load, of what is there: makes, rotates and removes nothing. */
bool issuer_keys_read(const char *state_directory, unsigned types, struct issuer_keys *ret,
                      struct base_error *error) BASE_MUST_CHECK;

/* Adds a key that was made elsewhere, and takes it over if it returns true. Errors: LIMIT_EXCEEDED, STATE_INVALID (its truncated
 * id is taken). */
bool issuer_keys_insert(struct issuer_keys *keys, struct token_issuer_key *key, uint16_t type, uint64_t not_before,
                        struct base_error *error) BASE_MUST_CHECK;

/* The name of a key's file within the state directory; `ret` has room for ISSUER_KEY_FILE_NAME_MAX bytes. */
#define ISSUER_KEY_FILE_NAME_MAX 48
void issuer_key_file_name(uint16_t type, uint64_t not_before, char ret[static ISSUER_KEY_FILE_NAME_MAX]);

/* The key of that type and truncated id, or NULL. */
const struct issuer_key *issuer_keys_find(const struct issuer_keys *keys, uint16_t type, uint8_t truncated_id);

/*
 * Reads the enrolment secret, or makes it if it is not there. `ret` has room for ISSUER_ENROLLMENT_SECRET_LEN bytes or more.
 * Errors: STATE_INVALID naming the file, IO, CRYPTO.
 */
bool issuer_enrollment_secret_load(const char *state_directory, const struct base_random *random, struct base_buffer *ret,
                                   struct base_error *error) BASE_MUST_CHECK;
