/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "evidence/authority.h"
#include "tests/evidence/support.h"

#include <openssl/pem.h>
#include <string.h>

static const uint8_t approved[EVIDENCE_POLICY_DIGEST_LEN] = { 1, 2, 3 };

static void put_pem(EVP_PKEY *key, struct base_buffer *to)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
        len = BIO_get_mem_data(bio, &text);
        base_buffer_put(to, text, (size_t) len);
        BIO_free(bio);
}

/* An authority as a verifier has it, and its private key. */
struct setup {
        EVP_PKEY *key;
        struct evidence_authority authority;
        struct evidence_public *public;
};

static void prepare(struct setup *setup, EVP_PKEY *key)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);
        struct base_error error;

        setup->key = key;
        put_pem(key, &pem);
        assert_ok(evidence_authority_from_pem(base_buffer_bytes(&pem), &setup->authority, &error));
        assert_ok(evidence_public_new(BASE_BYTES(setup->authority.public_area, setup->authority.public_len), &setup->public,
                                      &error));
}

static void setup_clear(struct setup *setup)
{
        EVP_PKEY_free(setup->key);
        evidence_public_free(setup->public);
}

static size_t sign(EVP_PKEY *key, const char *policy_ref, uint8_t *ret, size_t capacity)
{
        uint8_t message[EVIDENCE_POLICY_DIGEST_LEN + EVIDENCE_POLICY_REF_BYTES_MAX];
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        size_t len = capacity;

        memcpy(message, approved, sizeof(approved));
        memcpy(message + sizeof(approved), policy_ref, strlen(policy_ref));
        assert_int_equal(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL), 1);
        assert_int_equal(EVP_DigestSign(context, ret, &len, message, sizeof(approved) + strlen(policy_ref)), 1);
        EVP_MD_CTX_free(context);
        return len;
}

static bool verify(const struct setup *setup, const char *policy_ref, const uint8_t *signature, size_t len,
                   struct base_error *error)
{
        uint8_t converted[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];
        size_t converted_len;

        return evidence_authority_verify(setup->public, approved, base_bytes_from_string(policy_ref), BASE_BYTES(signature, len),
                                         converted, &converted_len, error);
}

static void authority_verify_honest_accepted_and_anything_else_refused(void **state)
{
        for (int kind = 0; kind < 3; kind++) {
                BASE_CLEANUP(setup_clear) struct setup setup = { 0 };
                BASE_CLEANUP(setup_clear) struct setup other = { 0 };
                uint8_t signature[512];
                struct base_error error;
                size_t len;

                prepare(&setup, kind == 2 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                          : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) (kind == 0 ? 2048 : 3072)));
                prepare(&other, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
                len = sign(setup.key, "", signature, sizeof(signature));
                assert_ok(verify(&setup, "", signature, len, &error));
                assert_refused(verify(&setup, "fleet-2", signature, len, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                assert_refused(verify(&other, "", signature, len, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                assert_refused(verify(&setup, "", signature, len - 1, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                assert_refused(verify(&setup, "", signature, 0, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                signature[len - 1] ^= 1;
                assert_refused(verify(&setup, "", signature, len, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                len = sign(setup.key, "fleet-2", signature, sizeof(signature));
                assert_ok(verify(&setup, "fleet-2", signature, len, &error));
                assert_refused(verify(&setup, "fleet-1", signature, len, &error), BASE_ERROR_EVIDENCE_INVALID, "not by");
                assert_refused(verify(&setup, "a reference of more than thirty-two bytes", signature, len, &error),
                               BASE_ERROR_EVIDENCE_INVALID, "longer");
        }
}

static void authority_from_pem_of_unusable_key_refused(void **state)
{
        EVP_PKEY *const keys[] = { EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 1024),
                                   EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
        static const char *const texts[] = { "", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n" };
        struct evidence_authority authority;
        struct base_error error;

        for (size_t i = 0; i < BASE_COUNT(keys); i++) {
                base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);

                put_pem(keys[i], &pem);
                EVP_PKEY_free(keys[i]);
                assert_refused(evidence_authority_from_pem(base_buffer_bytes(&pem), &authority, &error), BASE_ERROR_UNSUPPORTED,
                               "RSA of 2048 or 3072");
        }
        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                assert_refused(evidence_authority_from_pem(base_bytes_from_string(texts[i]), &authority, &error),
                               BASE_ERROR_MALFORMED, "PEM");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(authority_verify_honest_accepted_and_anything_else_refused),
                cmocka_unit_test(authority_from_pem_of_unusable_key_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
