/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/tls.h"

#include "base/file.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

BASE_DEFINE_CLEANUP(BIO, BIO_free_all)
BASE_DEFINE_CLEANUP(X509, X509_free)
BASE_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)

void issuer_tls_files_clear(struct issuer_tls_files *files)
{
        base_buffer_clear(&files->certificate);
        base_buffer_clear(&files->key);
}

static bool look_at(const char *path, struct stat *ret, struct base_error *error)
{
        if (stat(path, ret) == 0)
                return true;
        if (errno == ENOENT)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "%s does not exist", path);
        return base_error_set_errno(error, errno, "cannot look at %s", path);
}

bool issuer_secret_file_read(const char *path, struct base_buffer *to, struct base_error *error)
{
        struct stat status;

        if (!look_at(path, &status, error))
                return false;
        if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s holds a key and has mode %04o: take the others' access away (chmod 0600)", path,
                                      status.st_mode & 07777);
        return base_file_read(path, to, error);
}

bool issuer_own_secret_file_read(const char *path, struct base_buffer *to, struct base_error *error)
{
        struct stat status;

        if (!look_at(path, &status, error))
                return false;
        if (status.st_uid != 0 && status.st_uid != geteuid())
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s holds a key and belongs to user %u: make it root's or this service's (chown)", path,
                                      (unsigned) status.st_uid);
        return issuer_secret_file_read(path, to, error);
}

/* An encrypted key would make OpenSSL ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
        return 0;
}

static bool check_pair(const char *certificate_file, const char *key_file, struct issuer_tls_files *files,
                       struct base_error *error)
{
        BASE_CLEANUP(BIO_free_all_p)
        BIO *certificate_bio = BIO_new_mem_buf(files->certificate.data, (int) files->certificate.len);
        BASE_CLEANUP(BIO_free_all_p) BIO *key_bio = BIO_new_mem_buf(files->key.data, (int) files->key.len);
        BASE_CLEANUP(X509_free_p) X509 *certificate = NULL;
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *key = NULL;

        if (certificate_bio == NULL || key_bio == NULL)
                return base_error_set_no_memory(error);
        certificate = PEM_read_bio_X509(certificate_bio, NULL, no_passphrase, NULL);
        if (certificate == NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s does not hold a PEM certificate", certificate_file);
        key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
        if (key == NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s does not hold an unencrypted PEM private key",
                                      key_file);
        if (X509_check_private_key(certificate, key) != 1)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "the key in %s is not that of the certificate in %s",
                                      key_file, certificate_file);
        return true;
}

bool issuer_tls_files_load(const char *certificate_file, const char *key_file, struct issuer_tls_files *ret,
                           struct base_error *error)
{
        issuer_auto_tls_files struct issuer_tls_files files = {
                .certificate = BASE_BUFFER_INIT(ISSUER_TLS_FILE_BYTES_MAX),
                .key = BASE_BUFFER_INIT(ISSUER_TLS_FILE_BYTES_MAX),
        };

        if (!base_file_read(certificate_file, &files.certificate, error) ||
            !issuer_secret_file_read(key_file, &files.key, error) || !check_pair(certificate_file, key_file, &files, error))
                return false;
        if (base_buffer_c_string(&files.certificate) == NULL || base_buffer_c_string(&files.key) == NULL)
                return base_error_set_no_memory(error);
        *ret = files;
        files = (struct issuer_tls_files){ 0 };
        return true;
}
