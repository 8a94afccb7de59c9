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

/*
 * Its part in that for one key: opens the object of `uri`. `*source` is what the key before was in, or NULL, is replaced if this
 * one is in another module, and is given back by the caller with issuer_pkcs11_close_source(). The file of the PIN is read again
 * when the token was lost. The caller frees `ret`.
 */
struct pkcs11_source;
bool issuer_pkcs11_open(const char *uri, const char *pin_file, struct pkcs11_source **source, struct token_issuer_key **ret,
                        struct base_error *error) BASE_MUST_CHECK;
void issuer_pkcs11_close_source(struct pkcs11_source *source);

#define ISSUER_PKCS11_PIN_BYTES_MAX 256

/* Reads a PIN, which is not a string, to a buffer of that limit. Errors: CONFIG_INVALID (open to others, empty), NOT_FOUND, IO.
 */
bool issuer_pkcs11_read_pin(const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;
