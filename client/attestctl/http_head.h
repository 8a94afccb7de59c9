/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header of a response, line by line: what attestctl wants of it. Runs in attestctl; may be included by client/attestctl
 * only.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define ATTESTCTL_HTTP_HEAD_BYTES_MAX  262144
#define ATTESTCTL_HTTP_FIELD_BYTES_MAX 65536 /* of all WWW-Authenticate fields together */
#define ATTESTCTL_HTTP_REASON_MAX      128

struct attestctl_http_head {
        unsigned status; /* 0: no status line yet */
        bool whole;      /* the empty line was there */
        struct base_buffer raw;
        struct base_buffer www_authenticate;    /* all fields of that name, joined with ", " */
        bool asks_for_token;                    /* "PrivateToken" is in one of them, in any spelling */
        char reason[ATTESTCTL_HTTP_REASON_MAX]; /* X-Attester-Reason, or "" */
        bool has_location;
};

void attestctl_http_head_init(struct attestctl_http_head *head);
void attestctl_http_head_clear(struct attestctl_http_head *head);

/*
 * Takes the next line, with its end. A status line behind an interim response (1xx) starts anew; what follows the empty line of
 * a final one is trailers, and counts for nothing. Errors: LIMIT_EXCEEDED. Source: RFC 9112, sections 4, 5 and 7.1.2.
 */
bool attestctl_http_head_take(struct attestctl_http_head *head, struct base_bytes line, struct base_error *error) BASE_MUST_CHECK;
