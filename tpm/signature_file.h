/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures of PCR policies as systemd-measure(1) and ukify(1) write them (tpm2-pcr-signature.json). Used by attesterd; may
 * be included by tpm/ alone.
 */
#pragma once

#include "evidence/authority.h"
#include "tpm/pcr.h"

#define TPM_SIGNATURE_FILE_BYTES_MAX (512 * 1024)
#define TPM_SIGNATURES_MAX           512
#define TPM_SIGNATURE_BYTES_MAX      384 /* RSA 3072 */

struct tpm_pcr_signature {
        struct tpm_pcr_selection pcrs;
        uint8_t fingerprint[EVIDENCE_AUTHORITY_FINGERPRINT_LEN]; /* pkfp: by which key */
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];              /* pol: TPM2_PolicyPCR of `pcrs` */
        uint8_t signature[TPM_SIGNATURE_BYTES_MAX];              /* sig */
        size_t signature_len;
};

struct tpm_pcr_signatures {
        size_t count;
        struct tpm_pcr_signature *entries;
};

void tpm_pcr_signatures_clear(struct tpm_pcr_signatures *signatures);
#define tpm_auto_pcr_signatures BASE_CLEANUP(tpm_pcr_signatures_clear)

/*
 * Parses {"sha256": [{"pcrs": [11], "pkfp": hex, "pol": hex, "sig": base64}, ...], ...}. Entries of banks that keys are not
 * sealed to (all but sha256 and sha384) and unknown members are skipped. `file` is the name for errors. The caller clears
 * `ret`. Errors: CONFIG_INVALID as "file:line:column: what" or "file: sha256[3].sig: what"; LIMIT_EXCEEDED; NO_MEMORY.
 */
bool tpm_pcr_signatures_parse(const char *file, struct base_bytes json, struct tpm_pcr_signatures *ret,
                              struct base_error *error) BASE_MUST_CHECK;
