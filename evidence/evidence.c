/* SPDX-License-Identifier: BSD-2-Clause */
/* The encoding; verification is in verify.c. */
#include "evidence/evidence.h"

#include "evidence/cbor.h"
#include "evidence/header.h"

#include <string.h>

#define KEY_CLAIMS 1
#define KEY_PROOF  2
#define KEY_QUOTE  3
#define KEY_KEY_ID 4
#define KEY_SEAL   5 /* optional */
#define KEY_COUNT  5

static bool encodable(const struct evidence *evidence)
{
        const struct evidence_pcrs *pcrs = &evidence->quote.pcrs;

        if (evidence->claims_len == 0 || evidence->claims_len > sizeof(evidence->claims) || evidence->quote.attest_len == 0 ||
            evidence->quote.attest_len > sizeof(evidence->quote.attest) || evidence->quote.signature_len == 0 ||
            evidence->quote.signature_len > sizeof(evidence->quote.signature) || pcrs->bank_count == 0 ||
            pcrs->bank_count > EVIDENCE_PCR_BANKS_MAX || evidence->proof.path_len > EVIDENCE_PROOF_PATH_MAX ||
            evidence->seal.mask >> EVIDENCE_PCR_COUNT != 0)
                return false;
        for (size_t i = 0; i < pcrs->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &pcrs->banks[i];

                if (evidence_pcr_value_len(bank->algorithm) == 0 || bank->mask == 0 || bank->mask >> EVIDENCE_PCR_COUNT != 0 ||
                    evidence_pcrs_find_bank(pcrs, bank->algorithm) != bank)
                        return false;
        }
        return true;
}

static void put_proof(struct base_buffer *to, const struct evidence_proof *proof)
{
        evidence_cbor_put_array(to, 3);
        evidence_cbor_put_uint(to, proof->index);
        evidence_cbor_put_uint(to, proof->tree_size);
        evidence_cbor_put_array(to, proof->path_len);
        for (size_t i = 0; i < proof->path_len; i++)
                evidence_cbor_put_bytes(to, BASE_BYTES_OF(proof->path[i]));
}

static void put_bank(struct base_buffer *to, const struct evidence_pcr_bank *bank)
{
        evidence_cbor_put_uint(to, bank->algorithm);
        evidence_cbor_put_map(to, (size_t) __builtin_popcount(bank->mask));
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                if ((bank->mask & (1u << pcr)) == 0)
                        continue;
                evidence_cbor_put_uint(to, pcr);
                evidence_cbor_put_bytes(to, BASE_BYTES(bank->values[pcr], evidence_pcr_value_len(bank->algorithm)));
        }
}

/* Banks go in ascending order of their algorithm, whatever the order in the quote's selection. */
static void put_pcrs(struct base_buffer *to, const struct evidence_pcrs *pcrs)
{
        uint16_t last = 0;

        evidence_cbor_put_map(to, pcrs->bank_count);
        for (size_t written = 0; written < pcrs->bank_count; written++) {
                const struct evidence_pcr_bank *next = NULL;

                for (size_t i = 0; i < pcrs->bank_count; i++) {
                        const struct evidence_pcr_bank *bank = &pcrs->banks[i];

                        if (bank->algorithm > last && (next == NULL || bank->algorithm < next->algorithm))
                                next = bank;
                }
                if (next == NULL)
                        return;
                put_bank(to, next);
                last = next->algorithm;
        }
}

static void put_seal(struct base_buffer *to, struct evidence_pcr_selection seal)
{
        evidence_cbor_put_array(to, 2);
        evidence_cbor_put_uint(to, seal.algorithm);
        evidence_cbor_put_uint(to, seal.mask);
}

bool evidence_encode(const struct evidence *evidence, struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);
        const struct evidence_quote *quote = &evidence->quote;

        if (!encodable(evidence))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The evidence is not complete.");
        evidence_cbor_put_map(&encoded, evidence->seal.mask == 0 ? KEY_COUNT - 1 : KEY_COUNT);
        evidence_cbor_put_uint(&encoded, KEY_CLAIMS);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES(evidence->claims, evidence->claims_len));
        evidence_cbor_put_uint(&encoded, KEY_PROOF);
        put_proof(&encoded, &evidence->proof);
        evidence_cbor_put_uint(&encoded, KEY_QUOTE);
        evidence_cbor_put_array(&encoded, 3);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES(quote->attest, quote->attest_len));
        evidence_cbor_put_bytes(&encoded, BASE_BYTES(quote->signature, quote->signature_len));
        put_pcrs(&encoded, &quote->pcrs);
        evidence_cbor_put_uint(&encoded, KEY_KEY_ID);
        evidence_cbor_put_bytes(&encoded, BASE_BYTES_OF(evidence->key_id));
        if (evidence->seal.mask != 0) {
                evidence_cbor_put_uint(&encoded, KEY_SEAL);
                put_seal(&encoded, evidence->seal);
        }
        if (base_buffer_ok(&encoded))
                base_buffer_put_bytes(to, base_buffer_bytes(&encoded));
        if (!base_buffer_ok(&encoded) || !base_buffer_ok(to))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The evidence does not fit into %d bytes.",
                                      EVIDENCE_BYTES_MAX);
        return true;
}

bool evidence_encode_header(const struct evidence *evidence, struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);

        if (!evidence_encode(evidence, &encoded, error))
                return false;
        evidence_header_encode(base_buffer_bytes(&encoded), to);
        return base_buffer_ok(to) || base_error_set_no_memory(error);
}

static bool invalid(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The evidence is malformed: %s.", what);
}

static bool get_proof(struct base_reader *reader, struct evidence_proof *proof)
{
        size_t count;

        if (!evidence_cbor_get_array(reader, 3, 3, &count) ||
            !evidence_cbor_get_uint(reader, EVIDENCE_TREE_LEAVES_MAX - 1, &proof->index) ||
            !evidence_cbor_get_uint(reader, EVIDENCE_TREE_LEAVES_MAX, &proof->tree_size) ||
            !evidence_cbor_get_array(reader, 0, EVIDENCE_PROOF_PATH_MAX, &proof->path_len))
                return false;
        for (size_t i = 0; i < proof->path_len; i++)
                if (!evidence_cbor_copy_bytes(reader, proof->path[i], EVIDENCE_HASH_LEN))
                        return false;
        return proof->index < proof->tree_size;
}

static bool get_bank(struct base_reader *reader, struct evidence_pcr_bank *bank)
{
        size_t value_len = evidence_pcr_value_len(bank->algorithm);
        struct evidence_cbor_map map;

        if (value_len == 0 || !evidence_cbor_get_map(reader, 1, EVIDENCE_PCR_COUNT, &map))
                return false;
        while (map.left > 0) {
                int64_t pcr;

                if (!evidence_cbor_map_next_int(reader, &map, &pcr) || pcr < 0 || pcr >= EVIDENCE_PCR_COUNT ||
                    !evidence_cbor_copy_bytes(reader, bank->values[pcr], value_len))
                        return false;
                bank->mask |= 1u << pcr;
        }
        return true;
}

static bool get_pcrs(struct base_reader *reader, struct evidence_pcrs *pcrs)
{
        struct evidence_cbor_map map;

        if (!evidence_cbor_get_map(reader, 1, EVIDENCE_PCR_BANKS_MAX, &map))
                return false;
        while (map.left > 0) {
                struct evidence_pcr_bank *bank = &pcrs->banks[pcrs->bank_count];
                int64_t algorithm;

                if (!evidence_cbor_map_next_int(reader, &map, &algorithm) || algorithm < 0 || algorithm > UINT16_MAX)
                        return false;
                bank->algorithm = (uint16_t) algorithm;
                if (!get_bank(reader, bank))
                        return false;
                pcrs->bank_count++;
        }
        return true;
}

static bool get_limited(struct base_reader *reader, uint8_t *to, size_t max, size_t *ret_len)
{
        struct base_bytes bytes;

        if (!evidence_cbor_get_bytes(reader, 1, max, &bytes))
                return false;
        memcpy(to, bytes.data, bytes.len);
        *ret_len = bytes.len;
        return true;
}

static bool get_quote(struct base_reader *reader, struct evidence_quote *quote)
{
        size_t count;

        return evidence_cbor_get_array(reader, 3, 3, &count) &&
               get_limited(reader, quote->attest, sizeof(quote->attest), &quote->attest_len) &&
               get_limited(reader, quote->signature, sizeof(quote->signature), &quote->signature_len) &&
               get_pcrs(reader, &quote->pcrs);
}

static bool get_seal(struct base_reader *reader, struct evidence_pcr_selection *seal)
{
        uint64_t algorithm, mask;
        size_t count;

        if (!evidence_cbor_get_array(reader, 2, 2, &count) || !evidence_cbor_get_uint(reader, UINT16_MAX, &algorithm) ||
            !evidence_cbor_get_uint(reader, (1u << EVIDENCE_PCR_COUNT) - 1, &mask) || mask == 0)
                return false;
        *seal = (struct evidence_pcr_selection){ .algorithm = (uint16_t) algorithm, .mask = (uint32_t) mask };
        return true;
}

bool evidence_decode(struct base_bytes encoded, struct evidence *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(encoded);
        struct evidence_cbor_map map;
        struct evidence evidence = { .claims_len = 0 };

        if (encoded.len > EVIDENCE_BYTES_MAX || !evidence_cbor_get_map(&reader, KEY_COUNT - 1, KEY_COUNT, &map))
                return invalid(error, "it is too long, or not a map of four or five");
        if (!evidence_cbor_map_take(&reader, &map, KEY_CLAIMS) ||
            !get_limited(&reader, evidence.claims, sizeof(evidence.claims), &evidence.claims_len))
                return invalid(error, "claims (1)");
        if (!evidence_cbor_map_take(&reader, &map, KEY_PROOF) || !get_proof(&reader, &evidence.proof))
                return invalid(error, "batch proof (2)");
        if (!evidence_cbor_map_take(&reader, &map, KEY_QUOTE) || !get_quote(&reader, &evidence.quote))
                return invalid(error, "quote (3)");
        if (!evidence_cbor_map_take(&reader, &map, KEY_KEY_ID) ||
            !evidence_cbor_copy_bytes(&reader, evidence.key_id, sizeof(evidence.key_id)))
                return invalid(error, "key id (4)");
        if (map.left > 0 && (!evidence_cbor_map_take(&reader, &map, KEY_SEAL) || !get_seal(&reader, &evidence.seal)))
                return invalid(error, "seal (5)");
        if (!base_reader_at_end(&reader))
                return invalid(error, "bytes after the end");
        *ret = evidence;
        return true;
}

bool evidence_decode_header(const char *text, size_t len, struct evidence *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_BYTES_MAX);

        if (!evidence_header_decode(text, len, &encoded))
                return invalid(error, "it is not one byte sequence (RFC 9651), or too long");
        return evidence_decode(base_buffer_bytes(&encoded), ret, error);
}
