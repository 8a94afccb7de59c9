/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom policy bundles are believed: a key, or an authority that certifies keys. May be included by whoever includes policy/. */
#pragma once

#include "base/hash.h"

#define POLICY_ANCHORS_MAX 8

enum policy_anchor_kind {
        POLICY_ANCHOR_KEY = 1,   /* it signs bundles itself */
        POLICY_ANCHOR_AUTHORITY, /* it certifies who does */
};

struct policy_anchor {
        uint8_t kind;                    /* enum policy_anchor_kind */
        uint8_t digest[BASE_SHA256_LEN]; /* SHA-256 of its SubjectPublicKeyInfo in DER */
};

/* Less than, equal to or greater than 0, by kind and then digest. */
int policy_anchor_compare(const struct policy_anchor *a, const struct policy_anchor *b);

/* Whether `anchor` is one of `count`. */
bool policy_anchor_is_in(const struct policy_anchor *anchor, const struct policy_anchor *anchors, size_t count);
