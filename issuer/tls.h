/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server's certificate and key files, checked before the TLS library sees them. Used by attester-issuer and
 * attester-gate; may be included by issuer/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

struct issuer_tls_files {
        struct base_buffer certificate; /* PEM, NUL-terminated; the leaf first */
        struct base_buffer key;         /* PEM, NUL-terminated; wiped when cleared */
};

#define ISSUER_TLS_FILE_BYTES_MAX (256 * 1024)

/*
 * Reads both and checks that the key is the certificate's. `ret` is set up by this function; the caller clears it.
 * Errors: CONFIG_INVALID (not PEM, not a pair, or a key file that every user may read), NOT_FOUND, IO; each names the file.
 */
bool issuer_tls_files_load(const char *certificate_file, const char *key_file, struct issuer_tls_files *ret,
                           struct base_error *error) BASE_MUST_CHECK;
void issuer_tls_files_clear(struct issuer_tls_files *files);
#define issuer_auto_tls_files BASE_CLEANUP(issuer_tls_files_clear)

/* Reads a file that holds a secret into `to`. Errors: CONFIG_INVALID if every user may read or change it; as base_file_read(). */
bool issuer_secret_file_read(const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* As above, and the file must be this user's or root's. */
bool issuer_own_secret_file_read(const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;
