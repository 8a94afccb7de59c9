/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a file a byte of an INI entry stands, which base/ini.h has joined from several lines. Used by the loader of
 * policy files only.
 */
#pragma once

#include "base/buffer.h"

struct policy_position {
        unsigned line;   /* from 1 */
        unsigned column; /* from 1, in bytes */
};

/* The place in `text` of column `column` of the entry that starts in line `line`, counted in the joined entry. */
struct policy_position policy_position_in_file(struct base_bytes text, unsigned line, unsigned column);

/* The place of the first character of line `line` that is no white space. */
struct policy_position policy_position_of_key(struct base_bytes text, unsigned line);
