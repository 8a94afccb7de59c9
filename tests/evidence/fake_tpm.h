/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TPM's keys and quotes made in software: what an attacker with an ordinary key can produce, and honest quotes to compare
 * them with.
 */
#pragma once

#include "evidence/evidence.h"

#include <openssl/evp.h>

#define FAKE_ATTRIBUTES_AK 0x00050032u /* fixedTPM fixedParent sensitiveDataOrigin restricted sign */
#define FAKE_ATTRIBUTES_EK 0x000300b2u /* fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt */

enum fake_kind {
        FAKE_ECC_P256,
        FAKE_ECC_P384,
        FAKE_RSA_2048,
        FAKE_RSA_3072,
};

struct fake_template {
        enum fake_kind kind;
        uint16_t name_algorithm;
        uint32_t attributes;
        uint16_t scheme; /* TPM_ALG_NULL for none */
        uint16_t scheme_hash;
        uint16_t symmetric_bits; /* 0: none */
        uint8_t policy[32];
        size_t policy_len;
};

extern const struct fake_template fake_ak_template; /* ECDSA P-256; the policy is to be filled in */
extern const struct fake_template fake_ek_template; /* template L-2 of the EK Credential Profile */

struct fake_key {
        EVP_PKEY *pkey;
        struct fake_template made_from;
        struct base_buffer public; /* TPM2B_PUBLIC */
};

void fake_key_make(struct fake_key *key, const struct fake_template *made_from);
void fake_key_clear(struct fake_key *key);

struct fake_attest {
        uint32_t magic;
        uint16_t type;
        struct base_bytes extra_data;
        struct evidence_pcrs pcrs; /* selection and the values that are digested */
};

/* Magic and type of a quote; two SHA-256 PCRs and one SHA-1 PCR. */
void fake_attest_init(struct fake_attest *attest, struct base_bytes extra_data);

/* Signs; `ret` gets the same PCR values. */
void fake_quote_make(const struct fake_key *key, const struct fake_attest *attest, struct evidence_quote *ret);

/* Signs bytes as they are. */
void fake_sign(const struct fake_key *key, struct base_bytes bytes, struct evidence_quote *ret);
