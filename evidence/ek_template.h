/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The templates of endorsement keys (TCG EK Credential Profile 2.5, annex B) that attesterd makes and verifiers take. Numbers are
 * those of the TPM 2.0 library. Used by attesterd and attester-issuer.
 */
#pragma once

#include "evidence/public.h"

#define EVIDENCE_EK_TEMPLATE_COUNT 6

struct evidence_ek_template {
        uint32_t certificate_index; /* NV index of the key's certificate */
        uint16_t type;              /* TPM_ALG_ECC or TPM_ALG_RSA */
        uint16_t name_algorithm;
        uint16_t aes_bits;
        uint16_t size;       /* a curve of ECC, bits of RSA */
        uint16_t unique_len; /* low range: this many zero bytes; high range: none */
        uint32_t attributes;
        struct base_bytes policy;
};

/* In order of preference: an ECC key takes a TPM milliseconds to derive, an RSA key may take seconds. */
extern const struct evidence_ek_template evidence_ek_templates[EVIDENCE_EK_TEMPLATE_COUNT];

/*
 * The template that the key was made from by its public area, or NULL. The area has to be the template's in every field, encoded
 * as the TPM library says (exponent 0; coordinates as long as the curve's, part 1, C.8): neither a certificate nor
 * TPM2_ActivateCredential shows more of a key than its numbers, and whoever could choose the rest could give one key many names.
 */
const struct evidence_ek_template *evidence_ek_template_of(const struct evidence_public *key);

/*
 * The name that the key has by the other template of its kind: L-1 and H-1, and L-2 and H-2, differ in nothing that can be
 * proved, so that one key can be shown by either. `*ret_len` is 0 if there is no other, else EVIDENCE_KEY_ID_LEN. Errors: CRYPTO,
 * NO_MEMORY.
 */
bool evidence_ek_other_name(const struct evidence_public *key, uint8_t ret[static EVIDENCE_KEY_ID_LEN], size_t *ret_len,
                            struct base_error *error) BASE_MUST_CHECK;
