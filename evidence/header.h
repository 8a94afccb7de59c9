/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields that are one RFC 9651 byte sequence (":<base64>:"): Attestation-Evidence and Attestation-Nonce.
 * Used by attesterd, attester-net and attester-issuer.
 */
#pragma once

#include "base/buffer.h"

#define EVIDENCE_HEADER_NAME           "Attestation-Evidence"
#define EVIDENCE_NONCE_HEADER_NAME     "Attestation-Nonce"
#define EVIDENCE_EVENT_LOG_HEADER_NAME "Attestation-Event-Log" /* of a response: the verifier knows nothing of this boot */
#define EVIDENCE_EVENT_LOG_WANTED      "wanted"
#define EVIDENCE_HEADER_TEXT_BYTES_MAX 6144

/* Appends the text. */
void evidence_header_encode(struct base_bytes value, struct base_buffer *to);

/*
 * Appends the bytes of a field value: spaces around are skipped; padding may be absent (RFC 9651, section 4.2.7); parameters,
 * more than EVIDENCE_HEADER_TEXT_BYTES_MAX characters and everything else are refused. False leaves `to` unchanged.
 */
bool evidence_header_decode(const char *text, size_t len, struct base_buffer *to) BASE_MUST_CHECK;
