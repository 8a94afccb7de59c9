/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures of PCR policies as systemd-measure(1) and ukify(1) write them (tpm2-pcr-signature.json). Read by attesterd (tpm/),
 * written by attestctl.
 */
#pragma once

#include "evidence/authority.h"
#include "evidence/pcrs.h"

#define EVIDENCE_SIGNATURE_FILE_BYTES_MAX (512 * 1024)
#define EVIDENCE_PCR_SIGNATURES_MAX       512
#define EVIDENCE_PCR_SIGNATURE_BYTES_MAX  384 /* RSA 3072 */

/*
 * One entry. `values` is attesterd's own addition, which other readers skip: what the PCRs hold in the approved state, by
 * ascending number, one digest of the bank after the other. Nothing signs it, and it counts only if it hashes to `policy`.
 */
struct evidence_pcr_signature {
        struct evidence_pcr_selection pcrs;
        uint8_t fingerprint[EVIDENCE_AUTHORITY_FINGERPRINT_LEN]; /* pkfp: by which key */
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];              /* pol: TPM2_PolicyPCR of `pcrs` */
        uint8_t signature[EVIDENCE_PCR_SIGNATURE_BYTES_MAX];     /* sig */
        size_t signature_len;
        uint8_t *values; /* owned by struct evidence_pcr_signatures; NULL: the file does not tell */
};

struct evidence_pcr_signatures {
        size_t count;
        struct evidence_pcr_signature *entries;
};

void evidence_pcr_signatures_clear(struct evidence_pcr_signatures *signatures);
#define evidence_auto_pcr_signatures BASE_CLEANUP(evidence_pcr_signatures_clear)

/*
 * Parses {"sha256": [{"pcrs": [11], "pkfp": hex, "pol": hex, "sig": base64}, ...], ...}. Entries of banks that keys are not
 * sealed to (all but sha256 and sha384) and unknown members are skipped. `file` is the name for errors. The caller clears
 * `ret`. Errors: CONFIG_INVALID as "file:line:column: what" or "file: sha256[3].sig: what"; LIMIT_EXCEEDED; NO_MEMORY.
 */
bool evidence_pcr_signatures_parse(const char *file, struct base_bytes json, struct evidence_pcr_signatures *ret,
                                   struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether the entry's values are there and are those of its policy; if so they are in `ret`, in one bank. Errors are taken for
 * "no": what the values are for is an explanation.
 */
bool evidence_pcr_signature_values(const struct evidence_pcr_signature *entry, struct evidence_pcrs *ret) BASE_MUST_CHECK;

/*
 * Adds `count` entries to a file that holds `json` (no bytes: a new file) and appends the new file's content to `to`. An entry
 * for the same bank, PCRs, policy and key is replaced; everything else stays, also what is not understood here.
 * Errors: those of parsing `json`; LIMIT_EXCEEDED (the new file would pass a limit above); NO_MEMORY.
 */
bool evidence_pcr_signatures_merge(const char *file, struct base_bytes json, const struct evidence_pcr_signature *entries,
                                   size_t count, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;
