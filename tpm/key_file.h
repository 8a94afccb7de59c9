/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state file of the attestation key: what the TPM wrapped, and what it was sealed to. Holds nothing that another TPM
 * could use. Runs in attesterd; may be included by tpm/ alone.
 *
 * All numbers in network order: magic, u16 version, u16 seal mode, u64 created; for mode PCR u16 bank, u32 PCR mask and the
 * sealed value of each PCR in the mask, for mode SIGNED with a u16 length each the authority's TPM2B_PUBLIC and the policy
 * reference; then with a u16 length each the parent's name, TPM2B_PUBLIC and TPM2B_PRIVATE; last the SHA-256 of all that,
 * which finds damage (the TPM itself finds tampering: the key's authPolicy is in TPM2B_PUBLIC).
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/pcrs.h"
#include "evidence/public.h"
#include "tpm/seal.h"

#define TPM_KEY_FILE_NAME         "ak.key"
#define TPM_KEY_FILE_VERSION      1
#define TPM_KEY_FILE_BYTES_MAX    8192
#define TPM_KEY_NAME_BYTES_MAX    66 /* nameAlg and a SHA-512 digest */
#define TPM_KEY_PRIVATE_BYTES_MAX 2048

struct tpm_key_file {
        enum tpm_seal_mode mode;
        uint64_t created;                                  /* seconds since 1970 */
        struct evidence_pcrs sealed;                       /* PCR: one bank; SIGNED: none */
        uint8_t authority_area[EVIDENCE_PUBLIC_BYTES_MAX]; /* SIGNED: TPM2B_PUBLIC of evidence_authority */
        size_t authority_len;
        uint8_t policy_ref[EVIDENCE_POLICY_REF_BYTES_MAX];
        size_t policy_ref_len; /* may be 0 */
        uint8_t parent_name[TPM_KEY_NAME_BYTES_MAX];
        size_t parent_name_len;
        uint8_t public_area[EVIDENCE_PUBLIC_BYTES_MAX]; /* TPM2B_PUBLIC */
        size_t public_len;
        uint8_t private_area[TPM_KEY_PRIVATE_BYTES_MAX]; /* TPM2B_PRIVATE */
        size_t private_len;
};

/* Appends. A buffer that is too small fails as buffers do. Errors: CRYPTO, NO_MEMORY. */
bool tpm_key_file_encode(const struct tpm_key_file *file, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* Parses strictly. Errors: STATE_INVALID, which names what is wrong; UNSUPPORTED (another version or seal mode); CRYPTO. */
bool tpm_key_file_decode(struct base_bytes bytes, struct tpm_key_file *ret, struct base_error *error) BASE_MUST_CHECK;

/* Reads and parses TPM_KEY_FILE_NAME. Errors: NOT_ENROLLED (no such file), STATE_INVALID, UNSUPPORTED, IO, CRYPTO. */
bool tpm_key_file_load(int directory_fd, struct tpm_key_file *ret, struct base_error *error) BASE_MUST_CHECK;

/* Replaces TPM_KEY_FILE_NAME atomically, mode 0600. Errors: IO, CRYPTO, NO_MEMORY; the old file is then untouched. */
bool tpm_key_file_save(int directory_fd, const struct tpm_key_file *file, struct base_error *error) BASE_MUST_CHECK;

/* The key's name (its id in evidence): 0x000B and the SHA-256 of its public area. Errors: CRYPTO. */
bool tpm_key_file_name(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_KEY_ID_LEN],
                       struct base_error *error) BASE_MUST_CHECK;

/* The name of the authority that a key of mode SIGNED is sealed to. Errors: CRYPTO. */
bool tpm_key_file_authority_name(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_KEY_ID_LEN],
                                 struct base_error *error) BASE_MUST_CHECK;

/* The authPolicy that the file's mode and what goes with it make. Errors: CRYPTO, INVALID_ARGUMENT. */
bool tpm_key_file_policy(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_POLICY_DIGEST_LEN],
                         struct base_error *error) BASE_MUST_CHECK;
