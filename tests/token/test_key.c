/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/token/support.h"
#include "token/issuer.h"
#include "token/spki.h"

#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define BYTES_MAX 8192

/* The DER of a key; any odd number of 2048 bits serves as modulus, since nothing here needs its factors. */
static void make_spki(uint32_t exponent, struct base_buffer *ret)
{
        struct token_spki spki = { .exponent = exponent };
        struct base_error error = BASE_ERROR_INIT;

        memset(spki.modulus, 0xc5, sizeof(spki.modulus));
        support_assert_ok(token_spki_encode(&spki, ret, &error), &error);
}

static void assert_refused(struct base_bytes encoded)
{
        struct token_public_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, encoded, &key, &error), &error, BASE_ERROR_CRYPTO);
        assert_null(key);
}

static void public_key_decode_vectors_round_trip(void **state)
{
        json_t *vectors = support_vectors_load("pub_verif_rfc9578.go.json", 5);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object)
        {
                base_auto_token_public_key struct token_public_key *key = NULL;
                base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
                base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(BYTES_MAX);
                base_auto_buffer struct base_buffer token_bytes = BASE_BUFFER_INIT(BYTES_MAX);
                struct base_error error = BASE_ERROR_INIT;
                struct token_spki spki;
                struct token token;

                support_member_bytes(object, "pkS", &encoded);
                support_member_bytes(object, "token", &token_bytes);
                support_assert_ok(token_spki_decode(base_buffer_bytes(&encoded), &spki, &error), &error);
                assert_int_equal(spki.exponent, 65537);
                support_assert_ok(token_spki_encode(&spki, &again, &error), &error);
                support_assert_bytes(base_buffer_bytes(&again), base_buffer_bytes(&encoded));
                support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&encoded), &key, &error),
                                  &error);
                support_assert_ok(token_decode(base_buffer_bytes(&token_bytes), &token, &error), &error);
                support_assert_bytes(BASE_BYTES(token_public_key_id(key), TOKEN_KEY_ID_LEN), token.key_id);
                assert_int_equal(token_public_key_type(key)->id, TOKEN_TYPE_BLIND_RSA);
        }
        json_decref(vectors);
}

static void public_key_decode_exponent_limits_hold(void **state)
{
        static const uint32_t good[] = { 65537, 65539, 0x7fffff, 0x800001, 0x7fffffff, 0x80000001, 0xffffffff };
        static const uint32_t bad[] = { 0, 1, 3, 17, 65535, 65536, 65538, 0xfffffffe };
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < BASE_COUNT(good); i++) {
                base_auto_token_public_key struct token_public_key *key = NULL;
                base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);

                make_spki(good[i], &encoded);
                support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&encoded), &key, &error),
                                  &error);
        }
        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
                struct token_spki spki = { .exponent = bad[i] };

                memset(spki.modulus, 0xc5, sizeof(spki.modulus));
                support_assert_error(token_spki_encode(&spki, &encoded, &error), &error, BASE_ERROR_CRYPTO);
                assert_int_equal(encoded.len, 0);
        }
}

static void public_key_decode_damaged_is_refused(void **state)
{
        base_auto_buffer struct base_buffer good = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(BYTES_MAX);

        make_spki(65537, &good);
        /* Every bit of the algorithm, of the lengths, and of what makes the numbers a key's. */
        for (size_t bit = 0; bit < 8 * good.len; bit++) {
                size_t at = bit / 8;
                bool in_modulus = at >= good.len - 5 - TOKEN_SPKI_MODULUS_LEN && at < good.len - 5;
                bool in_exponent = at >= good.len - 3;

                if (in_modulus || in_exponent)
                        continue;
                support_flip_bit(base_buffer_bytes(&good), bit, &bad);
                assert_refused(base_buffer_bytes(&bad));
        }
        support_flip_bit(base_buffer_bytes(&good), 8 * (good.len - 6), &bad); /* even modulus */
        assert_refused(base_buffer_bytes(&bad));
        support_flip_bit(base_buffer_bytes(&good), 8 * (good.len - 5 - TOKEN_SPKI_MODULUS_LEN) + 7, &bad); /* 2047 bits */
        assert_refused(base_buffer_bytes(&bad));
        for (size_t len = 0; len < good.len; len++)
                assert_refused(BASE_BYTES(good.data, len));
        base_buffer_put_u8(&good, 0);
        assert_refused(base_buffer_bytes(&good));
}

/* 65537 with a superfluous zero byte, in an encoding that is otherwise right. */
static void public_key_decode_exponent_not_minimal_is_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);

        make_spki(0x01000001, &encoded);
        memcpy(encoded.data + encoded.len - 4, "\x00\x01\x00\x01", 4);
        assert_refused(base_buffer_bytes(&encoded));
        base_buffer_reset(&encoded);
        make_spki(0xffffffff, &encoded);
        memcpy(encoded.data + encoded.len - 5, "\x01\x00\x00\x00\x01", 5); /* 2^32 + 1 */
        assert_refused(base_buffer_bytes(&encoded));
}

static void generate_rsa(unsigned bits, unsigned exponent, const char *kind, EVP_PKEY **ret)
{
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
        BIGNUM *e = BN_new();

        *ret = NULL;
        assert_true(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int) bits) == 1 &&
                    BN_set_word(e, exponent) && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1);
        assert_true(EVP_PKEY_generate(context, ret) == 1);
        BN_free(e);
        EVP_PKEY_CTX_free(context);
}

static void put_pem(EVP_PKEY *pkey, const char *structure, bool private_part, const char *password, struct base_buffer *ret)
{
        OSSL_ENCODER_CTX *encoder = OSSL_ENCODER_CTX_new_for_pkey(pkey, private_part ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                                                                  "PEM", structure, NULL);
        unsigned char *data = NULL;
        size_t len = 0;

        if (password != NULL)
                assert_true(OSSL_ENCODER_CTX_set_cipher(encoder, "AES-256-CBC", NULL) == 1 &&
                            OSSL_ENCODER_CTX_set_passphrase(encoder, (const unsigned char *) password, strlen(password)) == 1);
        assert_int_equal(OSSL_ENCODER_to_data(encoder, &data, &len), 1);
        base_buffer_reset(ret);
        base_buffer_put(ret, data, len);
        OPENSSL_free(data);
        OSSL_ENCODER_CTX_free(encoder);
}

static void spki_encode_modulus_out_of_range_is_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
        struct token_spki spki = { .exponent = 65537 };
        struct base_error error = BASE_ERROR_INIT;

        memset(spki.modulus, 0xc5, sizeof(spki.modulus));
        spki.modulus[TOKEN_SPKI_MODULUS_LEN - 1] = 0xc4;
        support_assert_error(token_spki_encode(&spki, &encoded, &error), &error, BASE_ERROR_CRYPTO);
        memset(spki.modulus, 0x45, sizeof(spki.modulus));
        support_assert_error(token_spki_encode(&spki, &encoded, &error), &error, BASE_ERROR_CRYPTO);
        assert_int_equal(encoded.len, 0);
}

/* Other parameters, each in the one byte of the DER that tells it. */
static void public_key_decode_other_parameters_are_refused(void **state)
{
        static const struct {
                size_t at;
                uint8_t from, to;
        } rows[] = {
                { 16, 0x0a, 0x01 }, /* rsaEncryption for id-RSASSA-PSS */
                { 33, 0x02, 0x01 }, /* SHA-256 for SHA-384 */
                { 33, 0x02, 0x03 }, /* SHA-512 */
                { 61, 0x02, 0x01 }, /* MGF1 with SHA-256 */
                { 66, 48, 32 },     /* the salt's length */
                { 66, 48, 0 },
        };
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_buffer_reset(&encoded);
                make_spki(65537, &encoded);
                assert_int_equal(encoded.data[rows[i].at], rows[i].from);
                encoded.data[rows[i].at] = rows[i].to;
                assert_refused(base_buffer_bytes(&encoded));
        }
}

/* What OpenSSL writes for an ordinary RSA key; and for a PSS key with the right parameters, but with NULLs in it. */
static void public_key_decode_openssl_encodings_are_refused(void **state)
{
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
        EVP_PKEY *keys[2] = { NULL, NULL };

        generate_rsa(2048, 65537, "RSA", &keys[0]);
        assert_true(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(context, "SHA384", NULL) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(context, "SHA384") == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context, 48) == 1);
        assert_int_equal(EVP_PKEY_generate(context, &keys[1]), 1);
        for (size_t i = 0; i < BASE_COUNT(keys); i++) {
                unsigned char *der = NULL;
                int len = i2d_PUBKEY(keys[i], &der);

                assert_true(len > 0);
                assert_refused(BASE_BYTES(der, len));
                OPENSSL_free(der);
                EVP_PKEY_free(keys[i]);
        }
        EVP_PKEY_CTX_free(context);
}

static void public_key_decode_other_type_is_unsupported(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_public_key *key = NULL;
        struct token_issuer_key *issuer = NULL;

        make_spki(65537, &encoded);
        support_assert_error(token_public_key_decode(0xffff, base_buffer_bytes(&encoded), &key, &error), &error,
                             BASE_ERROR_UNSUPPORTED);
        support_assert_error(token_issuer_key_generate(0xffff, &issuer, &error), &error, BASE_ERROR_UNSUPPORTED);
        support_assert_error(token_issuer_key_load(0xffff, base_buffer_bytes(&encoded), &issuer, &error), &error,
                             BASE_ERROR_UNSUPPORTED);
        assert_null(key);
        assert_null(issuer);
}

static void public_key_unref_one_of_two_keeps_it(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_public_key *key = NULL;

        make_spki(65537, &encoded);
        support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&encoded), &key, &error), &error);
        assert_ptr_equal(token_public_key_ref(key), key);
        token_public_key_unref(key);
        support_assert_bytes(token_public_key_encoded(key), base_buffer_bytes(&encoded));
        token_public_key_unref(key);
        token_public_key_unref(NULL);
}

static void type_table_rows_fit_the_limits(void **state)
{
        const struct token_type *type;
        size_t i;

        for (i = 0; (type = token_type_at(i)) != NULL; i++) {
                assert_ptr_equal(token_type_find(type->id), type);
                assert_true(type->authenticator_len <= TOKEN_AUTHENTICATOR_MAX);
                assert_true(type->request_len <= TOKEN_REQUEST_BYTES_MAX && type->request_len > TOKEN_REQUEST_HEADER_LEN);
                assert_true(type->response_len <= TOKEN_RESPONSE_BYTES_MAX);
        }
        assert_true(i > 0);
        assert_null(token_type_find(0));
}

static void issuer_key_save_loads_to_the_same(void **state)
{
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_token_issuer_key struct token_issuer_key *again = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &key, &error), &error);
        support_assert_ok(token_issuer_key_save(key, &text, &error), &error);
        assert_memory_equal(text.data, "-----BEGIN PRIVATE KEY-----\n", 28);
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &again, &error), &error);
        support_assert_bytes(token_public_key_encoded(token_issuer_key_public(again)),
                             token_public_key_encoded(token_issuer_key_public(key)));
        support_assert_error(token_issuer_key_save(key, &small, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
}

static void assert_load_fails_with(struct base_bytes text, enum base_error_code code, const char *message)
{
        struct base_error error = BASE_ERROR_INIT;
        struct token_issuer_key *key = NULL;

        support_assert_error(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, text, &key, &error), &error, code);
        assert_non_null(strstr(error.message, message));
        assert_null(key);
}

static void assert_load_fails(struct base_bytes text, enum base_error_code code)
{
        assert_load_fails_with(text, code, "");
}

static void issuer_key_load_other_keys_are_refused(void **state)
{
        static const struct {
                unsigned bits, exponent;
                const char *kind, *message;
        } rows[] = {
                { 1024, 65537, "RSA", "has 1024 bits, not 2048" },
                { 3072, 65537, "RSA", "has 3072 bits, not 2048" },
                { 2048, 3, "RSA", "odd exponent of at least 65537" },
                { 2048, 65537, "RSA-PSS", "the issuer key is not an unencrypted PEM of an RSA key" },
        };
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BYTES_MAX);
        EVP_PKEY *pkey;

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                generate_rsa(rows[i].bits, rows[i].exponent, rows[i].kind, &pkey);
                put_pem(pkey, "PrivateKeyInfo", true, NULL, &text);
                assert_load_fails_with(base_buffer_bytes(&text), BASE_ERROR_CRYPTO, rows[i].message);
                EVP_PKEY_free(pkey);
        }
        pkey = EVP_EC_gen("P-256");
        put_pem(pkey, "PrivateKeyInfo", true, NULL, &text);
        assert_load_fails(base_buffer_bytes(&text), BASE_ERROR_CRYPTO);
        EVP_PKEY_free(pkey);
}

static void issuer_key_load_other_forms_are_refused(void **state)
{
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        EVP_PKEY *pkey;

        generate_rsa(2048, 65537, "RSA", &pkey);
        put_pem(pkey, "PrivateKeyInfo", true, NULL, &text);
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &key, &error), &error);
        assert_load_fails(BASE_BYTES(text.data, text.len / 2), BASE_ERROR_CRYPTO);
        assert_load_fails(BASE_BYTES(NULL, 0), BASE_ERROR_CRYPTO);
        assert_load_fails(base_bytes_from_string("not a key"), BASE_ERROR_CRYPTO);
        while (text.len <= TOKEN_ISSUER_KEY_TEXT_MAX)
                base_buffer_put_u8(&text, '\n');
        assert_load_fails(base_buffer_bytes(&text), BASE_ERROR_LIMIT_EXCEEDED);
        put_pem(pkey, "EncryptedPrivateKeyInfo", true, "secret", &text);
        assert_load_fails(base_buffer_bytes(&text), BASE_ERROR_CRYPTO);
        token_issuer_key_free(key);
        put_pem(pkey, "type-specific", true, NULL, &text); /* PKCS#1 */
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &key, &error), &error);
        put_pem(pkey, "SubjectPublicKeyInfo", false, NULL, &text);
        assert_load_fails(base_buffer_bytes(&text), BASE_ERROR_CRYPTO);
        EVP_PKEY_free(pkey);
}

static void push_number(OSSL_PARAM_BLD *builder, EVP_PKEY *from, const char *name, BIGNUM **ret)
{
        *ret = NULL;
        assert_true(EVP_PKEY_get_bn_param(from, name, ret) == 1 && OSSL_PARAM_BLD_push_BN(builder, name, *ret) == 1);
}

/* A PKCS#8 that parses, with one part of another key. */
static void assert_mixed_is_refused(EVP_PKEY *key, EVP_PKEY *other, const char *part, bool refused)
{
        static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
                                             OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
                                             OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_token_issuer_key struct token_issuer_key *loaded = NULL;
        EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        struct base_error error = BASE_ERROR_INIT;
        BIGNUM *numbers[BASE_COUNT(names)];
        OSSL_PARAM *parameters;
        EVP_PKEY *mixed = NULL;

        for (size_t i = 0; i < BASE_COUNT(names); i++)
                push_number(builder, strcmp(names[i], part) == 0 ? other : key, names[i], &numbers[i]);
        parameters = OSSL_PARAM_BLD_to_param(builder);
        assert_true(EVP_PKEY_fromdata_init(maker) == 1 && EVP_PKEY_fromdata(maker, &mixed, EVP_PKEY_KEYPAIR, parameters) == 1);
        put_pem(mixed, "PrivateKeyInfo", true, NULL, &text);
        if (refused)
                assert_load_fails(base_buffer_bytes(&text), BASE_ERROR_CRYPTO);
        else
                support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &loaded, &error), &error);
        for (size_t i = 0; i < BASE_COUNT(names); i++)
                BN_clear_free(numbers[i]);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(maker);
        EVP_PKEY_free(mixed);
}

static void issuer_key_load_mixed_parts_is_refused(void **state)
{
        static const char *const parts[] = { OSSL_PKEY_PARAM_RSA_N,           OSSL_PKEY_PARAM_RSA_D,
                                             OSSL_PKEY_PARAM_RSA_FACTOR1,     OSSL_PKEY_PARAM_RSA_FACTOR2,
                                             OSSL_PKEY_PARAM_RSA_EXPONENT1,   OSSL_PKEY_PARAM_RSA_EXPONENT2,
                                             OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
        EVP_PKEY *key, *other;

        generate_rsa(2048, 65537, "RSA", &key);
        generate_rsa(2048, 65537, "RSA", &other);
        assert_mixed_is_refused(key, other, "none", false);
        for (size_t i = 0; i < BASE_COUNT(parts); i++)
                assert_mixed_is_refused(key, other, parts[i], true);
        EVP_PKEY_free(key);
        EVP_PKEY_free(other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_key_decode_vectors_round_trip),
                cmocka_unit_test(public_key_decode_exponent_limits_hold),
                cmocka_unit_test(public_key_decode_damaged_is_refused),
                cmocka_unit_test(public_key_decode_exponent_not_minimal_is_refused),
                cmocka_unit_test(spki_encode_modulus_out_of_range_is_refused),
                cmocka_unit_test(public_key_decode_other_parameters_are_refused),
                cmocka_unit_test(public_key_decode_openssl_encodings_are_refused),
                cmocka_unit_test(public_key_decode_other_type_is_unsupported),
                cmocka_unit_test(public_key_unref_one_of_two_keeps_it),
                cmocka_unit_test(type_table_rows_fit_the_limits),
                cmocka_unit_test(issuer_key_save_loads_to_the_same),
                cmocka_unit_test(issuer_key_load_other_keys_are_refused),
                cmocka_unit_test(issuer_key_load_other_forms_are_refused),
                cmocka_unit_test(issuer_key_load_mixed_parts_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
