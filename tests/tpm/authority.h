/* SPDX-License-Identifier: BSD-2-Clause */
/* An authority of a test: a private key, and the files that systemd's tools would write with it. */
#pragma once

#include "base/buffer.h"
#include "evidence/authority.h"
#include "evidence/pcrs.h"

#include <openssl/evp.h>

struct authority {
        EVP_PKEY *key;
        struct evidence_authority public;
        uint8_t fingerprint[EVIDENCE_AUTHORITY_FINGERPRINT_LEN];
};

void authority_make(struct authority *authority, bool rsa);
void authority_clear(struct authority *authority);
void authority_pem(const struct authority *authority, struct base_buffer *to);

/* Signs the policy of the PCR values under `policy_ref` (text), in base64 at the end of `to`. */
void authority_sign(const struct authority *authority, const struct evidence_pcrs *pcrs, const char *policy_ref,
                    struct base_buffer *to);

/* Appends an entry of the JSON, for one bank's PCRs; `named` is the authority whose pkfp it bears. */
void authority_entry(const struct authority *authority, const struct authority *named, const struct evidence_pcrs *pcrs,
                     const char *policy_ref, struct base_buffer *to);
