/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of version texts. Used wherever policies are evaluated; may be included by the folders that may include
 * policy/.
 */
#pragma once

/*
 * Negative, 0 or positive as `a` is older than, the same as or newer than `b`. Both are read from the left, in segments
 * of digits or of letters: numbers compare as numbers of any length (12.5 < 12.10, 1.01 = 1.1), letters by byte order,
 * and a number is newer than letters. Characters other than ASCII letters, digits and `- . ~ ^` are skipped. `~` is
 * older than anything, even the end (1.0~rc1 < 1.0); otherwise what has more is newer (12 < 12.0); `-` is older than
 * `^`, which is older than `.`, which is older than a segment.
 * Total and deterministic over any two texts; a total order. Source: the order of rpm's rpmvercmp() as `systemd-analyze
 * compare-versions` has it, and UAPI.10 (Version Format Specification), whose text differs from both about `~` and `^`.
 */
int policy_version_compare(const char *a, const char *b);
