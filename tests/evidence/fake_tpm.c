/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/evidence/fake_tpm.h"

#include "evidence/tpm_numbers.h"
#include "tests/evidence/support.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

const struct fake_template fake_ak_template = {
        .kind = FAKE_ECC_P256,
        .name_algorithm = EVIDENCE_TPM_ALG_SHA256,
        .attributes = FAKE_ATTRIBUTES_AK,
        .scheme = EVIDENCE_TPM_ALG_ECDSA,
        .scheme_hash = EVIDENCE_TPM_ALG_SHA256,
        .policy_len = 32,
};

const struct fake_template fake_ek_template = {
        .kind = FAKE_ECC_P256,
        .name_algorithm = EVIDENCE_TPM_ALG_SHA256,
        .attributes = FAKE_ATTRIBUTES_EK,
        .scheme = EVIDENCE_TPM_ALG_NULL,
        .symmetric_bits = 128,
        .policy = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
                    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa },
        .policy_len = 32,
};

static bool is_ecc(const struct fake_template *made_from)
{
        return made_from->kind == FAKE_ECC_P256 || made_from->kind == FAKE_ECC_P384;
}

static EVP_PKEY *generate(enum fake_kind kind)
{
        switch (kind) {
        case FAKE_ECC_P256:
                return EVP_EC_gen("P-256");
        case FAKE_ECC_P384:
                return EVP_EC_gen("P-384");
        case FAKE_RSA_2048:
                return EVP_RSA_gen(2048);
        case FAKE_RSA_3072:
                return EVP_RSA_gen(3072);
        }
        return NULL;
}

static void put_unique_rsa(struct base_buffer *to, EVP_PKEY *pkey, uint16_t bits)
{
        uint8_t modulus[384];
        BIGNUM *n = NULL;

        assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n), 1);
        assert_int_equal(BN_bn2binpad(n, modulus, bits / 8), bits / 8);
        BN_free(n);
        base_buffer_put_u16(to, bits);
        base_buffer_put_u32(to, 0);
        base_buffer_put_u16(to, bits / 8);
        base_buffer_put(to, modulus, bits / 8);
}

static void put_unique_ecc(struct base_buffer *to, EVP_PKEY *pkey, enum fake_kind kind)
{
        size_t coordinate = kind == FAKE_ECC_P256 ? 32 : 48, len = 0;
        uint8_t point[97];

        assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len), 1);
        assert_int_equal(len, 1 + 2 * coordinate);
        base_buffer_put_u16(to, kind == FAKE_ECC_P256 ? EVIDENCE_TPM_ECC_NIST_P256 : EVIDENCE_TPM_ECC_NIST_P384);
        base_buffer_put_u16(to, EVIDENCE_TPM_ALG_NULL);
        base_buffer_put_u16(to, (uint16_t) coordinate);
        base_buffer_put(to, point + 1, coordinate);
        base_buffer_put_u16(to, (uint16_t) coordinate);
        base_buffer_put(to, point + 1 + coordinate, coordinate);
}

static void put_tpmt_public(struct base_buffer *to, EVP_PKEY *pkey, const struct fake_template *made_from)
{
        base_buffer_put_u16(to, is_ecc(made_from) ? EVIDENCE_TPM_ALG_ECC : EVIDENCE_TPM_ALG_RSA);
        base_buffer_put_u16(to, made_from->name_algorithm);
        base_buffer_put_u32(to, made_from->attributes);
        base_buffer_put_u16(to, (uint16_t) made_from->policy_len);
        base_buffer_put(to, made_from->policy, made_from->policy_len);
        base_buffer_put_u16(to, made_from->symmetric_bits == 0 ? EVIDENCE_TPM_ALG_NULL : EVIDENCE_TPM_ALG_AES);
        if (made_from->symmetric_bits != 0) {
                base_buffer_put_u16(to, made_from->symmetric_bits);
                base_buffer_put_u16(to, EVIDENCE_TPM_ALG_CFB);
        }
        base_buffer_put_u16(to, made_from->scheme);
        if (made_from->scheme != EVIDENCE_TPM_ALG_NULL)
                base_buffer_put_u16(to, made_from->scheme_hash);
        if (is_ecc(made_from))
                put_unique_ecc(to, pkey, made_from->kind);
        else
                put_unique_rsa(to, pkey, made_from->kind == FAKE_RSA_2048 ? 2048 : 3072);
}

void fake_key_make(struct fake_key *key, const struct fake_template *made_from)
{
        base_auto_buffer struct base_buffer tpmt = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX);

        *key = (struct fake_key){ .made_from = *made_from };
        key->pkey = generate(made_from->kind);
        assert_non_null(key->pkey);
        put_tpmt_public(&tpmt, key->pkey, made_from);
        base_buffer_init(&key->public, EVIDENCE_PUBLIC_BYTES_MAX);
        base_buffer_put_u16(&key->public, (uint16_t) tpmt.len);
        base_buffer_put_bytes(&key->public, base_buffer_bytes(&tpmt));
        assert_true(base_buffer_ok(&key->public));
}

void fake_key_clear(struct fake_key *key)
{
        EVP_PKEY_free(key->pkey);
        base_buffer_clear(&key->public);
}

void fake_attest_init(struct fake_attest *attest, struct base_bytes extra_data)
{
        *attest = (struct fake_attest){
                .magic = EVIDENCE_TPM_GENERATED_VALUE,
                .type = EVIDENCE_TPM_ST_ATTEST_QUOTE,
                .extra_data = extra_data,
        };
        /* The order of the selection is not that of the algorithms' numbers. */
        attest->pcrs.bank_count = 2;
        attest->pcrs.banks[0].algorithm = EVIDENCE_TPM_ALG_SHA256;
        attest->pcrs.banks[0].mask = 1u << 0 | 1u << 7;
        memset(attest->pcrs.banks[0].values[0], 0x11, 32);
        memset(attest->pcrs.banks[0].values[7], 0x77, 32);
        attest->pcrs.banks[1].algorithm = EVIDENCE_TPM_ALG_SHA1;
        attest->pcrs.banks[1].mask = 1u << 23;
        memset(attest->pcrs.banks[1].values[23], 0x23, 20);
}

static void put_attest(struct base_buffer *to, const struct fake_attest *attest)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        struct base_error error;

        assert_ok(evidence_pcrs_digest(&attest->pcrs, digest, &error));
        base_buffer_put_u32(to, attest->magic);
        base_buffer_put_u16(to, attest->type);
        base_buffer_put_u16(to, 34);
        (void) base_buffer_extend(to, 34);
        base_buffer_put_u16(to, (uint16_t) attest->extra_data.len);
        base_buffer_put_bytes(to, attest->extra_data);
        base_buffer_put_u64(to, 123456);
        base_buffer_put_u32(to, 42);
        base_buffer_put_u32(to, 7);
        base_buffer_put_u8(to, 1);
        base_buffer_put_u64(to, 0x2019102300163636);
        base_buffer_put_u32(to, (uint32_t) attest->pcrs.bank_count);
        for (size_t i = 0; i < attest->pcrs.bank_count; i++) {
                base_buffer_put_u16(to, attest->pcrs.banks[i].algorithm);
                base_buffer_put_u8(to, 3);
                for (unsigned byte = 0; byte < 3; byte++)
                        base_buffer_put_u8(to, (uint8_t) (attest->pcrs.banks[i].mask >> (8 * byte)));
        }
        base_buffer_put_u16(to, sizeof(digest));
        base_buffer_put(to, digest, sizeof(digest));
}

static void put_ecdsa(struct base_buffer *to, const uint8_t *der, size_t len)
{
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long) len);
        uint8_t number[48];

        assert_non_null(signature);
        for (int i = 0; i < 2; i++) {
                const BIGNUM *value = i == 0 ? ECDSA_SIG_get0_r(signature) : ECDSA_SIG_get0_s(signature);
                int width = BN_num_bytes(value) > 32 ? 48 : 32;

                assert_int_equal(BN_bn2binpad(value, number, width), width);
                base_buffer_put_u16(to, (uint16_t) width);
                base_buffer_put(to, number, (size_t) width);
        }
        ECDSA_SIG_free(signature);
}

void fake_sign(const struct fake_key *key, struct base_bytes bytes, struct evidence_quote *ret)
{
        base_auto_buffer struct base_buffer out = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_BYTES_MAX);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters = NULL;
        uint8_t signature[384];
        size_t len = sizeof(signature);

        assert_true(bytes.len <= sizeof(ret->attest));
        memmove(ret->attest, bytes.data, bytes.len);
        ret->attest_len = bytes.len;
        assert_int_equal(EVP_DigestSignInit(context, &parameters, EVP_sha256(), NULL, key->pkey), 1);
        if (key->made_from.scheme == EVIDENCE_TPM_ALG_RSAPSS)
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &len, ret->attest, ret->attest_len), 1);
        EVP_MD_CTX_free(context);
        base_buffer_put_u16(&out, key->made_from.scheme);
        base_buffer_put_u16(&out, EVIDENCE_TPM_ALG_SHA256);
        if (is_ecc(&key->made_from)) {
                put_ecdsa(&out, signature, len);
        } else {
                base_buffer_put_u16(&out, (uint16_t) len);
                base_buffer_put(&out, signature, len);
        }
        assert_true(base_buffer_ok(&out));
        memcpy(ret->signature, out.data, out.len);
        ret->signature_len = out.len;
}

void fake_quote_make(const struct fake_key *key, const struct fake_attest *attest, struct evidence_quote *ret)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_ATTEST_BYTES_MAX);

        put_attest(&bytes, attest);
        assert_true(base_buffer_ok(&bytes));
        fake_sign(key, base_buffer_bytes(&bytes), ret);
        ret->pcrs = attest->pcrs;
}
