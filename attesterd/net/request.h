/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which requests may be made at all. The daemon's end checks before it sends, attester-net checks again what it got.
 * May be included by attesterd/net/.
 */
#pragma once

#include "attesterd/net/transport.h"

#define NET_HOST_BYTES_MAX 261 /* a name of 253, and `:65535`; with the NUL */

/*
 * Checks every field: URL form, header names and values (RFC 9110, section 5: no control characters, so that no value
 * can start a line of its own; no name that frames the message or that curl sets), lengths, limits.
 * Errors: INVALID_ARGUMENT and LIMIT_EXCEEDED, naming the field.
 */
bool net_request_check(const struct net_request *request, struct base_error *error) BASE_MUST_CHECK;

/*
 * Copies host and, if there is one, `:port` of an https URL as the net_request_check() accepts them, for sentences.
 * Errors: INVALID_ARGUMENT.
 */
bool net_url_get_host(const char *url, char ret[static NET_HOST_BYTES_MAX], struct base_error *error) BASE_MUST_CHECK;

/* Whether `text` is of 0x20–0x7e only and does not start or end with a space. "" is. */
bool net_text_is_printable(const char *text);
