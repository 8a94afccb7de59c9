/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the attestation key is sealed: to PCR values as they were when it was made, or to whatever values an authority has
 * signed (docs/tpm.md). Plain data. Used by attesterd; may be included by tpm/ and attesterd/.
 */
#pragma once

#include "evidence/authority.h"

#define TPM_SEAL_PATH_BYTES_MAX 255 /* without the NUL */

/* systemd's names, looked for in /etc/systemd, /run/systemd and /usr/lib/systemd. */
#define TPM_SEAL_PUBLIC_KEY_NAME "tpm2-pcr-public-key.pem"
#define TPM_SEAL_SIGNATURES_NAME "tpm2-pcr-signature.json"

enum tpm_seal_mode {
        TPM_SEAL_MODE_PCR = 1,    /* authPolicy is TPM2_PolicyPCR */
        TPM_SEAL_MODE_SIGNED = 2, /* authPolicy is TPM2_PolicyAuthorize */
};

/* Mode and policy reference are for new keys, a present key keeps its own; all but the mode are for SIGNED. */
struct tpm_seal_config {
        enum tpm_seal_mode mode;                            /* 0: PCR */
        char root[TPM_SEAL_PATH_BYTES_MAX + 1];             /* put before every path; "" for the system */
        char public_key[TPM_SEAL_PATH_BYTES_MAX + 1];       /* PEM; "": the first that systemd's directories hold */
        char signatures[TPM_SEAL_PATH_BYTES_MAX + 1];       /* looked at before those of systemd's directories; "": none */
        char policy_ref[EVIDENCE_POLICY_REF_BYTES_MAX + 1]; /* text; "" as systemd's signatures have it */
};
