/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References inside an issuer directory, resolved against the directory's URL (RFC 3986, section 5) and held to its
 * origin. Used by directory.c, in attesterd and attester-gate.
 */
#pragma once

#include "base/error.h"

#define EVIDENCE_URI_MAX 512

/*
 * Resolves `reference` (absolute, "/path", or relative to the base's last slash) against `base`, an http or https URL. The
 * result has the base's scheme, host and port as the base writes them; hosts compare without case, default ports are
 * equal to absent ones. Refused: another origin, user information, fragments, "." and ".." segments, "//", anything but visible
 * ASCII, and a result longer than EVIDENCE_URI_MAX. Errors: INVALID_ARGUMENT (`base`), MALFORMED (`reference`).
 */
bool evidence_uri_resolve(const char *base, const char *reference, char ret[static EVIDENCE_URI_MAX + 1],
                          struct base_error *error) BASE_MUST_CHECK;
