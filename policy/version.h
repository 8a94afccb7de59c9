/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of version texts. Used wherever policies are evaluated; may be included by the folders that may include
 * policy/.
 */
#pragma once

#include <stdbool.h>

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

/* Which order versions are compared in. A rule says so itself, so that the device has no part in the choice. */
enum policy_version_order {
        POLICY_VERSION_PLAIN,  /* policy_version_compare() */
        POLICY_VERSION_DEBIAN, /* [EPOCH:]UPSTREAM[-REVISION]; deb-version(7), dpkg's lib/dpkg/version.c */
        POLICY_VERSION_RPM,    /* [EPOCH:]VERSION[-RELEASE]; rpm-version(7), rpm's rpmvercmp() */
        POLICY_VERSION_ORDER_COUNT,
};

/*
 * Whether a text is a version of that kind. Debian: an epoch below 2^31, an upstream version of letters, digits and `. + - ~ :`
 * that starts with a digit, a revision of letters, digits and `. + ~`. RPM: an epoch below 2^32, and a version and release of
 * letters, digits and `. _ + ~ ^`. In the plain order every text is one.
 */
bool policy_version_valid(enum policy_version_order order, const char *text);

/*
 * Negative, 0 or positive as `a` is older than, the same as or newer than `b`. Both are valid in that order. A Debian version
 * without a revision has the revision 0; an RPM version without a release is older than one with.
 */
int policy_version_compare_in(enum policy_version_order order, const char *a, const char *b);

/* "plain", "debian", "rpm": but for the first, the function's name in expressions. */
const char *policy_version_order_name(enum policy_version_order order);
