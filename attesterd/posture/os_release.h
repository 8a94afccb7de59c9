/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os-release(5) files: the values that become facts. Used by the collector of os.* only.
 */
#pragma once

#include "base/buffer.h"
#include "policy/facts.h"

#define POSTURE_OS_RELEASE_BYTES_MAX (16 * 1024)

struct posture_os_release_value {
        bool present;
        unsigned malformed_line; /* the line whose value does not parse; 0 if it does */
        char text[POLICY_FACT_TEXT_BYTES_MAX + 1];
};

struct posture_os_release {
        struct posture_os_release_value id;
        struct posture_os_release_value version_id;
        struct posture_os_release_value build_id;
        struct posture_os_release_value support_end;
};

/*
 * Reads the known variables of a file: NAME=value with the value bare, in single or in double quotes, in which a
 * backslash stands before `$`, `"`, `\` and backtick. As in a shell, the last assignment of a name counts. Other lines
 * are passed over, whatever they hold; a known variable with a value that breaks the rules is marked malformed, and so
 * is one whose value is no clean text or too long for a fact. Total.
 * Source: os-release(5).
 */
void posture_os_release_parse(struct base_bytes text, struct posture_os_release *ret);
