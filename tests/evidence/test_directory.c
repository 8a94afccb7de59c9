/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/directory.h"
#include "tests/evidence/support.h"

#include <string.h>

#define URL     "https://issuer.example/.well-known/private-token-issuer-directory"
#define PROFILE "\"profile\":\"tag:attesterd.org,2026:evidence-1\""

static struct evidence_directory directory;

static bool parse(const char *text, struct base_error *error)
{
        return evidence_directory_parse(base_bytes_from_string(text), URL, &directory, error);
}

static void parse_whole_directory_accepted(void **state)
{
        struct base_error error;

        assert_ok(parse("{\"issuer-request-uri\":\"/token-request\",\"token-keys\":["
                        "{\"token-type\":2,\"token-key\":\"AAEC\",\"not-before\":1760000000},"
                        "{\"token-type\":1,\"token-key\":\"-_8=\",\"extra\":[1,{}]}],"
                        "\"attestation\":{" PROFILE
                        ",\"nonce-uri\":\"/nonce\",\"enroll-uri\":\"https://ISSUER.example:443/enroll\","
                        "\"event-log-uri\":\"log?x=1\",\"other\":null},\"more\":true}",
                        &error));
        assert_string_equal(directory.request_uri, "https://issuer.example/token-request");
        assert_int_equal(directory.key_count, 2);
        assert_int_equal(directory.keys[0].token_type, 2);
        assert_true(directory.keys[0].not_before == 1760000000);
        assert_int_equal(directory.keys[0].len, 3);
        assert_memory_equal(directory.keys[0].bytes, "\0\1\2", 3);
        assert_int_equal(directory.keys[1].len, 2);
        assert_true(directory.keys[1].not_before == 0);
        assert_true(directory.has_attestation);
        assert_string_equal(directory.nonce_uri, "https://issuer.example/nonce");
        assert_string_equal(directory.enroll_uri, "https://issuer.example/enroll");
        assert_string_equal(directory.event_log_uri, "https://issuer.example/.well-known/log?x=1");
}

static void parse_without_or_with_other_attestation_has_none(void **state)
{
        struct base_error error;

        assert_ok(parse("{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAEC\"}]}", &error));
        assert_false(directory.has_attestation);
        assert_ok(parse("{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAEC\"}],"
                        "\"attestation\":{\"profile\":\"other\",\"nonce-uri\":\"https://elsewhere.example/\"}}",
                        &error));
        assert_false(directory.has_attestation);
        assert_string_equal(directory.nonce_uri, "");
}

#define KEYS "\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAEC\"}]"

static void parse_malformed_refused(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "", "JSON" },
                { "[]", "JSON" },
                { "{\"issuer-request-uri\":\"/t\"," KEYS "} x", "JSON" },
                { "{\"issuer-request-uri\":\"/t\",\"issuer-request-uri\":\"/u\"," KEYS "}", "JSON" },
                { "{" KEYS "}", "\"issuer-request-uri\" is missing" },
                { "{\"issuer-request-uri\":7," KEYS "}", "not a string" },
                { "{\"issuer-request-uri\":\"\"," KEYS "}", "empty" },
                { "{\"issuer-request-uri\":\"/t\"}", "token-keys" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[]}", "token-keys" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":{}}", "token-keys" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[7]}", "token-keys" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-key\":\"AAEC\"}]}", "\"token-type\" is missing" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":65536,\"token-key\":\"AAEC\"}]}",
                  "token-type" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":-1,\"token-key\":\"AAEC\"}]}", "token-type" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":\"2\",\"token-key\":\"AAEC\"}]}",
                  "token-type" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2.0,\"token-key\":\"AAEC\"}]}", "token-type" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2}]}", "token-key" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"\"}]}", "token-key" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"A+/=\"}]}", "token-key" },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAEC\",\"not-before\":-1}]}",
                  "not-before" },
                { "{\"issuer-request-uri\":\"/t\"," KEYS ",\"attestation\":[]}", "attestation" },
                { "{\"issuer-request-uri\":\"/t\"," KEYS ",\"attestation\":{}}", "attestation" },
                { "{\"issuer-request-uri\":\"/t\"," KEYS ",\"attestation\":{" PROFILE
                  ",\"nonce-uri\":\"http://issuer.example/n\"}}",
                  "nonce-uri" },
        };

        memset(&directory, 0, sizeof(directory));
        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct base_error error;

                assert_refused(parse(cases[i].text, &error), BASE_ERROR_MALFORMED, cases[i].message);
        }
        assert_int_equal(directory.key_count, 0);
}

static void parse_over_limits_refused(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(EVIDENCE_DIRECTORY_BYTES_MAX + 1);
        struct base_error error;

        base_buffer_put_string(&text, "{\"issuer-request-uri\":\"/t\",\"token-keys\":[");
        for (int i = 0; i <= EVIDENCE_DIRECTORY_KEYS_MAX; i++)
                base_buffer_printf(&text, "%s{\"token-type\":%d,\"token-key\":\"AAEC\"}", i == 0 ? "" : ",", i);
        base_buffer_put_string(&text, "]}");
        assert_refused(parse(base_buffer_c_string(&text), &error), BASE_ERROR_LIMIT_EXCEEDED, "16");

        base_buffer_reset(&text);
        base_buffer_put_string(&text, "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"");
        for (int i = 0; i < 1368; i++)
                base_buffer_put_u8(&text, 'A');
        base_buffer_put_string(&text, "\"}]}");
        assert_refused(parse(base_buffer_c_string(&text), &error), BASE_ERROR_LIMIT_EXCEEDED, "1024");

        base_buffer_reset(&text);
        for (int i = 0; i <= EVIDENCE_DIRECTORY_BYTES_MAX; i++)
                base_buffer_put_u8(&text, '[');
        assert_refused(evidence_directory_parse(base_buffer_bytes(&text), URL, &directory, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "65536");
        /* Deep nesting within the size limit is refused, and does not exhaust the stack. */
        assert_refused(evidence_directory_parse(BASE_BYTES(text.data, EVIDENCE_DIRECTORY_BYTES_MAX), URL, &directory, &error),
                       BASE_ERROR_MALFORMED, "JSON");
}

static void uri_resolve_same_origin_accepted(void **state)
{
        static const struct {
                const char *base, *reference, *wanted;
        } cases[] = {
                { "https://a.example/d/x", "/t", "https://a.example/t" },
                { "https://a.example/d/x", "t", "https://a.example/d/t" },
                { "https://a.example/d/x?q=/y", "t?z=1", "https://a.example/d/t?z=1" },
                { "https://a.example", "t", "https://a.example/t" },
                { "https://a.example", "/", "https://a.example/" },
                { "https://a.example:8443/d", "https://A.example:8443/t", "https://a.example:8443/t" },
                { "https://a.example:443/d", "HTTPS://a.example/t", "https://a.example:443/t" },
                { "http://127.0.0.1:8080/d", "http://127.0.0.1:8080/t/u", "http://127.0.0.1:8080/t/u" },
                { "http://[::1]:80/d", "http://[::1]/t", "http://[::1]:80/t" },
                { "https://a.example/d", "/t?u=http://b.example/", "https://a.example/t?u=http://b.example/" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                char uri[EVIDENCE_URI_MAX + 1];
                struct base_error error;

                assert_ok(evidence_uri_resolve(cases[i].base, cases[i].reference, uri, &error));
                assert_string_equal(uri, cases[i].wanted);
        }
}

static void uri_resolve_other_origin_or_odd_path_refused(void **state)
{
        static const char *const references[] = {
                "https://b.example/t",
                "http://a.example/t",
                "https://a.example:444/t",
                "https://a.example.b.example/t",
                "https://user@a.example/t",
                "//b.example/t",
                "/\\b.example/t",
                "https://a.example@b.example/t",
                "javascript://a.example/",
                "/a/../b",
                "../t",
                "./t",
                "/a//b",
                "/t#fragment",
                "/white space",
                "/t\n",
                "https://a.example",
                "https://a.example:0/t",
                "https://a.example:65536/t",
                "https://a.example:/t",
                "https://a.example:443x/t",
                "https:///t",
                "https://[::1/t",
                "/\xc3\xbc",
                "ftp://a.example/t",
                "https://a.example:+443/t",
        };
        char uri[EVIDENCE_URI_MAX + 1] = "unchanged", too_long[EVIDENCE_URI_MAX + 2];
        struct base_error error;

        for (size_t i = 0; i < BASE_COUNT(references); i++)
                assert_refused(evidence_uri_resolve("https://a.example/d", references[i], uri, &error), BASE_ERROR_MALFORMED,
                               "URI");
        memset(too_long, 'x', sizeof(too_long) - 1);
        too_long[0] = '/';
        too_long[sizeof(too_long) - 1] = '\0';
        assert_refused(evidence_uri_resolve("https://a.example/d", too_long, uri, &error), BASE_ERROR_MALFORMED, "too long");
        too_long[EVIDENCE_URI_MAX] = '\0';
        assert_refused(evidence_uri_resolve("https://a.example/d", too_long, uri, &error), BASE_ERROR_MALFORMED, "too long");
        assert_refused(evidence_uri_resolve("ftp://a.example/d", "/t", uri, &error), BASE_ERROR_INVALID_ARGUMENT, "URL");
        assert_refused(evidence_uri_resolve("https:///d", "/t", uri, &error), BASE_ERROR_INVALID_ARGUMENT, "URL");
        assert_string_equal(uri, "unchanged");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_whole_directory_accepted),
                cmocka_unit_test(parse_without_or_with_other_attestation_has_none),
                cmocka_unit_test(parse_malformed_refused),
                cmocka_unit_test(parse_over_limits_refused),
                cmocka_unit_test(uri_resolve_same_origin_accepted),
                cmocka_unit_test(uri_resolve_other_origin_or_odd_path_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
