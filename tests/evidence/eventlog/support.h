/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes event logs, and takes a log all the way to the boot state, for the tests of evidence/eventlog/. */
#pragma once

#include "evidence/eventlog/boot.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/support.h"

#include <string.h>

#define LOG_SHA1_LEN   20
#define LOG_SHA256_LEN 32

/* A log that is being written, crypto-agile with SHA-256 alone unless it says otherwise. */
struct log_maker {
        struct base_buffer bytes;
        bool sha1_only;
};

void log_start(struct log_maker *maker);
void log_start_sha1(struct log_maker *maker);
void log_end(struct log_maker *maker);

/* Adds an event whose digest is the hash of `measured`. */
void log_add_measured(struct log_maker *maker, uint32_t pcr, uint32_t type, struct base_bytes measured, struct base_bytes data);
/* The same, with the data measured. */
void log_add(struct log_maker *maker, uint32_t pcr, uint32_t type, struct base_bytes data);
/* Adds an event with this digest; NULL: zeros. */
void log_add_digest(struct log_maker *maker, uint32_t pcr, uint32_t type, const uint8_t *digest, struct base_bytes data);

/* Variables' data. `guid` is a text like "8be4df61-93ca-11d2-aa0d-00e098032b8c". */
#define GUID_GLOBAL   "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define GUID_SECURITY "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
#define GUID_SHIM     "605dab50-e046-4300-abb6-3dd810dd8b23"
void log_variable(struct base_buffer *to, const char *guid, const char *name, struct base_bytes content);
void log_add_variable(struct log_maker *maker, uint32_t type, const char *guid, const char *name, struct base_bytes content);
void log_utf16(struct base_buffer *to, const char *ascii, bool with_nul);

void log_add_separator(struct log_maker *maker, uint32_t pcr);
/* SecureBoot with this value, empty PK, KEK, db and dbx, and separators of PCRs 0 to 7. */
void log_add_firmware(struct log_maker *maker, uint8_t secure_boot);

/* A log on its way to the boot state. */
struct log_case {
        struct base_buffer bytes;
        struct evidence_eventlog log;
        struct evidence_pcrs quoted;
        struct evidence_eventlog_replay replay;
        struct evidence_boot *boot;
};

/* Reads tests/data/eventlogs/NAME and parses it. */
void case_load(struct log_case *test, const char *name);
/* Parses bytes, which are copied. */
void case_parse(struct log_case *test, struct base_bytes bytes);
/* Fills `quoted` with what the log comes to, in its strongest bank: a TPM that was extended with just these events. */
void case_quote(struct log_case *test);
/* The same in another bank of the log. */
void case_quote_bank(struct log_case *test, uint16_t algorithm);
/* Fills `quoted` from expected.json, both banks if there are two. False if the file says nothing of this log. */
bool case_quote_expected(struct log_case *test, const char *name, int *ret_secure_boot);
/* Replays and derives. */
void case_derive(struct log_case *test);
void case_clear(struct log_case *test);

/* case_parse(), case_quote(), case_derive(). */
void case_make(struct log_case *test, const struct log_maker *maker);

size_t count_findings(const struct evidence_boot *boot, enum evidence_boot_finding_kind kind);
