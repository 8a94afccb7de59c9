/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is read from an issuer's response header, and what curl's results mean. Runs in attester-net; may be included by
 * attester-net's own files.
 */
#pragma once

#include "attesterd/net/message.h"

#include <curl/curl.h>

/*
 * Looks through one Cache-Control field value (RFC 9111, section 5.2): true, with `ret` set, if it limits the age.
 * no-store and no-cache count as 0; a number that does not fit counts as the largest that does.
 */
bool net_answer_parse_max_age(const char *value, uint32_t *ret);

/* Retry-After in seconds (RFC 9110, section 10.2.3); false for a date or anything else. */
bool net_answer_parse_retry_after(const char *value, uint32_t *ret);

/*
 * Reads the header of a finished transfer; the strings in `ret` live as long as `easy`. A content type or nonce that is
 * over its limit or not printable is read as absent. `ret->body` is left alone.
 */
void net_answer_read_header(CURL *easy, struct net_response *ret);

/* The reason for a transfer's failure with `code`, which is not CURLE_OK. */
enum net_failure net_answer_failure(CURL *easy, CURLcode code);
