/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of a browser's native messaging: a 32-bit length in this machine's byte order, and a JSON text
 * (developer.chrome.com and MDN, "Native messaging"). Runs in attester-native-host; may be included by client/nativehost.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

#define NATIVEHOST_FRAME_BYTES_MAX     (64 * 1024) /* from the browser */
#define NATIVEHOST_ANSWER_BYTES_MAX    (16 * 1024) /* to the browser, which takes a mebibyte */
#define NATIVEHOST_CHALLENGE_BYTES_MAX (16 * 1024) /* as attester-agent takes */
#define NATIVEHOST_ORIGIN_BYTES_MAX    320

enum nativehost_frame_state {
        NATIVEHOST_FRAME_INCOMPLETE,
        NATIVEHOST_FRAME_COMPLETE,
        NATIVEHOST_FRAME_TOO_LONG, /* what follows cannot be told apart any more */
};

/* Looks for a frame at the start of `received`. *ret is the text within it; *ret_len what the frame takes in all. */
enum nativehost_frame_state nativehost_frame_find(struct base_bytes received, struct base_bytes *ret, size_t *ret_len);

enum nativehost_method {
        NATIVEHOST_AUTHORIZE, /* {"id", "method": "authorize", "challenge", "origin", "interactive"} */
        NATIVEHOST_STATUS,    /* {"id", "method": "status"} */
};

struct nativehost_request {
        bool has_id;
        uint32_t id; /* the extension's, to know the answer by */
        enum nativehost_method method;
        char *challenge; /* the value of WWW-Authenticate */
        char *origin;    /* host, and ":port" unless 443 */
        bool interactive;
};

void nativehost_request_clear(struct nativehost_request *request);
#define nativehost_auto_request BASE_CLEANUP(nativehost_request_clear)

/*
 * Parses a text. The caller clears `request`, also on failure, when it has the id if there was a good one.
 * Errors: MALFORMED (no JSON, a member that is missing, of the wrong type, unknown or there twice), LIMIT_EXCEEDED,
 * UNSUPPORTED (method), NO_MEMORY.
 */
bool nativehost_request_parse(struct base_bytes text, struct nativehost_request *request,
                              struct base_error *error) BASE_MUST_CHECK;

/* Appends a quoted string; `text` is UTF-8. */
void nativehost_json_put_string(struct base_buffer *to, const char *text);

/*
 * An answer's frame: start, members, end. start() writes the id, or null. end() sets the length; if the answer did not
 * fit, `to` is failed.
 */
void nativehost_answer_start(struct base_buffer *to, const struct nativehost_request *request);
void nativehost_answer_end(struct base_buffer *to);

/* A whole answer: {"id", "error": {"name", "message"}}. */
void nativehost_answer_error(struct base_buffer *to, const struct nativehost_request *request, const char *name,
                             const char *message);
