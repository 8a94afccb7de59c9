/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Token keys in a token of PKCS #11 (a hardware security module): the private operation of type 0x0002 is done there, by
 * CKM_RSA_X_509, and the key never comes out. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/config.h"
#include "issuer/keys.h"

/* The configured token types whose keys are in the state directory. */
unsigned issuer_pkcs11_other_types(const struct issuer_config *config);

/*
 * Opens the keys that `config` names by URI, and adds them; none without Pkcs11=. Each is tried once. Errors, with the URI:
 * NOT_FOUND (no such module, token or object), NOT_AUTHORIZED (the PIN), CRYPTO (not one RSA key of 2048 bits that signs what it
 * is given), CONFIG_INVALID (no URI, or one with a PIN; the PIN's file is open to others), UNSUPPORTED (built without), IO (the
 * token fails).
 */
bool issuer_pkcs11_add_keys(const struct issuer_config *config, struct issuer_keys *keys,
                            struct base_error *error) BASE_MUST_CHECK;

/* Its part in that for one key: opens the object of `uri` with the PIN, which is not a string. The caller frees `ret`. */
bool issuer_pkcs11_open(const char *uri, struct base_bytes pin, struct token_issuer_key **ret,
                        struct base_error *error) BASE_MUST_CHECK;
