/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole evidence: the honest case, and everything that an attacker could change about it. */
#include "evidence/evidence.h"
#include "evidence/header.h"
#include "evidence/nonce.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/fake_tpm.h"
#include "tests/evidence/support.h"

#include <string.h>

#define NOW        1760000000u
#define LIFETIME   120u
#define BATCH_SIZE 7

static const uint8_t nonce_key[32] = { 9, 9, 9 };
static const uint8_t other_nonce_key[32] = { 9, 9, 8 };

/* A batch of evidence by one device, one quote over all. */
struct batch {
        struct fake_key fake;
        struct evidence_public *key;
        struct evidence evidence[BATCH_SIZE];
        struct evidence_expectation expectation[BATCH_SIZE];
};

struct batch_options {
        const struct fake_template *made_from;
        const uint8_t *nonce_key;
        uint64_t nonce_issued;
        uint64_t iat;
        bool no_nonce;
        uint64_t quoted_size;                     /* that is signed; 0: the true one */
        uint32_t magic;                           /* 0: the true one */
        bool sealed;                              /* the key's policy is PolicyPCR of what it quotes */
        struct evidence_pcr_selection sealed_to;  /* or of this part of it */
        const struct evidence_approver *approver; /* the key's policy is PolicyAuthorize by this one */
};

static void make_claims(const struct batch_options *options, size_t index, struct evidence *ret)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims = { .iat = options->iat, .software = "0.1.0" };
        struct evidence_fact fact = { .name = "os.id", .kind = EVIDENCE_FACT_STRING, .text = "debian" };
        struct base_error error;

        memset(claims.cti, (int) index + 1, sizeof(claims.cti));
        memset(claims.request_digest, (int) index + 0x40, sizeof(claims.request_digest));
        if (!options->no_nonce) {
                claims.nonce_len = EVIDENCE_NONCE_LEN;
                assert_ok(evidence_nonce_issue(BASE_BYTES(options->nonce_key, 32), options->nonce_issued, LIFETIME,
                                               &test_counting_random, claims.nonce, &error));
        }
        assert_ok(evidence_claims_add_fact(&claims, &fact, &error));
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        memcpy(ret->claims, encoded.data, encoded.len);
        ret->claims_len = encoded.len;
}

static void sign_batch(struct batch *batch, const struct batch_options *options)
{
        evidence_auto_tree struct evidence_tree *tree = NULL;
        uint8_t leaves[BATCH_SIZE][EVIDENCE_HASH_LEN], qualifying[EVIDENCE_HASH_LEN];
        struct fake_attest attest;
        struct evidence_quote quote = { .attest_len = 0 };
        struct base_error error;

        for (size_t i = 0; i < BATCH_SIZE; i++)
                assert_ok(evidence_leaf_hash(BASE_BYTES(batch->evidence[i].claims, batch->evidence[i].claims_len), leaves[i],
                                             &error));
        assert_ok(evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaves, BATCH_SIZE, &tree, &error));
        assert_ok(evidence_batch_qualifying_data(evidence_tree_root(tree),
                                                 options->quoted_size ? options->quoted_size : BATCH_SIZE, qualifying, &error));
        fake_attest_init(&attest, BASE_BYTES_OF(qualifying));
        if (options->magic != 0)
                attest.magic = options->magic;
        fake_quote_make(&batch->fake, &attest, &quote);
        for (size_t i = 0; i < BATCH_SIZE; i++) {
                batch->evidence[i].quote = quote;
                assert_ok(evidence_tree_prove(tree, i, &batch->evidence[i].proof, &error));
        }
}

static void batch_make(struct batch *batch, const struct batch_options *options)
{
        struct fake_template made_from = options->made_from ? *options->made_from : fake_ak_template;
        struct base_error error;

        memset(batch, 0, sizeof(*batch));
        if (options->sealed) {
                struct fake_attest attest;

                fake_attest_init(&attest, BASE_BYTES(NULL, 0));
                if (options->sealed_to.mask != 0)
                        assert_true(evidence_pcrs_select(&attest.pcrs, options->sealed_to, &attest.pcrs));
                assert_ok(evidence_pcr_policy_digest(&attest.pcrs, made_from.policy, &error));
        }
        if (options->approver != NULL)
                assert_ok(evidence_policy_authorize_digest(BASE_BYTES_OF(options->approver->name), options->approver->policy_ref,
                                                           made_from.policy, &error));
        fake_key_make(&batch->fake, &made_from);
        assert_ok(evidence_public_new(base_buffer_bytes(&batch->fake.public), &batch->key, &error));
        for (size_t i = 0; i < BATCH_SIZE; i++) {
                make_claims(options, i, &batch->evidence[i]);
                memcpy(batch->evidence[i].key_id, evidence_public_name(batch->key).data, EVIDENCE_KEY_ID_LEN);
                batch->expectation[i] = (struct evidence_expectation){
                        .attestation_key = batch->key,
                        .nonce_key = BASE_BYTES_OF(nonce_key),
                        .now = NOW,
                        .iat_skew_seconds_max = 300,
                };
                memset(batch->expectation[i].request_digest, (int) i + 0x40, EVIDENCE_DIGEST_LEN);
        }
        sign_batch(batch, options);
}

static void batch_clear(struct batch *batch)
{
        evidence_public_free(batch->key);
        fake_key_clear(&batch->fake);
}

#define auto_batch BASE_CLEANUP(batch_clear)
#define HONEST                                                                                                                   \
        {                                                                                                                        \
                .nonce_key = nonce_key, .nonce_issued = NOW - 5, .iat = NOW                                                      \
        }

static bool verifies(const struct evidence *evidence, const struct evidence_expectation *expectation, struct base_error *error)
{
        evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = false };

        return evidence_verify(evidence, expectation, &verdict, error);
}

static void verify_honest_batch_accepted(void **state)
{
        static struct evidence decoded;
        const struct batch_options options = { .nonce_key = nonce_key, .nonce_issued = NOW - 5, .iat = NOW, .sealed = true };
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        for (size_t i = 0; i < BATCH_SIZE; i++) {
                base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(EVIDENCE_HEADER_TEXT_BYTES_MAX);
                evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = false };

                assert_ok(evidence_encode_header(&batch.evidence[i], &header, &error));
                assert_ok(evidence_decode_header((const char *) header.data, header.len, &decoded, &error));
                assert_ok(evidence_verify(&decoded, &batch.expectation[i], &verdict, &error));
                assert_string_equal(evidence_claims_find_fact(&verdict.claims, "os.id")->text, "debian");
                assert_int_equal(verdict.attest.reset_count, 42);
                assert_true(verdict.sealed_to_quoted_pcrs);
                assert_int_equal(decoded.quote.pcrs.banks[1].values[7][0], 0x77); /* by ascending algorithm: SHA1, SHA256 */
        }
}

static void verify_key_with_another_policy_is_not_sealed(void **state)
{
        const struct batch_options options = HONEST;
        evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = true };
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        assert_ok(evidence_verify(&batch.evidence[0], &batch.expectation[0], &verdict, &error));
        assert_false(verdict.sealed_to_quoted_pcrs);
}

static void verify_with_claimed_seal(const struct batch *batch, struct evidence_pcr_selection claimed,
                                     struct evidence_verdict *ret)
{
        static struct evidence decoded;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);
        struct evidence evidence = batch->evidence[0];
        struct base_error error;

        evidence.seal = claimed;
        assert_ok(evidence_encode(&evidence, &encoded, &error));
        assert_ok(evidence_decode(base_buffer_bytes(&encoded), &decoded, &error));
        assert_ok(evidence_verify(&decoded, &batch->expectation[0], ret, &error));
}

static const struct evidence_pcr_selection only_7 = { .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = 1u << 7 };

static void verify_key_sealed_to_part_of_the_quote_is_sealed(void **state)
{
        const struct batch_options options = {
                .nonce_key = nonce_key, .nonce_issued = NOW - 5, .iat = NOW, .sealed = true, .sealed_to = only_7
        };
        evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = false };
        auto_batch struct batch batch;

        batch_make(&batch, &options);
        verify_with_claimed_seal(&batch, only_7, &verdict);
        assert_true(verdict.sealed_to_quoted_pcrs);
        assert_int_equal(verdict.sealed.bank_count, 1);
        assert_int_equal(verdict.sealed.banks[0].algorithm, EVIDENCE_TPM_ALG_SHA256);
        assert_int_equal(verdict.sealed.banks[0].mask, 1u << 7);
}

/* The key is sealed to PCR 7. Whatever else is said of it, it counts as not sealed, and nothing more. */
static void verify_claimed_seal_that_does_not_hold_is_not_sealed(void **state)
{
        const struct batch_options options = {
                .nonce_key = nonce_key, .nonce_issued = NOW - 5, .iat = NOW, .sealed = true, .sealed_to = only_7
        };
        const struct evidence_pcr_selection claims[] = {
                { .mask = 0 },                                                       /* nothing: all that is quoted */
                { .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = 1u << 0 },           /* another one that is quoted */
                { .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = 1u << 0 | 1u << 7 }, /* more */
                { .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = 1u << 4 | 1u << 7 }, /* one of them is not quoted */
                { .algorithm = EVIDENCE_TPM_ALG_SHA1, .mask = 1u << 7 },             /* not quoted in this bank */
                { .algorithm = EVIDENCE_TPM_ALG_SHA384, .mask = 1u << 7 },           /* a bank that is not quoted */
                { .algorithm = 0xffff, .mask = 0xffffff },
        };
        auto_batch struct batch batch;

        batch_make(&batch, &options);
        for (size_t i = 0; i < BASE_COUNT(claims); i++) {
                evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = true };

                verify_with_claimed_seal(&batch, claims[i], &verdict);
                assert_false(verdict.sealed_to_quoted_pcrs);
                assert_int_equal(verdict.sealed.bank_count, 0);
        }
}

static void decode_seal_to_nothing_or_out_of_range_refused(void **state)
{
        /* After the key id: 5 => [11, 128]. */
        static const uint8_t good[] = { 0x05, 0x82, 0x0b, 0x18, 0x80 };
        static const struct {
                uint8_t bytes[9];
                size_t len;
        } bad[] = {
                { { 0x05, 0x82, 0x0b, 0x00 }, 4 },                               /* no PCR */
                { { 0x05, 0x82, 0x0b, 0x1a, 0x01, 0x00, 0x00, 0x00 }, 8 },       /* PCR 24 */
                { { 0x05, 0x82, 0x1a, 0x00, 0x01, 0x00, 0x00, 0x18, 0x80 }, 9 }, /* no TPM_ALG_ID */
                { { 0x05, 0x81, 0x0b }, 3 },
                { { 0x06, 0x82, 0x0b, 0x18, 0x80 }, 5 },
        };
        static struct evidence decoded;
        const struct batch_options options = HONEST;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        batch.evidence[0].seal = only_7;
        assert_ok(evidence_encode(&batch.evidence[0], &encoded, &error));
        encoded.len -= sizeof(good);
        assert_memory_equal(encoded.data + encoded.len, good, sizeof(good));
        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                base_auto_buffer struct base_buffer other = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);

                base_buffer_put_bytes(&other, base_buffer_bytes(&encoded));
                base_buffer_put(&other, bad[i].bytes, bad[i].len);
                assert_refused(evidence_decode(base_buffer_bytes(&other), &decoded, &error), BASE_ERROR_EVIDENCE_INVALID,
                               "seal (5)");
        }
}

/* Only the authority and reference that the key's policy was made of are told, and only if the verifier asked for them. */
static void verify_key_sealed_to_authority_names_it(void **state)
{
        const struct evidence_approver approvers[] = {
                { .name = { 0, 0x0b, 1 } },
                { .name = { 0, 0x0b, 2 }, .policy_ref = BASE_BYTES("fleet-1", 7) },
                { .name = { 0, 0x0b, 2 }, .policy_ref = BASE_BYTES("fleet-2", 7) },
        };

        for (size_t i = 0; i < BASE_COUNT(approvers); i++) {
                const struct batch_options options = {
                        .nonce_key = nonce_key, .nonce_issued = NOW - 5, .iat = NOW, .approver = &approvers[i]
                };
                evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = true };
                auto_batch struct batch batch;
                struct base_error error;

                batch_make(&batch, &options);
                batch.expectation[0].approvers = approvers;
                batch.expectation[0].approver_count = BASE_COUNT(approvers);
                assert_ok(evidence_verify(&batch.evidence[0], &batch.expectation[0], &verdict, &error));
                assert_false(verdict.sealed_to_quoted_pcrs);
                assert_ptr_equal(verdict.sealed_to_authority, &approvers[i]);
                evidence_verdict_clear(&verdict);
                batch.expectation[0].approver_count = i;
                assert_ok(evidence_verify(&batch.evidence[0], &batch.expectation[0], &verdict, &error));
                assert_null(verdict.sealed_to_authority);
        }
}

static void verify_for_another_request_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        for (size_t i = 0; i < BATCH_SIZE; i++)
                for (size_t j = 0; j < BATCH_SIZE; j++)
                        if (i != j)
                                assert_refused(verifies(&batch.evidence[i], &batch.expectation[j], &error),
                                               BASE_ERROR_EVIDENCE_INVALID, "another token request");
}

static void verify_with_another_requests_proof_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        batch.evidence[0].proof = batch.evidence[1].proof;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "other claims");
}

static void verify_with_swapped_or_altered_claims_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch;
        struct base_error error;
        uint8_t *at;

        batch_make(&batch, &options);
        memcpy(batch.evidence[0].claims, batch.evidence[1].claims, batch.evidence[1].claims_len);
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[1], &error), BASE_ERROR_EVIDENCE_INVALID, "other claims");
        at = memmem(batch.evidence[2].claims, batch.evidence[2].claims_len, "debian", 6);
        assert_non_null(at);
        memcpy(at, "ubuntu", 6);
        assert_refused(verifies(&batch.evidence[2], &batch.expectation[2], &error), BASE_ERROR_EVIDENCE_INVALID, "other claims");
}

/* A quote over the same root that names another size: what a tree with cut levels would need. */
static void verify_truncated_tree_refused(void **state)
{
        const struct batch_options options = {
                .nonce_key = nonce_key, .nonce_issued = NOW, .iat = NOW, .quoted_size = BATCH_SIZE + 1
        };
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "other claims");
        batch.evidence[0].proof.path_len--;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "shape");
}

static void verify_nonce_missing_expired_or_foreign_is_stale(void **state)
{
        const struct batch_options missing = { .nonce_key = nonce_key, .iat = NOW, .no_nonce = true };
        const struct batch_options expired = { .nonce_key = nonce_key, .nonce_issued = NOW - LIFETIME, .iat = NOW };
        const struct batch_options foreign = { .nonce_key = other_nonce_key, .nonce_issued = NOW, .iat = NOW };
        const struct {
                const struct batch_options *options;
                const char *message;
        } cases[] = { { &missing, "no nonce" }, { &expired, "expired" }, { &foreign, "not one of this verifier" } };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                auto_batch struct batch batch;
                struct base_error error;

                batch_make(&batch, cases[i].options);
                assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_STALE,
                               cases[i].message);
        }
}

static void verify_clock_off_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        batch.expectation[0].now = NOW + 100;
        assert_ok(verifies(&batch.evidence[0], &batch.expectation[0], &error));
        batch.expectation[0].iat_skew_seconds_max = 99;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "slow");
        batch.expectation[0].now = NOW - 100;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "fast");
}

static void verify_other_attestation_key_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch, other;
        struct base_error error;

        batch_make(&batch, &options);
        batch_make(&other, &options);
        batch.expectation[0].attestation_key = other.key;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "another key");
        /* With the key id forged to match, the signature is what refuses. */
        memcpy(batch.evidence[0].key_id, evidence_public_name(other.key).data, EVIDENCE_KEY_ID_LEN);
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not by the registered key");
}

/* An ordinary key signs a structure of the attacker's making, even one that looks like a quote. */
static void verify_quote_by_unrestricted_key_refused(void **state)
{
        struct fake_template made_from = fake_ak_template;
        const struct batch_options options = { .made_from = &made_from, .nonce_key = nonce_key, .nonce_issued = NOW, .iat = NOW };
        const struct batch_options no_magic = { .nonce_key = nonce_key, .nonce_issued = NOW, .iat = NOW, .magic = 0x12345678 };
        auto_batch struct batch batch, without_magic;
        struct base_error error;

        made_from.attributes &= ~EVIDENCE_TPMA_RESTRICTED;
        batch_make(&batch, &options);
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "restricted");
        batch_make(&without_magic, &no_magic);
        assert_refused(verifies(&without_magic.evidence[0], &without_magic.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not made by a TPM");
}

static void verify_other_pcr_values_refused(void **state)
{
        const struct batch_options options = HONEST;
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        batch.evidence[0].quote.pcrs.banks[0].values[0][0] ^= 1;
        assert_refused(verifies(&batch.evidence[0], &batch.expectation[0], &error), BASE_ERROR_EVIDENCE_INVALID, "quoted");
}

/* No single changed bit of the encoding may verify. */
static void verify_any_flipped_bit_refused(void **state)
{
        static struct evidence decoded;
        const struct batch_options options = HONEST;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);
        auto_batch struct batch batch;
        struct base_error error;
        size_t decoding = 0;

        batch_make(&batch, &options);
        assert_ok(evidence_encode(&batch.evidence[3], &encoded, &error));
        for (size_t bit = 0; bit < encoded.len * 8; bit++) {
                encoded.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
                if (evidence_decode(base_buffer_bytes(&encoded), &decoded, &error)) {
                        decoding++;
                        if (verifies(&decoded, &batch.expectation[3], &error))
                                fail_msg("bit %zu may be flipped", bit);
                }
                encoded.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        assert_true(decoding > encoded.len); /* most flips must have reached verification */
        assert_ok(evidence_decode(base_buffer_bytes(&encoded), &decoded, &error));
        assert_ok(verifies(&decoded, &batch.expectation[3], &error));
}

static void decode_cut_extended_or_not_deterministic_refused(void **state)
{
        static struct evidence decoded;
        const struct batch_options options = HONEST;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX),
                                            other = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX + 9);
        auto_batch struct batch batch;
        struct base_error error;

        batch_make(&batch, &options);
        assert_ok(evidence_encode(&batch.evidence[0], &encoded, &error));
        for (size_t len = 0; len < encoded.len; len++)
                assert_refused(evidence_decode(BASE_BYTES(encoded.data, len), &decoded, &error), BASE_ERROR_EVIDENCE_INVALID,
                               "malformed");
        base_buffer_put_bytes(&other, base_buffer_bytes(&encoded));
        base_buffer_put_u8(&other, 0xf6);
        assert_refused(evidence_decode(base_buffer_bytes(&other), &decoded, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "after the end");

        /* The map's head in a longer form, an indefinite map, and a key in a longer form. */
        base_buffer_reset(&other);
        base_buffer_put_u16(&other, 0xb804);
        base_buffer_put(&other, encoded.data + 1, encoded.len - 1);
        assert_false(evidence_decode(base_buffer_bytes(&other), &decoded, &error));
        base_buffer_reset(&other);
        base_buffer_put_u8(&other, 0xbf);
        base_buffer_put(&other, encoded.data + 1, encoded.len - 1);
        base_buffer_put_u8(&other, 0xff);
        assert_false(evidence_decode(base_buffer_bytes(&other), &decoded, &error));
        base_buffer_reset(&other);
        base_buffer_put_u8(&other, 0xa4);
        base_buffer_put_u16(&other, 0x1801);
        base_buffer_put(&other, encoded.data + 2, encoded.len - 2);
        assert_false(evidence_decode(base_buffer_bytes(&other), &decoded, &error));
}

static void encode_incomplete_or_too_long_refused(void **state)
{
        const struct batch_options options = HONEST;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(65536);
        auto_batch struct batch batch;
        struct base_error error;
        struct evidence *evidence = &batch.evidence[0];

        batch_make(&batch, &options);
        evidence->quote.pcrs.banks[0].mask = 0;
        assert_refused(evidence_encode(evidence, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "complete");
        evidence->quote.pcrs.banks[0].mask = 0xffffff;
        evidence->quote.pcrs.banks[1].algorithm = EVIDENCE_TPM_ALG_SHA256;
        assert_refused(evidence_encode(evidence, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "complete");
        evidence->quote.pcrs.banks[1].algorithm = EVIDENCE_TPM_ALG_SHA512;
        evidence->quote.pcrs.banks[1].mask = 0xffffff;
        evidence->claims_len = EVIDENCE_CLAIMS_BYTES_MAX;
        assert_refused(evidence_encode(evidence, &encoded, &error), BASE_ERROR_LIMIT_EXCEEDED, "fit");
        evidence->claims_len = 0;
        assert_refused(evidence_encode(evidence, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "complete");
        evidence->claims_len = 1;
        evidence->seal = (struct evidence_pcr_selection){ .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = 1u << 24 };
        assert_refused(evidence_encode(evidence, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "complete");
        assert_int_equal(encoded.len, 0);
}

static void decode_header_not_a_byte_sequence_refused(void **state)
{
        static struct evidence decoded;
        struct base_error error;

        assert_refused(evidence_decode_header("\"x\"", 3, &decoded, &error), BASE_ERROR_EVIDENCE_INVALID, "RFC 9651");
        assert_refused(evidence_decode_header(":AAEC:", 6, &decoded, &error), BASE_ERROR_EVIDENCE_INVALID, "malformed");
}

/* The two limits are one: what encodes fits into the header. */
static void header_limit_fits_evidence_limit(void **state)
{
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(65536);
        static const uint8_t longest[EVIDENCE_BYTES_MAX];

        evidence_header_encode(BASE_BYTES_OF(longest), &header);
        assert_true(header.len <= EVIDENCE_HEADER_TEXT_BYTES_MAX);
        assert_true(header.len + 4 > EVIDENCE_HEADER_TEXT_BYTES_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verify_honest_batch_accepted),
                cmocka_unit_test(verify_key_with_another_policy_is_not_sealed),
                cmocka_unit_test(verify_key_sealed_to_part_of_the_quote_is_sealed),
                cmocka_unit_test(verify_claimed_seal_that_does_not_hold_is_not_sealed),
                cmocka_unit_test(decode_seal_to_nothing_or_out_of_range_refused),
                cmocka_unit_test(verify_key_sealed_to_authority_names_it),
                cmocka_unit_test(verify_for_another_request_refused),
                cmocka_unit_test(verify_with_another_requests_proof_refused),
                cmocka_unit_test(verify_with_swapped_or_altered_claims_refused),
                cmocka_unit_test(verify_truncated_tree_refused),
                cmocka_unit_test(verify_nonce_missing_expired_or_foreign_is_stale),
                cmocka_unit_test(verify_clock_off_refused),
                cmocka_unit_test(verify_other_attestation_key_refused),
                cmocka_unit_test(verify_quote_by_unrestricted_key_refused),
                cmocka_unit_test(verify_other_pcr_values_refused),
                cmocka_unit_test(verify_any_flipped_bit_refused),
                cmocka_unit_test(decode_cut_extended_or_not_deterministic_refused),
                cmocka_unit_test(encode_incomplete_or_too_long_refused),
                cmocka_unit_test(decode_header_not_a_byte_sequence_refused),
                cmocka_unit_test(header_limit_fits_evidence_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
