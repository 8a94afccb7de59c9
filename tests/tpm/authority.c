/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tpm/authority.h"

#include "base/encode.h"
#include "tests/cmocka.h"

#include <openssl/pem.h>
#include <string.h>

void authority_pem(const struct authority *authority, struct base_buffer *to)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        assert_int_equal(PEM_write_bio_PUBKEY(bio, authority->key), 1);
        len = BIO_get_mem_data(bio, &text);
        base_buffer_put(to, text, (size_t) len);
        BIO_free(bio);
}

void authority_make(struct authority *authority, bool rsa)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);
        evidence_auto_public struct evidence_public *parsed = NULL;
        struct base_error error = BASE_ERROR_INIT;

        authority->key = rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048) : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        assert_non_null(authority->key);
        authority_pem(authority, &pem);
        if (!evidence_authority_from_pem(base_buffer_bytes(&pem), &authority->public, &error))
                fail_msg("%s (%s)", error.message, error.detail);
        assert_true(evidence_public_new(BASE_BYTES(authority->public.public_area, authority->public.public_len), &parsed, NULL));
        assert_true(evidence_authority_fingerprint(parsed, authority->fingerprint, NULL));
}

void authority_clear(struct authority *authority)
{
        EVP_PKEY_free(authority->key);
        *authority = (struct authority){ 0 };
}

void authority_sign(const struct authority *authority, const struct evidence_pcrs *pcrs, const char *policy_ref,
                    struct base_buffer *to)
{
        uint8_t message[EVIDENCE_POLICY_DIGEST_LEN + EVIDENCE_POLICY_REF_BYTES_MAX], signature[512];
        size_t len = sizeof(signature);
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        assert_true(evidence_pcr_policy_digest(pcrs, message, NULL));
        memcpy(message + EVIDENCE_POLICY_DIGEST_LEN, policy_ref, strlen(policy_ref));
        assert_int_equal(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, authority->key, NULL), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &len, message, EVIDENCE_POLICY_DIGEST_LEN + strlen(policy_ref)), 1);
        EVP_MD_CTX_free(context);
        base_base64_encode(to, BASE_BYTES(signature, len), BASE_BASE64);
}

void authority_entry(const struct authority *authority, const struct authority *named, const struct evidence_pcrs *pcrs,
                     const char *policy_ref, struct base_buffer *to)
{
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];
        const char *separator = "";

        assert_true(evidence_pcr_policy_digest(pcrs, policy, NULL));
        base_buffer_put_string(to, "{\"pcrs\": [");
        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (!(pcrs->banks[0].mask & (1u << i)))
                        continue;
                base_buffer_printf(to, "%s%u", separator, i);
                separator = ",";
        }
        base_buffer_put_string(to, "], \"pkfp\": \"");
        base_hex_encode(to, BASE_BYTES_OF(named->fingerprint));
        base_buffer_put_string(to, "\", \"pol\": \"");
        base_hex_encode(to, BASE_BYTES_OF(policy));
        base_buffer_put_string(to, "\", \"sig\": \"");
        authority_sign(authority, pcrs, policy_ref, to);
        base_buffer_put_string(to, "\"}");
}
