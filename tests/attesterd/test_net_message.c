/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/message.h"
#include "attesterd/net/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct net_request post(void)
{
        return (struct net_request){
                .method = NET_METHOD_POST,
                .url = "https://issuer.example:8443/token-request?x=1",
                .content_type = "application/private-token-request",
                .headers = { { "Attestation-Evidence", ":AAAA:" }, { "X-Other", "a b" } },
                .header_count = 2,
                .body = base_bytes_from_string("body"),
                .timeout_ms = 5000,
                .response_bytes_max = 1024,
        };
}

static void expect_refused(const struct net_request *request, enum base_error_code code)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_false(net_request_check(request, &error));
        assert_int_equal(error.code, code);
}

static void request_round_trip_is_equal(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_request request = post();
        struct net_message message;

        assert_true(net_message_put_request(&buffer, 7, 3, &request, NULL));
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_TO_CHILD, &message, NULL));
        assert_int_equal(message.kind, NET_MESSAGE_REQUEST);
        assert_int_equal(message.id, 7);
        assert_int_equal(message.trust_slot, 3);
        assert_int_equal(message.request.method, NET_METHOD_POST);
        assert_string_equal(message.request.url, request.url);
        assert_string_equal(message.request.content_type, request.content_type);
        assert_null(message.request.accept);
        assert_int_equal(message.request.header_count, 2);
        assert_string_equal(message.request.headers[1].value, "a b");
        assert_true(base_bytes_equal(message.request.body, request.body));
        assert_int_equal(message.request.timeout_ms, 5000);
        assert_int_equal(message.request.response_bytes_max, 1024);
        assert_false(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
}

static void largest_request_fits_one_message(void **state)
{
        static char value[NET_HEADER_VALUE_BYTES_MAX + 1], body[NET_INLINE_BODY_MAX + 1];
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_request request = post();

        memset(value, 'v', sizeof(value) - 1);
        for (size_t i = 0; i < NET_REQUEST_HEADERS_MAX; i++)
                request.headers[i] = (struct net_header){ "X-Large", value };
        request.header_count = NET_REQUEST_HEADERS_MAX;
        request.body = BASE_BYTES(body, NET_INLINE_BODY_MAX);
        assert_true(net_message_put_request(&buffer, 1, 0, &request, NULL));
        request.body = BASE_BYTES_OF(body);
        assert_false(net_message_put_request(&buffer, 1, 0, &request, NULL));
}

static void body_round_trip_is_equal_within_bounds(void **state)
{
        static uint8_t piece[NET_PIECE_BYTES_MAX + 1];
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_message message;

        assert_false(net_message_put_body(&buffer, 7, BASE_BYTES(piece, 0), NULL));
        assert_false(net_message_put_body(&buffer, 7, BASE_BYTES_OF(piece), NULL));
        assert_true(net_message_put_body(&buffer, 7, BASE_BYTES(piece, NET_PIECE_BYTES_MAX), NULL));
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_TO_CHILD, &message, NULL));
        assert_int_equal(message.kind, NET_MESSAGE_BODY);
        assert_int_equal(message.id, 7);
        assert_int_equal(message.piece.len, NET_PIECE_BYTES_MAX);
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
        assert_int_equal(message.piece.len, NET_PIECE_BYTES_MAX);
}

static void response_round_trip_is_equal(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_response response = {
                .status = 429,
                .content_type = "application/problem+json",
                .attestation_nonce = ":AA==:",
                .etag = "\"a\"",
                .event_log_wanted = true,
                .has_retry_after = true,
                .retry_after_seconds = UINT32_MAX,
                .body = base_bytes_from_string("{}"),
        };
        char long_tag[NET_ETAG_BYTES_MAX + 2];
        struct net_message message;

        memset(long_tag, 'e', sizeof(long_tag) - 1);
        long_tag[sizeof(long_tag) - 1] = '\0';
        assert_true(net_message_put_response(&buffer, UINT64_MAX, &response, NULL));
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
        assert_int_equal(message.id, UINT64_MAX);
        assert_int_equal(message.response.status, 429);
        assert_string_equal(message.response.attestation_nonce, ":AA==:");
        assert_string_equal(message.response.etag, "\"a\"");
        assert_false(message.response.has_max_age);
        assert_true(message.response.has_retry_after);
        assert_true(message.response.event_log_wanted);
        assert_int_equal(message.response.retry_after_seconds, UINT32_MAX);
        assert_true(base_bytes_equal(message.response.body, response.body));
        /* A status that is no answer, on either end. */
        buffer.data[9] = 302 >> 8;
        buffer.data[10] = 302 & 0xff;
        assert_false(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
        response.status = 302;
        assert_false(net_message_put_response(&buffer, 1, &response, NULL));
        base_buffer_reset(&buffer);
        response.status = 304;
        assert_true(net_message_put_response(&buffer, 1, &response, NULL));
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
        response.etag = long_tag;
        assert_false(net_message_put_response(&buffer, 1, &response, NULL));
}

static void failure_detail_is_made_printable_and_cut(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        char detail[1000];
        struct net_message message;

        memset(detail, 'd', sizeof(detail));
        detail[sizeof(detail) - 1] = '\0';
        memcpy(detail, " \x1b[31m\n", 7);
        assert_true(net_message_put_failure(&buffer, 2, NET_FAILURE_TLS, detail, NULL));
        assert_true(net_message_decode(base_buffer_bytes(&buffer), NET_FROM_CHILD, &message, NULL));
        assert_int_equal(message.failure, NET_FAILURE_TLS);
        assert_memory_equal(message.failure_detail, "?[31m?d", 7);
        assert_true(strlen(message.failure_detail) <= NET_FAILURE_DETAIL_BYTES_MAX);
}

static void decode_every_truncation_and_extension_is_refused(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
        struct net_request request = post();
        struct base_error error = BASE_ERROR_INIT;
        struct net_message message;

        assert_true(net_message_put_request(&buffer, 7, 0, &request, NULL));
        for (size_t len = 0; len < buffer.len; len++) {
                assert_false(net_message_decode(BASE_BYTES(buffer.data, len), NET_TO_CHILD, &message, &error));
                assert_int_equal(error.code, BASE_ERROR_MALFORMED);
        }
        base_buffer_put_u8(&buffer, 0);
        assert_false(net_message_decode(base_buffer_bytes(&buffer), NET_TO_CHILD, &message, &error));
}

static void decode_out_of_range_is_refused(void **state)
{
        static const uint8_t cancel_zero[] = { NET_MESSAGE_CANCEL, 0, 0, 0, 0, 0, 0, 0, 0 };
        static const uint8_t trust_zero[] = { NET_MESSAGE_TRUST, 0, 0, 1, 'x' };
        static const uint8_t trust_beyond[] = { NET_MESSAGE_TRUST, NET_TRUST_SLOTS + 1, 0, 1, 'x' };
        static const uint8_t trust_empty[] = { NET_MESSAGE_TRUST, 1, 0, 0 };
        static const uint8_t trust_good[] = { NET_MESSAGE_TRUST, 1, 0, 1, 'x' };
        static const uint8_t failure_beyond[] = { NET_MESSAGE_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1, NET_FAILURE_COUNT, 0, 0, 0 };
        static const uint8_t failure_control[] = { NET_MESSAGE_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, '\n', 0 };
        static const uint8_t failure_nul[] = { NET_MESSAGE_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0 };
        static const uint8_t failure_good[] = { NET_MESSAGE_FAILURE, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 'x', 0 };
        struct net_message message;

        assert_false(net_message_decode(BASE_BYTES_OF(cancel_zero), NET_TO_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(trust_zero), NET_TO_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(trust_beyond), NET_TO_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(trust_empty), NET_TO_CHILD, &message, NULL));
        assert_true(net_message_decode(BASE_BYTES_OF(trust_good), NET_TO_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(failure_beyond), NET_FROM_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(failure_control), NET_FROM_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(failure_nul), NET_FROM_CHILD, &message, NULL));
        assert_true(net_message_decode(BASE_BYTES_OF(failure_good), NET_FROM_CHILD, &message, NULL));
        assert_false(net_message_decode(BASE_BYTES_OF(failure_good), NET_TO_CHILD, &message, NULL));
}

static void check_url_other_forms_are_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "http://issuer.example/",
                "HTTPS://issuer.example/",
                "file:///etc/passwd",
                "https://",
                "https:///path",
                "https://user@issuer.example/",
                "https://issuer.example@evil.example/",
                "https://issuer.example:0/",
                "https://issuer.example:65536/",
                "https://issuer.example:/",
                "https://issuer.example\\@evil.example/",
                "https://issuer.example/#fragment",
                "https://issuer.example/a b",
                "https://issuer.example/\r\nX: y",
                "https://[::1/",
                "https://[]/",
        };
        static const char *const good[] = {
                "https://issuer.example",
                "https://issuer.example?q",
                "https://127.0.0.1:1/",
                "https://[::1]:8443/p%20q",
        };
        struct net_request request = post();

        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                request.url = bad[i];
                expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        }
        for (size_t i = 0; i < BASE_COUNT(good); i++) {
                request.url = good[i];
                assert_true(net_request_check(&request, NULL));
        }
}

static void check_header_injection_is_refused(void **state)
{
        static const struct net_header bad[] = {
                { "X-Evil", "a\r\nHost: evil.example" },
                { "X-Evil", "a\nb" },
                { "X-Evil", "" },
                { "X-Evil", " a" },
                { "X-Evil", "a\x7f" },
                { "X Evil", "a" },
                { "X-Evil:", "a" },
                { "X-Evil\r\n", "a" },
                { "", "a" },
                { "Host", "evil.example" },
                { "content-length", "5" },
                { "Transfer-Encoding", "chunked" },
                { "Cookie", "a=b" },
        };
        struct net_request request = post();

        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                request.headers[1] = bad[i];
                expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        }
        request = post();
        request.content_type = "text/plain\r\nX: y";
        expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        request = post();
        request.accept = "a\nb";
        expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        request = post();
        assert_true(net_request_check(&request, NULL));
}

static void check_over_limits_is_refused(void **state)
{
        static char text[70000];
        static uint8_t large[NET_REQUEST_BODY_MAX + 1];
        struct net_request request = post();

        memset(text, 'a', sizeof(text) - 1);
        request.headers[0].value = text;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.headers[0].name = text;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.url = text;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.content_type = text;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.header_count = NET_REQUEST_HEADERS_MAX + 1;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.body = BASE_BYTES(large, NET_REQUEST_BODY_MAX);
        assert_true(net_request_check(&request, NULL));
        request.body = BASE_BYTES_OF(large);
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.ca_bundle = BASE_BYTES(text, NET_CA_BUNDLE_BYTES_MAX + 1);
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.response_bytes_max = NET_DOWNLOAD_BODY_MAX + 1;
        expect_refused(&request, BASE_ERROR_LIMIT_EXCEEDED);
        request = post();
        request.timeout_ms = NET_TIMEOUT_MS_MAX + 1;
        expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        request = post();
        request.method = NET_METHOD_GET;
        expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
        request.method = NET_METHOD_COUNT;
        expect_refused(&request, BASE_ERROR_INVALID_ARGUMENT);
}

static void failure_every_reason_names_the_host(void **state)
{
        for (int failure = 0; failure < NET_FAILURE_COUNT; failure++) {
                struct base_error error = BASE_ERROR_INIT;

                assert_false(net_failure_to_error((enum net_failure) failure, "issuer.example", "why", &error));
                assert_int_not_equal(error.code, BASE_ERROR_NONE);
                assert_non_null(strstr(error.message, "issuer.example"));
                assert_string_equal(error.detail, "attester-net: why");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(request_round_trip_is_equal),
                cmocka_unit_test(largest_request_fits_one_message),
                cmocka_unit_test(response_round_trip_is_equal),
                cmocka_unit_test(body_round_trip_is_equal_within_bounds),
                cmocka_unit_test(failure_detail_is_made_printable_and_cut),
                cmocka_unit_test(decode_every_truncation_and_extension_is_refused),
                cmocka_unit_test(decode_out_of_range_is_refused),
                cmocka_unit_test(check_url_other_forms_are_refused),
                cmocka_unit_test(check_header_injection_is_refused),
                cmocka_unit_test(check_over_limits_is_refused),
                cmocka_unit_test(failure_every_reason_names_the_host),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
