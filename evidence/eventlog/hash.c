/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/log.h"
#include "evidence/internal.h"
#include "evidence/pcrs.h"
#include "evidence/tpm_numbers.h"

static const EVP_MD *bank_hash(uint16_t algorithm)
{
        switch (algorithm) {
        case EVIDENCE_TPM_ALG_SHA1:
                return EVP_sha1();
        case EVIDENCE_TPM_ALG_SHA512:
                return EVP_sha512();
        default:
                return evidence_tpm_hash(algorithm);
        }
}

static inline void context_free_p(EVP_MD_CTX **context)
{
        EVP_MD_CTX_free(*context);
}

bool evidence_eventlog_hash(uint16_t algorithm, const struct base_bytes *pieces, size_t count, uint8_t *ret,
                            struct base_error *error)
{
        BASE_CLEANUP(context_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        const EVP_MD *hash = bank_hash(algorithm);

        if (context == NULL || hash == NULL || EVP_DigestInit_ex(context, hash, NULL) != 1)
                return evidence_crypto_failed(error, "hashing for a PCR");
        for (size_t i = 0; i < count; i++)
                if (EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) != 1)
                        return evidence_crypto_failed(error, "hashing for a PCR");
        if (EVP_DigestFinal_ex(context, ret, NULL) != 1)
                return evidence_crypto_failed(error, "hashing for a PCR");
        return true;
}

bool evidence_eventlog_extend(uint16_t algorithm, uint8_t *value, const uint8_t *digest, struct base_error *error)
{
        size_t len = evidence_pcr_value_len(algorithm);
        const struct base_bytes pieces[] = { BASE_BYTES(value, len), BASE_BYTES(digest, len) };

        return evidence_eventlog_hash(algorithm, pieces, BASE_COUNT(pieces), value, error);
}

unsigned evidence_eventlog_strength(uint16_t algorithm)
{
        return (unsigned) evidence_pcr_value_len(algorithm);
}

size_t evidence_eventlog_strongest_bank(const struct evidence_eventlog *log)
{
        size_t strongest = 0;

        for (size_t bank = 1; bank < log->bank_count; bank++)
                if (evidence_eventlog_strength(log->banks[bank]) > evidence_eventlog_strength(log->banks[strongest]))
                        strongest = bank;
        return strongest;
}
