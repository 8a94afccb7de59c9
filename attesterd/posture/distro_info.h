/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of releases that the package distro-info-data installs. Used by the collector of os.* only.
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_DISTRO_INFO_BYTES_MAX (64 * 1024)
#define POSTURE_DATE_LEN              10 /* 2027-01-31 */

/* Whether a text has the form of a date. */
bool posture_date_valid(const char *text);

/*
 * Finds the release with a version as os-release's VERSION_ID has it ("12"; "24.04" finds "24.04 LTS") and takes the date in
 * the column "eol", the end of the distribution's regular support. Returns NULL and sets `ret`, or returns what is wrong.
 * Source: the README of distro-info-data: lines of values between commas, of which the first names the columns.
 */
const char *posture_distro_info_end(struct base_bytes csv, const char *version, char ret[POSTURE_DATE_LEN + 1]) BASE_MUST_CHECK;
