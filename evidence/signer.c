/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/signer.h"

#include "evidence/internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

struct evidence_signer {
        EVP_PKEY *key;
        struct evidence_public *public;
        uint8_t fingerprint[EVIDENCE_AUTHORITY_FINGERPRINT_LEN];
};

/* An encrypted key would make OpenSSL ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
        return 0;
}

static EVP_PKEY *read_pem(struct base_bytes pem)
{
        BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

        BIO_free(bio);
        ERR_clear_error();
        return key;
}

bool evidence_signer_from_pem(struct base_bytes pem, struct evidence_signer **ret, struct base_error *error)
{
        evidence_auto_signer struct evidence_signer *signer = calloc(1, sizeof(*signer));
        struct evidence_authority authority;

        if (signer == NULL)
                return base_error_set_no_memory(error);
        if (pem.len == 0 || pem.len > EVIDENCE_AUTHORITY_PEM_BYTES_MAX || (signer->key = read_pem(pem)) == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "It is not a private key in PEM without a passphrase.");
        if (!evidence_authority_from_key(signer->key, &authority, error) ||
            !evidence_public_new(BASE_BYTES(authority.public_area, authority.public_len), &signer->public, error) ||
            !evidence_authority_fingerprint(signer->public, signer->fingerprint, error))
                return false;
        *ret = BASE_STEAL(signer);
        return true;
}

void evidence_signer_free(struct evidence_signer *signer)
{
        if (signer == NULL)
                return;
        EVP_PKEY_free(signer->key);
        evidence_public_free(signer->public);
        free(signer);
}

const uint8_t *evidence_signer_fingerprint(const struct evidence_signer *signer)
{
        return signer->fingerprint;
}

bool evidence_signer_sign(const struct evidence_signer *signer, const uint8_t policy[static EVIDENCE_POLICY_DIGEST_LEN],
                          struct base_bytes policy_ref, uint8_t ret[static EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX],
                          size_t *ret_len, struct base_error *error)
{
        uint8_t message[EVIDENCE_POLICY_DIGEST_LEN + EVIDENCE_POLICY_REF_BYTES_MAX];
        uint8_t made[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX], checked[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];
        size_t made_len = sizeof(made), checked_len;
        EVP_MD_CTX *context;
        bool done;

        if (policy_ref.len > EVIDENCE_POLICY_REF_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The policy reference is longer than %d bytes.",
                                      EVIDENCE_POLICY_REF_BYTES_MAX);
        memcpy(message, policy, EVIDENCE_POLICY_DIGEST_LEN);
        if (policy_ref.len > 0)
                memcpy(message + EVIDENCE_POLICY_DIGEST_LEN, policy_ref.data, policy_ref.len);
        context = EVP_MD_CTX_new();
        done = context != NULL && EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, signer->key, NULL) == 1 &&
               EVP_DigestSign(context, made, &made_len, message, EVIDENCE_POLICY_DIGEST_LEN + policy_ref.len) == 1;
        EVP_MD_CTX_free(context);
        if (!done)
                return evidence_crypto_failed(error, "Signing a PCR policy");
        if (!evidence_authority_verify(signer->public, policy, policy_ref, BASE_BYTES(made, made_len), checked, &checked_len,
                                       error))
                return false;
        memcpy(ret, made, made_len);
        *ret_len = made_len;
        return true;
}
