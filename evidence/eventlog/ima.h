/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's integrity measurement list (Documentation/security/IMA-templates.rst; security/integrity/ima/ima_fs.c) and its
 * replay into PCR 10. Used by attester-issuer and attestctl.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/pcrs.h"

#define EVIDENCE_IMA_BYTES_MAX         (16 * 1024 * 1024)
#define EVIDENCE_IMA_ENTRIES_MAX       131072
#define EVIDENCE_IMA_TEMPLATE_NAME_MAX 64
#define EVIDENCE_IMA_DATA_BYTES_MAX    (64 * 1024) /* of one entry */
#define EVIDENCE_IMA_PCR               10
#define EVIDENCE_IMA_SHA1_LEN          20

struct evidence_ima_entry {
        size_t offset; /* of its first byte in the list */
        uint32_t pcr;
        bool violation;                               /* the file was written while it was measured; the hash is all zero */
        uint8_t template_hash[EVIDENCE_IMA_SHA1_LEN]; /* SHA-1 of the data, as the list has it; checked by the parser */
        struct base_bytes template_name;
        struct base_bytes data;      /* length-prefixed fields */
        struct base_bytes algorithm; /* of the file's digest, as in "sha256"; empty for a template that we do not know */
        struct base_bytes digest;
        struct base_bytes name;  /* the path; without its NUL */
        struct base_bytes extra; /* ima-sig: the signature, or empty; ima-buf: the buffer */
};

struct evidence_ima_list {
        struct evidence_ima_entry *entries; /* owned */
        size_t entry_count;
        struct base_buffer fields; /* of a text list: the data of all entries */
};

void evidence_ima_list_clear(struct evidence_ima_list *list);
#define evidence_auto_ima_list BASE_CLEANUP(evidence_ima_list_clear)

/*
 * Reads binary_runtime_measurements (little-endian: x86, ARM, or ima_canonical_fmt) or ascii_runtime_measurements; which of them
 * is seen from the first byte. Templates ima-ng, ima-sig and ima-buf are taken apart; other ones are kept whole in a binary list,
 * and cannot be read in a text list. Entries point into `bytes`, which must outlive `ret`; the caller clears `ret`. Errors:
 * MALFORMED (cut off, fields that do not fill their data, a hash that is not that of the data), UNSUPPORTED (the template "ima";
 * an unknown template in a text list), LIMIT_EXCEEDED, NO_MEMORY, CRYPTO. Each names the entry, counted from 0, and its offset.
 */
bool evidence_ima_list_parse(struct base_bytes bytes, struct evidence_ima_list *ret, struct base_error *error) BASE_MUST_CHECK;

enum evidence_ima_extension {
        EVIDENCE_IMA_PER_BANK,    /* hash of the data by each bank's algorithm: Linux 5.8 and later */
        EVIDENCE_IMA_PADDED_SHA1, /* the SHA-1 hash and zeros: before, and for banks whose hash the kernel lacks */
};

enum evidence_ima_aggregate {
        EVIDENCE_IMA_AGGREGATE_ABSENT,    /* the first quoted entry is no boot_aggregate */
        EVIDENCE_IMA_AGGREGATE_UNCHECKED, /* the PCRs it is made of were not quoted in its bank */
        EVIDENCE_IMA_AGGREGATE_MATCHES,
        EVIDENCE_IMA_AGGREGATE_DIFFERS, /* the list is of another boot */
};

struct evidence_ima_replay {
        bool matches;       /* PCR 10 is the replay of the first `entry_count` entries; all below is of those */
        uint16_t algorithm; /* the bank that was compared: the strongest quoted one */
        enum evidence_ima_extension extension;
        size_t entry_count; /* entries after these were added after the quote */
        size_t violation_count;
        size_t foreign_count; /* entries of other PCRs: not replayed, and not to be believed */
        enum evidence_ima_aggregate aggregate;
};

/*
 * Finds the prefix of the list that PCR 10 was quoted with. None is a result and no error. Every quoted bank that has PCR 10 must
 * agree on one prefix. Errors: INVALID_ARGUMENT (PCR 10 was not quoted, or an unknown bank), CRYPTO.
 */
bool evidence_ima_replay(const struct evidence_ima_list *list, const struct evidence_pcrs *quoted,
                         struct evidence_ima_replay *ret, struct base_error *error) BASE_MUST_CHECK;
