/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/nonce.h"

#include "base/hash.h"

#include <string.h>

#define SIGNED_LEN 16 /* expiry and random */
#define TAG_LEN    (EVIDENCE_NONCE_LEN - SIGNED_LEN)

/* The same secret may also serve enrolment; the label keeps the two apart. */
static bool make_tag(struct base_bytes key, struct base_bytes head, uint8_t ret[static BASE_SHA256_LEN], struct base_error *error)
{
        const struct base_bytes pieces[] = { base_bytes_from_string("attesterd nonce"), head };

        if (key.len < EVIDENCE_NONCE_KEY_BYTES_MIN)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The nonce key must have at least %d bytes.",
                                      EVIDENCE_NONCE_KEY_BYTES_MIN);
        return base_hmac_sha256(key, pieces, BASE_COUNT(pieces), ret, error);
}

bool evidence_nonce_issue(struct base_bytes key, uint64_t now, uint32_t lifetime_seconds, const struct base_random *random,
                          uint8_t ret[static EVIDENCE_NONCE_LEN], struct base_error *error)
{
        base_auto_buffer struct base_buffer nonce = BASE_BUFFER_INIT(EVIDENCE_NONCE_LEN);
        uint8_t salt[SIGNED_LEN - sizeof(uint64_t)], tag[BASE_SHA256_LEN];

        if (now > UINT64_MAX - lifetime_seconds)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "The clock is beyond all reason.");
        if (!random->fill(random->context, salt, sizeof(salt), error))
                return false;
        base_buffer_put_u64(&nonce, now + lifetime_seconds);
        base_buffer_put(&nonce, salt, sizeof(salt));
        if (!base_buffer_ok(&nonce))
                return base_error_set_no_memory(error);
        if (!make_tag(key, base_buffer_bytes(&nonce), tag, error))
                return false;
        base_buffer_put(&nonce, tag, TAG_LEN);
        if (!base_buffer_ok(&nonce))
                return base_error_set_no_memory(error);
        memcpy(ret, nonce.data, EVIDENCE_NONCE_LEN);
        return true;
}

bool evidence_nonce_check(struct base_bytes key, struct base_bytes nonce, uint64_t now, enum evidence_nonce_state *ret,
                          struct base_error *error)
{
        struct base_reader reader = base_reader_over(nonce);
        uint8_t tag[BASE_SHA256_LEN];
        uint64_t expires;

        if (nonce.len != EVIDENCE_NONCE_LEN || !base_reader_get_u64(&reader, &expires)) {
                *ret = EVIDENCE_NONCE_FOREIGN;
                return true;
        }
        if (!make_tag(key, BASE_BYTES(nonce.data, SIGNED_LEN), tag, error))
                return false;
        if (!base_bytes_equal(BASE_BYTES(nonce.data + SIGNED_LEN, TAG_LEN), BASE_BYTES(tag, TAG_LEN)))
                *ret = EVIDENCE_NONCE_FOREIGN;
        else
                *ret = now < expires ? EVIDENCE_NONCE_VALID : EVIDENCE_NONCE_EXPIRED;
        return true;
}
