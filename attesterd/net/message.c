/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/message.h"

#include "attesterd/net/request.h"

#include <string.h>

#define HAS_MAX_AGE     0x01U
#define HAS_RETRY_AFTER 0x02U
#define WANTS_EVENT_LOG 0x04U

static bool finish(const struct base_buffer *to, struct base_error *error)
{
        if (base_buffer_ok(to))
                return true;
        return base_error_set_no_memory(error);
}

static void put_header(struct base_buffer *to, enum net_message_kind kind, uint64_t id)
{
        base_buffer_put_u8(to, (uint8_t) kind);
        base_buffer_put_u64(to, id);
}

static void put_prefixed(struct base_buffer *to, struct base_bytes bytes)
{
        base_buffer_put_u16(to, (uint16_t) bytes.len);
        base_buffer_put_bytes(to, bytes);
}

static void put_text(struct base_buffer *to, const char *text)
{
        put_prefixed(to, base_bytes_from_string(text == NULL ? "" : text));
        base_buffer_put_u8(to, 0);
}

bool net_message_put_request(struct base_buffer *to, uint64_t id, unsigned trust_slot, const struct net_request *request,
                             struct base_error *error)
{
        if (!net_request_check(request, error))
                return false;
        if (request->body.len > NET_INLINE_BODY_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a body of more than %d bytes goes in pieces",
                                      NET_INLINE_BODY_MAX);
        put_header(to, NET_MESSAGE_REQUEST, id);
        base_buffer_put_u8(to, (uint8_t) trust_slot);
        base_buffer_put_u8(to, (uint8_t) request->method);
        put_text(to, request->url);
        put_text(to, request->content_type);
        put_text(to, request->accept);
        base_buffer_put_u8(to, (uint8_t) request->header_count);
        for (size_t i = 0; i < request->header_count; i++) {
                put_text(to, request->headers[i].name);
                put_text(to, request->headers[i].value);
        }
        put_prefixed(to, request->body);
        base_buffer_put_u32(to, request->timeout_ms);
        base_buffer_put_u32(to, request->response_bytes_max);
        return finish(to, error);
}

bool net_message_put_body(struct base_buffer *to, uint64_t id, struct base_bytes piece, struct base_error *error)
{
        if (piece.len == 0 || piece.len > NET_PIECE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a piece of a body has 1 to %d bytes",
                                      NET_PIECE_BYTES_MAX);
        put_header(to, NET_MESSAGE_BODY, id);
        put_prefixed(to, piece);
        return finish(to, error);
}

bool net_message_put_trust(struct base_buffer *to, unsigned trust_slot, struct base_bytes ca_bundle, struct base_error *error)
{
        if (ca_bundle.len > NET_CA_BUNDLE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the CA bundle is larger than %d bytes",
                                      NET_CA_BUNDLE_BYTES_MAX);
        base_buffer_put_u8(to, NET_MESSAGE_TRUST);
        base_buffer_put_u8(to, (uint8_t) trust_slot);
        put_prefixed(to, ca_bundle);
        return finish(to, error);
}

bool net_message_put_cancel(struct base_buffer *to, uint64_t id, struct base_error *error)
{
        put_header(to, NET_MESSAGE_CANCEL, id);
        return finish(to, error);
}

/* What a response may be, on both ends. */
static bool check_response(const struct net_response *response, struct base_error *error)
{
        if (response->status < 200 || response->status > 599 || (response->status / 100 == 3 && response->status != 304))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "an HTTP status of %u is no answer", response->status);
        if (strnlen(response->content_type, NET_MEDIA_TYPE_BYTES_MAX + 1) > NET_MEDIA_TYPE_BYTES_MAX ||
            strnlen(response->attestation_nonce, NET_NONCE_BYTES_MAX + 1) > NET_NONCE_BYTES_MAX ||
            strnlen(response->etag, NET_ETAG_BYTES_MAX + 1) > NET_ETAG_BYTES_MAX || response->body.len > NET_PIECE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "the answer's type, nonce, tag or body is over its limit");
        if (!net_text_is_printable(response->content_type) || !net_text_is_printable(response->attestation_nonce) ||
            !net_text_is_printable(response->etag))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "the answer's type, nonce or tag is not printable ASCII");
        if ((!response->has_max_age && response->max_age_seconds != 0) ||
            (!response->has_retry_after && response->retry_after_seconds != 0))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the answer has a number it says it has not");
        return true;
}

bool net_message_put_response(struct base_buffer *to, uint64_t id, const struct net_response *response, struct base_error *error)
{
        if (!check_response(response, error))
                return false;
        put_header(to, NET_MESSAGE_RESPONSE, id);
        base_buffer_put_u16(to, (uint16_t) response->status);
        put_text(to, response->content_type);
        put_text(to, response->attestation_nonce);
        put_text(to, response->etag);
        base_buffer_put_u8(to, (uint8_t) ((response->has_max_age ? HAS_MAX_AGE : 0) |
                                          (response->has_retry_after ? HAS_RETRY_AFTER : 0) |
                                          (response->event_log_wanted ? WANTS_EVENT_LOG : 0)));
        base_buffer_put_u32(to, response->max_age_seconds);
        base_buffer_put_u32(to, response->retry_after_seconds);
        put_prefixed(to, response->body);
        return finish(to, error);
}

bool net_message_put_failure(struct base_buffer *to, uint64_t id, enum net_failure failure, const char *detail,
                             struct base_error *error)
{
        char text[NET_FAILURE_DETAIL_BYTES_MAX + 1];
        size_t len = strnlen(detail, NET_FAILURE_DETAIL_BYTES_MAX);

        for (size_t i = 0; i < len; i++)
                text[i] = detail[i] >= 0x20 && detail[i] <= 0x7e ? detail[i] : '?';
        while (len > 0 && text[len - 1] == ' ')
                len--;
        text[len] = '\0';
        put_header(to, NET_MESSAGE_FAILURE, id);
        base_buffer_put_u8(to, (uint8_t) failure);
        put_text(to, text + strspn(text, " "));
        return finish(to, error);
}

/* A string of at most `bytes_max`: no NUL inside, one behind. */
static bool get_text(struct base_reader *from, size_t bytes_max, const char **ret)
{
        struct base_bytes bytes;
        uint8_t end;

        if (!base_reader_get_u16_prefixed(from, &bytes) || !base_reader_get_u8(from, &end))
                return false;
        if (end != 0 || bytes.len > bytes_max || memchr(bytes.data, '\0', bytes.len) != NULL)
                return false;
        *ret = (const char *) bytes.data;
        return true;
}

static bool get_optional_text(struct base_reader *from, size_t bytes_max, const char **ret)
{
        if (!get_text(from, bytes_max, ret))
                return false;
        if ((*ret)[0] == '\0')
                *ret = NULL;
        return true;
}

static bool get_request(struct base_reader *from, struct net_message *message)
{
        struct net_request *request = &message->request;
        uint8_t slot, method, count;

        if (!base_reader_get_u64(from, &message->id) || !base_reader_get_u8(from, &slot) || !base_reader_get_u8(from, &method) ||
            !get_text(from, NET_URL_BYTES_MAX, &request->url) ||
            !get_optional_text(from, NET_MEDIA_TYPE_BYTES_MAX, &request->content_type) ||
            !get_optional_text(from, NET_MEDIA_TYPE_BYTES_MAX, &request->accept) || !base_reader_get_u8(from, &count))
                return false;
        if (slot > NET_TRUST_SLOTS || method >= NET_METHOD_COUNT || count > NET_REQUEST_HEADERS_MAX)
                return false;
        message->trust_slot = slot;
        request->method = (enum net_method) method;
        request->header_count = count;
        for (size_t i = 0; i < count; i++)
                if (!get_text(from, NET_HEADER_NAME_BYTES_MAX, &request->headers[i].name) ||
                    !get_text(from, NET_HEADER_VALUE_BYTES_MAX, &request->headers[i].value))
                        return false;
        return base_reader_get_u16_prefixed(from, &request->body) && request->body.len <= NET_INLINE_BODY_MAX &&
               base_reader_get_u32(from, &request->timeout_ms) && base_reader_get_u32(from, &request->response_bytes_max);
}

static bool get_body(struct base_reader *from, struct net_message *message)
{
        return base_reader_get_u64(from, &message->id) && base_reader_get_u16_prefixed(from, &message->piece) &&
               message->piece.len > 0 && message->piece.len <= NET_PIECE_BYTES_MAX;
}

static bool get_trust(struct base_reader *from, struct net_message *message)
{
        uint8_t slot;

        if (!base_reader_get_u8(from, &slot) || !base_reader_get_u16_prefixed(from, &message->ca_bundle))
                return false;
        message->trust_slot = slot;
        return slot >= 1 && slot <= NET_TRUST_SLOTS && message->ca_bundle.len > 0 &&
               message->ca_bundle.len <= NET_CA_BUNDLE_BYTES_MAX;
}

static bool get_response(struct base_reader *from, struct net_message *message)
{
        struct net_response *response = &message->response;
        uint16_t status;
        uint8_t flags;

        if (!base_reader_get_u64(from, &message->id) || !base_reader_get_u16(from, &status) ||
            !get_text(from, NET_MEDIA_TYPE_BYTES_MAX, &response->content_type) ||
            !get_text(from, NET_NONCE_BYTES_MAX, &response->attestation_nonce) ||
            !get_text(from, NET_ETAG_BYTES_MAX, &response->etag) || !base_reader_get_u8(from, &flags) ||
            !base_reader_get_u32(from, &response->max_age_seconds) ||
            !base_reader_get_u32(from, &response->retry_after_seconds) || !base_reader_get_u16_prefixed(from, &response->body))
                return false;
        if ((flags & ~(HAS_MAX_AGE | HAS_RETRY_AFTER | WANTS_EVENT_LOG)) != 0)
                return false;
        response->status = status;
        response->has_max_age = (flags & HAS_MAX_AGE) != 0;
        response->has_retry_after = (flags & HAS_RETRY_AFTER) != 0;
        response->event_log_wanted = (flags & WANTS_EVENT_LOG) != 0;
        return true;
}

static bool get_failure(struct base_reader *from, struct net_message *message)
{
        uint8_t failure;

        if (!base_reader_get_u64(from, &message->id) || !base_reader_get_u8(from, &failure) ||
            !get_text(from, NET_FAILURE_DETAIL_BYTES_MAX, &message->failure_detail))
                return false;
        message->failure = (enum net_failure) failure;
        return failure < NET_FAILURE_COUNT && net_text_is_printable(message->failure_detail);
}

static bool get_message(struct base_reader *from, enum net_direction direction, struct net_message *message)
{
        bool to_child = direction == NET_TO_CHILD;
        uint8_t kind;

        if (!base_reader_get_u8(from, &kind))
                return false;
        message->kind = (enum net_message_kind) kind;
        switch (kind) {
        case NET_MESSAGE_REQUEST:
                return to_child && get_request(from, message) && message->id != 0;
        case NET_MESSAGE_BODY:
                return get_body(from, message) && message->id != 0;
        case NET_MESSAGE_TRUST:
                return to_child && get_trust(from, message);
        case NET_MESSAGE_CANCEL:
                return to_child && base_reader_get_u64(from, &message->id) && message->id != 0;
        case NET_MESSAGE_RESPONSE:
                return !to_child && get_response(from, message) && message->id != 0;
        case NET_MESSAGE_FAILURE:
                return !to_child && get_failure(from, message) && message->id != 0;
        default:
                return false;
        }
}

bool net_message_decode(struct base_bytes packet, enum net_direction direction, struct net_message *ret, struct base_error *error)
{
        struct base_reader from = base_reader_over(packet);
        struct net_message message = { 0 };

        if (!get_message(&from, direction, &message) || !base_reader_at_end(&from))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a message %s attester-net does not parse",
                                      direction == NET_TO_CHILD ? "to" : "from");
        if (message.kind == NET_MESSAGE_REQUEST && !net_request_check(&message.request, error))
                return false;
        if (message.kind == NET_MESSAGE_RESPONSE && !check_response(&message.response, error))
                return false;
        *ret = message;
        return true;
}
