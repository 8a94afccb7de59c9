/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/nativehost/message.h"

#include <jansson.h>
#include <string.h>

static void json_unref_p(json_t **json)
{
        json_decref(*json);
}

#define auto_json BASE_CLEANUP(json_unref_p)

enum nativehost_frame_state nativehost_frame_find(struct base_bytes received, struct base_bytes *ret, size_t *ret_len)
{
        uint32_t len;

        if (received.len < sizeof(len))
                return NATIVEHOST_FRAME_INCOMPLETE;
        memcpy(&len, received.data, sizeof(len));
        if (len > NATIVEHOST_FRAME_BYTES_MAX)
                return NATIVEHOST_FRAME_TOO_LONG;
        if (received.len - sizeof(len) < len)
                return NATIVEHOST_FRAME_INCOMPLETE;
        *ret = BASE_BYTES(received.data + sizeof(len), len);
        *ret_len = sizeof(len) + len;
        return NATIVEHOST_FRAME_COMPLETE;
}

void nativehost_request_clear(struct nativehost_request *request)
{
        free(request->challenge);
        free(request->origin);
        *request = (struct nativehost_request){ 0 };
}

static bool malformed(struct base_error *error, const char *why)
{
        (void) base_error_set(error, BASE_ERROR_MALFORMED,
                              "the browser's extension and attester-native-host do not understand "
                              "each other: install both from one version");
        base_error_set_detail(error, "%s", why);
        return false;
}

static bool copy(const char *text, size_t max, char **ret, struct base_error *error)
{
        if (strlen(text) > max)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the website's challenge is too long");
        *ret = strdup(text);
        return *ret != NULL || base_error_set_no_memory(error);
}

static bool authorize_parse(json_t *root, struct nativehost_request *request, struct base_error *error)
{
        const char *method, *challenge, *origin;
        json_error_t problem;
        json_int_t id;
        int interactive;

        if (json_unpack_ex(root, &problem, JSON_STRICT, "{s:I, s:s, s:s, s:s, s:b}", "id", &id, "method", &method, "challenge",
                           &challenge, "origin", &origin, "interactive", &interactive) < 0)
                return malformed(error, problem.text);
        request->method = NATIVEHOST_AUTHORIZE;
        request->interactive = interactive != 0;
        return copy(challenge, NATIVEHOST_CHALLENGE_BYTES_MAX, &request->challenge, error) &&
               copy(origin, NATIVEHOST_ORIGIN_BYTES_MAX, &request->origin, error);
}

static bool status_parse(json_t *root, struct nativehost_request *request, struct base_error *error)
{
        const char *method;
        json_error_t problem;
        json_int_t id;

        if (json_unpack_ex(root, &problem, JSON_STRICT, "{s:I, s:s}", "id", &id, "method", &method) < 0)
                return malformed(error, problem.text);
        request->method = NATIVEHOST_STATUS;
        return true;
}

bool nativehost_request_parse(struct base_bytes text, struct nativehost_request *request, struct base_error *error)
{
        json_error_t problem;
        auto_json json_t *root = json_loadb((const char *) text.data, text.len, JSON_REJECT_DUPLICATES, &problem);
        const json_t *id = json_object_get(root, "id");
        const char *method = json_string_value(json_object_get(root, "method"));

        *request = (struct nativehost_request){ 0 };
        if (root == NULL)
                return malformed(error, problem.text);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > UINT32_MAX)
                return malformed(error, "the message has no id");
        request->has_id = true;
        request->id = (uint32_t) json_integer_value(id);
        if (method == NULL)
                return malformed(error, "the message has no method");
        if (strcmp(method, "authorize") == 0)
                return authorize_parse(root, request, error);
        if (strcmp(method, "status") == 0)
                return status_parse(root, request, error);
        return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                              "this attester-native-host is older than the browser's extension: update attesterd");
}

void nativehost_json_put_string(struct base_buffer *to, const char *text)
{
        base_buffer_put_u8(to, '"');
        for (; *text != '\0'; text++) {
                unsigned char c = (unsigned char) *text;

                if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
                        base_buffer_printf(to, "\\u%04x", c);
                else
                        base_buffer_put_u8(to, c);
        }
        base_buffer_put_u8(to, '"');
}

void nativehost_answer_start(struct base_buffer *to, const struct nativehost_request *request)
{
        base_buffer_put_u32(to, 0);
        if (request->has_id)
                base_buffer_printf(to, "{\"id\":%u", (unsigned) request->id);
        else
                base_buffer_put_string(to, "{\"id\":null");
}

void nativehost_answer_end(struct base_buffer *to)
{
        uint32_t len;

        base_buffer_put_u8(to, '}');
        if (!base_buffer_ok(to))
                return;
        len = (uint32_t) (to->len - sizeof(len));
        memcpy(to->data, &len, sizeof(len));
}

void nativehost_answer_error(struct base_buffer *to, const struct nativehost_request *request, const char *name,
                             const char *message)
{
        nativehost_answer_start(to, request);
        base_buffer_put_string(to, ",\"error\":{\"name\":");
        nativehost_json_put_string(to, name);
        base_buffer_put_string(to, ",\"message\":");
        nativehost_json_put_string(to, message);
        base_buffer_put_string(to, "}");
        nativehost_answer_end(to);
}
