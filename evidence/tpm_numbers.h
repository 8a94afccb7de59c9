/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few numbers of the TPM 2.0 library (Part 2, "Structures") that evidence is read with. The verifier has no TPM and
 * no tss2, so they stand here; tpm/ uses those of tss2. Used by attesterd and attester-issuer.
 */
#pragma once

/* TPM_ALG_ID, Part 2 table 9. */
#define EVIDENCE_TPM_ALG_RSA    0x0001
#define EVIDENCE_TPM_ALG_SHA1   0x0004
#define EVIDENCE_TPM_ALG_AES    0x0006
#define EVIDENCE_TPM_ALG_SHA256 0x000b
#define EVIDENCE_TPM_ALG_SHA384 0x000c
#define EVIDENCE_TPM_ALG_SHA512 0x000d
#define EVIDENCE_TPM_ALG_NULL   0x0010
#define EVIDENCE_TPM_ALG_RSASSA 0x0014
#define EVIDENCE_TPM_ALG_RSAPSS 0x0016
#define EVIDENCE_TPM_ALG_ECDSA  0x0018
#define EVIDENCE_TPM_ALG_ECC    0x0023
#define EVIDENCE_TPM_ALG_CFB    0x0043

/* TPM_ECC_CURVE, Part 2 table 10. */
#define EVIDENCE_TPM_ECC_NIST_P256 0x0003
#define EVIDENCE_TPM_ECC_NIST_P384 0x0004

/* TPM_GENERATED, Part 2 table 7: a TPM puts it before whatever a restricted key signs and lets nobody else do so. */
#define EVIDENCE_TPM_GENERATED_VALUE 0xff544347u
/* TPM_ST, Part 2 table 19. */
#define EVIDENCE_TPM_ST_ATTEST_QUOTE 0x8018
/* TPM_CC, Part 2 table 12. */
#define EVIDENCE_TPM_CC_POLICY_AUTHORIZE 0x0000016au
#define EVIDENCE_TPM_CC_POLICY_PCR       0x0000017fu

/* TPMA_OBJECT, Part 2 table 31. */
#define EVIDENCE_TPMA_FIXED_TPM             0x00000002u
#define EVIDENCE_TPMA_FIXED_PARENT          0x00000010u
#define EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN 0x00000020u
#define EVIDENCE_TPMA_USER_WITH_AUTH        0x00000040u
#define EVIDENCE_TPMA_ADMIN_WITH_POLICY     0x00000080u
#define EVIDENCE_TPMA_RESTRICTED            0x00010000u
#define EVIDENCE_TPMA_DECRYPT               0x00020000u
#define EVIDENCE_TPMA_SIGN                  0x00040000u
