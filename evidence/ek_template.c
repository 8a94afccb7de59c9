/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/ek_template.h"

#include "base/hash.h"
#include "evidence/internal.h"
#include "evidence/tpm_numbers.h"

#include <string.h>

/* TPM2_PolicySecret(endorsement): B.6.2 (PolicyA). */
static const uint8_t policy_a_sha256[] = {
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
        0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* TPM2_PolicyOR of PolicyA and an NV-held policy: B.6.5 (PolicyB). */
static const uint8_t policy_b_sha256[] = {
        0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3,
        0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0,
};
static const uint8_t policy_b_sha384[] = {
        0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
        0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
        0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12,
};

#define POLICY(array)                                                                                                            \
        {                                                                                                                        \
                .data = (array), .len = sizeof(array)                                                                            \
        }

#define LOW_RANGE                                                                                                                \
        (EVIDENCE_TPMA_FIXED_TPM | EVIDENCE_TPMA_FIXED_PARENT | EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN |                            \
         EVIDENCE_TPMA_ADMIN_WITH_POLICY | EVIDENCE_TPMA_RESTRICTED | EVIDENCE_TPMA_DECRYPT)
#define HIGH_RANGE (LOW_RANGE | EVIDENCE_TPMA_USER_WITH_AUTH)

#define ECC    EVIDENCE_TPM_ALG_ECC
#define RSA    EVIDENCE_TPM_ALG_RSA
#define SHA256 EVIDENCE_TPM_ALG_SHA256
#define SHA384 EVIDENCE_TPM_ALG_SHA384
#define P256   EVIDENCE_TPM_ECC_NIST_P256
#define P384   EVIDENCE_TPM_ECC_NIST_P384

const struct evidence_ek_template evidence_ek_templates[EVIDENCE_EK_TEMPLATE_COUNT] = {
        { 0x01c0000a, ECC, SHA256, 128, P256, 32, LOW_RANGE, POLICY(policy_a_sha256) },  /* L-2 */
        { 0x01c00014, ECC, SHA256, 128, P256, 0, HIGH_RANGE, POLICY(policy_b_sha256) },  /* H-2 */
        { 0x01c00016, ECC, SHA384, 256, P384, 0, HIGH_RANGE, POLICY(policy_b_sha384) },  /* H-3 */
        { 0x01c00002, RSA, SHA256, 128, 2048, 256, LOW_RANGE, POLICY(policy_a_sha256) }, /* L-1 */
        { 0x01c00012, RSA, SHA256, 128, 2048, 0, HIGH_RANGE, POLICY(policy_b_sha256) },  /* H-1 */
        { 0x01c0001c, RSA, SHA384, 256, 3072, 0, HIGH_RANGE, POLICY(policy_b_sha384) },  /* H-6 */
};

/* Type and size, as far as they belong to the key itself. */
static bool same_kind(const struct evidence_ek_template *kind, const struct evidence_public *key)
{
        return kind->type == key->type && kind->size == (key->type == EVIDENCE_TPM_ALG_ECC ? key->curve : key->rsa_bits) &&
               kind->name_algorithm == key->name_algorithm;
}

const struct evidence_ek_template *evidence_ek_template_of(const struct evidence_public *key)
{
        for (size_t i = 0; i < EVIDENCE_EK_TEMPLATE_COUNT; i++) {
                const struct evidence_ek_template *kind = &evidence_ek_templates[i];

                if (same_kind(kind, key) && kind->attributes == key->attributes && key->symmetric == EVIDENCE_TPM_ALG_AES &&
                    kind->aes_bits == key->symmetric_bits && key->scheme == EVIDENCE_TPM_ALG_NULL &&
                    base_bytes_equal(kind->policy, evidence_public_auth_policy(key)) && !key->odd_encoding)
                        return kind;
        }
        return NULL;
}

/* TPMT_PUBLIC of `key` with the attributes and the policy of `other`, in its head; the rest is the same. */
static bool name_by(const struct evidence_ek_template *other, const struct evidence_public *key,
                    uint8_t ret[static EVIDENCE_KEY_ID_LEN], struct base_error *error)
{
        base_auto_buffer struct base_buffer head = BASE_BUFFER_INIT(2 + 2 + 4 + 2 + EVIDENCE_AUTH_POLICY_BYTES_MAX);
        struct base_bytes tpm2b = evidence_public_bytes(key);
        size_t rest_at;

        base_buffer_put_u16(&head, key->type);
        base_buffer_put_u16(&head, key->name_algorithm);
        base_buffer_put_u32(&head, other->attributes);
        base_buffer_put_u16(&head, (uint16_t) other->policy.len);
        base_buffer_put_bytes(&head, other->policy);
        if (!base_buffer_ok(&head))
                return base_error_set_no_memory(error);
        rest_at = 2 + head.len;
        ret[0] = EVIDENCE_TPM_ALG_SHA256 >> 8;
        ret[1] = EVIDENCE_TPM_ALG_SHA256 & 0xff;
        return base_sha256(
                (struct base_bytes[]){ base_buffer_bytes(&head), BASE_BYTES(tpm2b.data + rest_at, tpm2b.len - rest_at) }, 2,
                ret + 2, error);
}

bool evidence_ek_other_name(const struct evidence_public *key, uint8_t ret[static EVIDENCE_KEY_ID_LEN], size_t *ret_len,
                            struct base_error *error)
{
        const struct evidence_ek_template *made_from = evidence_ek_template_of(key);

        *ret_len = 0;
        for (size_t i = 0; i < EVIDENCE_EK_TEMPLATE_COUNT && made_from != NULL; i++) {
                const struct evidence_ek_template *kind = &evidence_ek_templates[i];

                /* Where there are two of a kind, both have names and policies by SHA-256. */
                if (kind == made_from || !same_kind(kind, key) || kind->policy.len != made_from->policy.len)
                        continue;
                if (!name_by(kind, key, ret, error))
                        return false;
                *ret_len = EVIDENCE_KEY_ID_LEN;
        }
        return true;
}
