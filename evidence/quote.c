/* SPDX-License-Identifier: BSD-2-Clause */
/* Table numbers are those of TPM 2.0 Part 2, revision 1.59. */
#include "evidence/quote.h"

#include "evidence/internal.h"
#include "evidence/tpm_numbers.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define SELECT_BYTES        (EVIDENCE_PCR_COUNT / 8)
#define P256_SCALAR_LEN     32
#define ECDSA_DER_BYTES_MAX 80
#define NAME_BYTES_MAX      (2 + 64) /* TPM2B_NAME, table 98 */

static bool malformed(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The quote is malformed: %s.", what);
}

/* TPMS_CLOCK_INFO, table 117. */
static bool parse_clock(struct base_reader *reader, struct evidence_attest *attest)
{
        uint8_t safe;

        if (!base_reader_get_u64(reader, &attest->clock_ms) || !base_reader_get_u32(reader, &attest->reset_count) ||
            !base_reader_get_u32(reader, &attest->restart_count) || !base_reader_get_u8(reader, &safe) || safe > 1)
                return false;
        attest->clock_safe = safe == 1;
        return true;
}

/* TPMS_PCR_SELECTION, table 94. */
static bool parse_bank(struct base_reader *reader, struct evidence_pcrs *pcrs)
{
        struct evidence_pcr_bank *bank = &pcrs->banks[pcrs->bank_count];
        uint8_t size, select[SELECT_BYTES];
        uint16_t algorithm;

        if (!base_reader_get_u16(reader, &algorithm) || !base_reader_get_u8(reader, &size) || size != SELECT_BYTES ||
            !base_reader_copy(reader, select, sizeof(select)))
                return false;
        if (evidence_pcr_value_len(algorithm) == 0 || evidence_pcrs_find_bank(pcrs, algorithm) != NULL)
                return false;
        bank->algorithm = algorithm;
        bank->mask = (uint32_t) select[0] | (uint32_t) select[1] << 8 | (uint32_t) select[2] << 16;
        pcrs->bank_count++;
        return bank->mask != 0;
}

/* TPMS_QUOTE_INFO, table 120. */
static bool parse_quote_info(struct base_reader *reader, struct evidence_attest *attest)
{
        struct base_bytes digest;
        uint32_t banks;

        if (!base_reader_get_u32(reader, &banks) || banks == 0 || banks > EVIDENCE_PCR_BANKS_MAX)
                return false;
        for (uint32_t i = 0; i < banks; i++)
                if (!parse_bank(reader, &attest->pcrs))
                        return false;
        if (!base_reader_get_u16_prefixed(reader, &digest) || digest.len != sizeof(attest->pcr_digest))
                return false;
        memcpy(attest->pcr_digest, digest.data, digest.len);
        return true;
}

/* TPMS_ATTEST, table 132. */
bool evidence_attest_parse(struct base_bytes bytes, struct evidence_attest *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        struct evidence_attest attest = { .extra_data_len = 0 };
        struct base_bytes signer, extra_data;
        uint32_t magic;
        uint16_t type;

        if (!base_reader_get_u32(&reader, &magic) || !base_reader_get_u16(&reader, &type))
                return malformed(error, "it is too short");
        if (magic != EVIDENCE_TPM_GENERATED_VALUE)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "What the key signed was not made by a TPM.");
        if (type != EVIDENCE_TPM_ST_ATTEST_QUOTE)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "What the key signed is not a quote.");
        if (!base_reader_get_u16_prefixed(&reader, &signer) || signer.len > NAME_BYTES_MAX)
                return malformed(error, "qualifiedSigner");
        if (!base_reader_get_u16_prefixed(&reader, &extra_data) || extra_data.len > sizeof(attest.extra_data))
                return malformed(error, "extraData");
        if (extra_data.len > 0)
                memcpy(attest.extra_data, extra_data.data, extra_data.len);
        attest.extra_data_len = extra_data.len;
        if (!parse_clock(&reader, &attest) || !base_reader_get_u64(&reader, &attest.firmware_version))
                return malformed(error, "clockInfo");
        if (!parse_quote_info(&reader, &attest))
                return malformed(error, "PCR selection or digest");
        if (!base_reader_at_end(&reader))
                return malformed(error, "bytes after the end");
        *ret = attest;
        return true;
}

/* TPMS_SIGNATURE_ECC, table 190, to DER, which is what OpenSSL verifies. 0 if it is malformed. */
static size_t ecdsa_to_der(struct base_reader *reader, uint8_t ret[static ECDSA_DER_BYTES_MAX])
{
        struct base_bytes r, s;
        ECDSA_SIG *signature;
        BIGNUM *r_number, *s_number;
        int len = 0;

        if (!base_reader_get_u16_prefixed(reader, &r) || r.len > P256_SCALAR_LEN || !base_reader_get_u16_prefixed(reader, &s) ||
            s.len > P256_SCALAR_LEN)
                return 0;
        signature = ECDSA_SIG_new();
        r_number = BN_bin2bn(r.data, (int) r.len, NULL);
        s_number = BN_bin2bn(s.data, (int) s.len, NULL);
        if (signature != NULL && r_number != NULL && s_number != NULL && ECDSA_SIG_set0(signature, r_number, s_number) == 1) {
                uint8_t *to = ret;

                len = i2d_ECDSA_SIG(signature, &to);
        } else {
                BN_free(r_number);
                BN_free(s_number);
        }
        ECDSA_SIG_free(signature);
        return len > 0 ? (size_t) len : 0;
}

static bool verify_bytes(const struct evidence_public *key, struct base_bytes signed_bytes, struct base_bytes signature,
                         struct base_error *error)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters = NULL;
        bool ready = context != NULL && EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), NULL, key->key) == 1;
        int verified = 0;

        /* TPMs differ in the salt's length (Part 1, annex B.7), and it does not matter to what is proved. */
        if (ready && key->scheme == EVIDENCE_TPM_ALG_RSAPSS)
                ready = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) == 1;
        if (ready)
                verified = EVP_DigestVerify(context, signature.data, signature.len, signed_bytes.data, signed_bytes.len);
        EVP_MD_CTX_free(context);
        if (!ready)
                return evidence_crypto_failed(error, "Preparing to verify a quote");
        ERR_clear_error();
        if (verified != 1)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The quote's signature is not by the registered key.");
        return true;
}

/* TPMT_SIGNATURE, table 195: the key's own scheme with SHA-256, and nothing after it. */
static bool verify_signature(const struct evidence_quote *quote, const struct evidence_public *key, struct base_error *error)
{
        struct base_reader reader = base_reader_over(BASE_BYTES(quote->signature, quote->signature_len));
        struct base_bytes signature;
        uint8_t der[ECDSA_DER_BYTES_MAX];
        uint16_t scheme, hash;

        if (!base_reader_get_u16(&reader, &scheme) || !base_reader_get_u16(&reader, &hash))
                return malformed(error, "its signature");
        if (scheme != key->scheme || hash != EVIDENCE_TPM_ALG_SHA256)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The quote's signature has another scheme than its key.");
        if (key->type == EVIDENCE_TPM_ALG_ECC) {
                signature = BASE_BYTES(der, ecdsa_to_der(&reader, der));
                if (signature.len == 0)
                        return malformed(error, "its signature");
        } else if (!base_reader_get_u16_prefixed(&reader, &signature)) {
                return malformed(error, "its signature");
        }
        if (!base_reader_at_end(&reader))
                return malformed(error, "bytes after its signature");
        return verify_bytes(key, BASE_BYTES(quote->attest, quote->attest_len), signature, error);
}

/* Takes the values over in quoted order. They must be those that are selected, no fewer and no more. */
static bool take_values(const struct evidence_pcrs *values, struct evidence_pcrs *selection, struct base_error *error)
{
        bool same = values->bank_count == selection->bank_count;

        for (size_t i = 0; same && i < selection->bank_count; i++) {
                struct evidence_pcr_bank *bank = &selection->banks[i];
                const struct evidence_pcr_bank *from = evidence_pcrs_find_bank(values, bank->algorithm);

                same = from != NULL && from->mask == bank->mask;
                if (same)
                        *bank = *from;
        }
        if (!same)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The PCR values are not of the PCRs that the quote selects.");
        return true;
}

bool evidence_quote_verify(const struct evidence_quote *quote, const struct evidence_public *key, struct base_bytes extra_data,
                           struct evidence_attest *ret, struct base_error *error)
{
        struct evidence_attest attest;
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];

        if (!verify_signature(quote, key, error) ||
            !evidence_attest_parse(BASE_BYTES(quote->attest, quote->attest_len), &attest, error))
                return false;
        if (!base_bytes_equal(BASE_BYTES(attest.extra_data, attest.extra_data_len), extra_data))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The quote is over other claims than these.");
        if (!take_values(&quote->pcrs, &attest.pcrs, error) || !evidence_pcrs_digest(&attest.pcrs, digest, error))
                return false;
        if (!base_bytes_equal(BASE_BYTES_OF(digest), BASE_BYTES_OF(attest.pcr_digest)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The PCR values are not those that the TPM quoted.");
        *ret = attest;
        return true;
}
