/* SPDX-License-Identifier: BSD-2-Clause */
/* A browser's messages, as a stream: what is found in it is within its limits, and each answer is one frame of JSON. */
#include "client/nativehost/message.h"

#include <jansson.h>
#include <string.h>

static void check_answer(const struct nativehost_request *request, const struct base_error *error)
{
        base_auto_buffer struct base_buffer answer = BASE_BUFFER_INIT(NATIVEHOST_ANSWER_BYTES_MAX);
        struct base_bytes text;
        json_t *root;
        size_t len;

        nativehost_answer_error(&answer, request, base_error_name(error->code), error->message);
        if (!base_buffer_ok(&answer) ||
            nativehost_frame_find(base_buffer_bytes(&answer), &text, &len) != NATIVEHOST_FRAME_COMPLETE || len != answer.len)
                abort();
        root = json_loadb((const char *) text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
        if (root == NULL || json_is_integer(json_object_get(root, "id")) != request->has_id)
                abort();
        json_decref(root);
}

static void check_text(const char *text)
{
        base_auto_buffer struct base_buffer quoted = BASE_BUFFER_INIT(8 * NATIVEHOST_FRAME_BYTES_MAX);
        json_t *string;

        nativehost_json_put_string(&quoted, text);
        string = json_loadb((const char *) quoted.data, quoted.len, JSON_DECODE_ANY, NULL);
        if (string == NULL || strcmp(json_string_value(string), text) != 0)
                abort();
        json_decref(string);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_bytes rest = BASE_BYTES(data, size);
        struct base_bytes text;
        size_t len;

        while (nativehost_frame_find(rest, &text, &len) == NATIVEHOST_FRAME_COMPLETE) {
                nativehost_auto_request struct nativehost_request request = { 0 };
                struct base_error error = BASE_ERROR_INIT;

                if (text.len > NATIVEHOST_FRAME_BYTES_MAX || len > rest.len)
                        abort();
                if (!nativehost_request_parse(text, &request, &error)) {
                        if (error.code == BASE_ERROR_NONE)
                                abort();
                        check_answer(&request, &error);
                } else if (request.method == NATIVEHOST_AUTHORIZE) {
                        if (strlen(request.challenge) > NATIVEHOST_CHALLENGE_BYTES_MAX ||
                            strlen(request.origin) > NATIVEHOST_ORIGIN_BYTES_MAX)
                                abort();
                        check_text(request.challenge);
                }
                rest = BASE_BYTES(rest.data + len, rest.len - len);
        }
        return 0;
}
