/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/evidence.h"
#include "evidence/nonce.h"

#include <string.h>

void evidence_verdict_clear(struct evidence_verdict *verdict)
{
        if (verdict == NULL)
                return;
        evidence_claims_clear(&verdict->claims);
        memset(verdict, 0, sizeof(*verdict));
}

static bool check_key(const struct evidence *evidence, const struct evidence_public *key, struct base_error *error)
{
        if (!base_bytes_equal(BASE_BYTES_OF(evidence->key_id), evidence_public_name(key)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The evidence is by another key than the registered one.");
        return evidence_public_check_attestation_key(key, error);
}

static bool find_approver(const struct evidence_expectation *expectation, struct evidence_verdict *verdict,
                          struct base_error *error)
{
        struct base_bytes auth_policy = evidence_public_auth_policy(expectation->attestation_key);
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];

        for (size_t i = 0; i < expectation->approver_count && verdict->sealed_to_authority == NULL; i++) {
                const struct evidence_approver *approver = &expectation->approvers[i];

                if (!evidence_policy_authorize_digest(BASE_BYTES_OF(approver->name), approver->policy_ref, policy, error))
                        return false;
                if (base_bytes_equal(BASE_BYTES_OF(policy), auth_policy))
                        verdict->sealed_to_authority = approver;
        }
        return true;
}

/* What the device says only chooses among the values that the TPM quoted; whether the key holds those is computed. */
static bool check_seal(const struct evidence *evidence, const struct evidence_public *key, struct evidence_verdict *verdict,
                       struct base_error *error)
{
        uint8_t policy[EVIDENCE_PCR_DIGEST_LEN];

        if (evidence->seal.mask == 0)
                verdict->sealed = verdict->attest.pcrs;
        else if (!evidence_pcrs_select(&verdict->attest.pcrs, evidence->seal, &verdict->sealed))
                return true;
        if (!evidence_pcr_policy_digest(&verdict->sealed, policy, error))
                return false;
        verdict->sealed_to_quoted_pcrs = base_bytes_equal(BASE_BYTES_OF(policy), evidence_public_auth_policy(key));
        if (!verdict->sealed_to_quoted_pcrs)
                verdict->sealed.bank_count = 0;
        return true;
}

static bool check_quote(const struct evidence *evidence, const struct evidence_expectation *expectation,
                        struct evidence_verdict *verdict, struct base_error *error)
{
        uint8_t root[EVIDENCE_HASH_LEN], qualifying_data[EVIDENCE_HASH_LEN];

        return evidence_leaf_hash(BASE_BYTES(evidence->claims, evidence->claims_len), verdict->leaf, error) &&
               evidence_proof_root(&evidence->proof, verdict->leaf, root, error) &&
               evidence_batch_qualifying_data(root, evidence->proof.tree_size, qualifying_data, error) &&
               evidence_quote_verify(&evidence->quote, expectation->attestation_key, BASE_BYTES_OF(qualifying_data),
                                     &verdict->attest, error) &&
               check_seal(evidence, expectation->attestation_key, verdict, error) && find_approver(expectation, verdict, error);
}

static bool check_nonce(const struct evidence_claims *claims, const struct evidence_expectation *expectation,
                        struct base_error *error)
{
        enum evidence_nonce_state state;

        if (claims->nonce_len == 0)
                return base_error_set(error, BASE_ERROR_EVIDENCE_STALE, "The evidence carries no nonce.");
        if (!evidence_nonce_check(expectation->nonce_key, BASE_BYTES(claims->nonce, claims->nonce_len), expectation->now, &state,
                                  error))
                return false;
        if (state == EVIDENCE_NONCE_EXPIRED)
                return base_error_set(error, BASE_ERROR_EVIDENCE_STALE, "The evidence's nonce has expired.");
        if (state != EVIDENCE_NONCE_VALID)
                return base_error_set(error, BASE_ERROR_EVIDENCE_STALE, "The evidence's nonce is not one of this verifier.");
        return true;
}

static bool check_iat(uint64_t iat, uint64_t now, uint32_t skew_max, struct base_error *error)
{
        uint64_t skew = iat > now ? iat - now : now - iat;

        if (skew > skew_max)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The device's clock is %s by more than %u seconds: set it, then try again.",
                                      iat > now ? "fast" : "slow", skew_max);
        return true;
}

static bool check_claims(const struct evidence *evidence, const struct evidence_expectation *expectation,
                         struct evidence_claims *claims, struct base_error *error)
{
        if (!evidence_claims_decode(BASE_BYTES(evidence->claims, evidence->claims_len), claims, error))
                return false;
        if (!base_bytes_equal(BASE_BYTES_OF(claims->request_digest), BASE_BYTES_OF(expectation->request_digest)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The evidence is for another token request.");
        return check_nonce(claims, expectation, error) &&
               check_iat(claims->iat, expectation->now, expectation->iat_skew_seconds_max, error);
}

bool evidence_verify(const struct evidence *evidence, const struct evidence_expectation *expectation,
                     struct evidence_verdict *ret, struct base_error *error)
{
        struct evidence_verdict verdict = { .claims = EVIDENCE_CLAIMS_INIT };

        if (!check_key(evidence, expectation->attestation_key, error) || !check_quote(evidence, expectation, &verdict, error) ||
            !check_claims(evidence, expectation, &verdict.claims, error)) {
                evidence_verdict_clear(&verdict);
                return false;
        }
        *ret = verdict;
        return true;
}
