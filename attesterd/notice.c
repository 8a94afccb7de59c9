/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/notice.h"

/* FNV-1a: nothing is gained by making two texts collide but a line less in the log. */
static uint64_t digest_of(const char *text)
{
        uint64_t digest = 0xcbf29ce484222325u;

        for (; *text != '\0'; text++)
                digest = (digest ^ (unsigned char) *text) * 0x100000001b3u;
        return digest;
}

bool attesterd_notice_due(struct attesterd_notice *notice, const char *text, uint64_t now_ms)
{
        uint64_t digest = digest_of(text);
        uint64_t apart_ms = notice->digest == digest ? ATTESTERD_NOTICE_AGAIN_MS : ATTESTERD_NOTICE_APART_MS;

        if (notice->given && now_ms - notice->given_ms < apart_ms)
                return false;
        *notice = (struct attesterd_notice){ .given = true, .given_ms = now_ms, .digest = digest };
        return true;
}
