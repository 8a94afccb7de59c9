/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/address.h"
#include "issuer/config.h"
#include "issuer/keys.h"

#define ISSUER_LINES                                                                                                             \
        "[Issuer]\nName=issuer.test\nListen=127.0.0.1:0\nStateDirectory=/var/lib/x\nCertificate=/c.pem\n"                        \
        "CertificateKey=/k.pem\n"

static bool parse(const char *text, struct issuer_config *config, struct base_error *error)
{
        return issuer_config_parse("f.conf", base_bytes_from_string(text), config, error);
}

static void parse_smallest_file_has_defaults(void **state)
{
        issuer_auto_config struct issuer_config config = { 0 };
        struct base_error error;

        assert_ok(parse(ISSUER_LINES "[Verifier]\nRequireEkCertificate=no\n", &config, &error));
        assert_string_equal(config.name, "issuer.test");
        assert_true(config.tls);
        assert_true(config.require_evidence);
        assert_int_equal(config.ek_requirement, ISSUER_EK_ANY);
        assert_int_equal(config.nonce_lifetime_s, 120);
        assert_int_equal(config.tokens_per_day, 0);
        assert_null(config.policy_directory);
        assert_null(config.metrics_listen);
        assert_int_equal(config.token_types, ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA));
        assert_in_range(config.threads, 1, 16);
}

static void parse_every_key_is_taken(void **state)
{
        issuer_auto_config struct issuer_config config = { 0 };
        struct base_error error;

        assert_ok(parse(ISSUER_LINES
                        "Tls=no\nMetricsListen=[::1]:9090\nThreads=3\nConnectionsMax=99\nIdleTimeout=5\nRequestTimeout=6\n"
                        "[Verifier]\nRequireEvidence=no\nRequireEkCertificate=yes\nEkCaFile=/a\nEkCaDirectory=/b\n"
                        "EkAllowList=/c\nNonceLifetime=30\nPolicy=/p\nTokensPerDay=50\nReferenceValues=/r\n"
                        "EventLogsPerHour=7\nEnrollmentsPerHour=8\n[Keys]\nRotateDays=90\nTypes=voprf blind-rsa\n",
                        &config, &error));
        assert_false(config.tls);
        assert_string_equal(config.metrics_listen, "[::1]:9090");
        assert_int_equal(config.threads, 3);
        assert_int_equal(config.connections_max, 99);
        assert_int_equal(config.idle_timeout_s, 5);
        assert_int_equal(config.request_timeout_s, 6);
        assert_false(config.require_evidence);
        assert_int_equal(config.ek_requirement, ISSUER_EK_CERTIFICATE);
        assert_string_equal(config.ek_ca_file, "/a");
        assert_string_equal(config.ek_ca_directory, "/b");
        assert_string_equal(config.ek_allow_list, "/c");
        assert_int_equal(config.nonce_lifetime_s, 30);
        assert_string_equal(config.policy_directory, "/p");
        assert_int_equal(config.tokens_per_day, 50);
        assert_int_equal(config.rotate_days, 90);
        assert_int_equal(config.token_types, ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA) | ISSUER_TYPE_BIT(TOKEN_TYPE_VOPRF));
        assert_string_equal(config.reference_values, "/r");
        assert_int_equal(config.event_logs_per_hour, 7);
        assert_int_equal(config.enrollments_per_hour, 8);
}

static void parse_named_sections_are_kept_apart(void **state)
{
        issuer_auto_config struct issuer_config config = { 0 };
        struct base_error error;

        assert_ok(parse(ISSUER_LINES "[Approver a]\nPublicKey=/a.pem\n[Group x]\nTokensPerDay=5\n[Approver b-2]\nPolicyRef=two\n"
                                     "Pcrs=sha256:7,11\nPublicKey=/b.pem\n[Group y.z]\nTokensPerDay=0\n"
                                     "[Verifier]\nRequireEkCertificate=no\n",
                        &config, &error));
        assert_int_equal(config.approver_count, 2);
        assert_string_equal(config.approvers[0].name, "a");
        assert_string_equal(config.approvers[0].public_key, "/a.pem");
        assert_null(config.approvers[0].policy_ref);
        assert_int_equal(config.approvers[0].pcrs.mask, 0);
        assert_string_equal(config.approvers[1].name, "b-2");
        assert_string_equal(config.approvers[1].public_key, "/b.pem");
        assert_string_equal(config.approvers[1].policy_ref, "two");
        assert_int_equal(config.approvers[1].pcrs.mask, 1 << 7 | 1 << 11);
        assert_int_equal(config.group_count, 2);
        assert_string_equal(config.groups[0].name, "x");
        assert_int_equal(config.groups[0].tokens_per_day, 5);
        assert_string_equal(config.groups[1].name, "y.z");
        assert_int_equal(config.groups[1].tokens_per_day, 0);
}

static void parse_more_named_sections_than_fit_is_limit_exceeded(void **state)
{
        char text[8192] = "";
        struct issuer_config config = { 0 };
        struct base_error error;
        size_t len = 0;

        for (int i = 0; i <= ISSUER_APPROVERS_MAX; i++)
                len += (size_t) snprintf(text + len, sizeof(text) - len, "[Approver a%d]\nPublicKey=/a.pem\n", i);
        assert_refused(parse(text, &config, &error), BASE_ERROR_LIMIT_EXCEEDED, "more than 32");
        len = 0;
        for (int i = 0; i <= ISSUER_GROUPS_MAX; i++)
                len += (size_t) snprintf(text + len, sizeof(text) - len, "[Group g%d]\nTokensPerDay=1\n", i);
        assert_refused(parse(text, &config, &error), BASE_ERROR_LIMIT_EXCEEDED, "more than 64");
}

static void parse_bad_line_names_its_place(void **state)
{
        static const struct {
                const char *text;
                const char *mention;
        } cases[] = {
                { "[Isuer]\n", "f.conf:1:2: there is no section [Isuer]" },
                { "[Issuer]\n  Listn = x\n", "f.conf:2:3: section [Issuer] has no key Listn" },
                { "[Verifier]\nListen=127.0.0.1:1\n", "f.conf:2:1: section [Verifier] has no key Listen" },
                { "[Issuer]\nListen=example.org:443\n", "f.conf:2:8: Listen: " },
                { "[Issuer]\nListen=127.0.0.1:65536\n", "f.conf:2:8: Listen: " },
                { "[Issuer]\nThreads=0\n", "f.conf:2:9: Threads: a number from 1 to 64" },
                { "[Issuer]\nThreads=99999999999999999999999\n", "f.conf:2:9: Threads: " },
                { "[Issuer]\nThreads=2x\n", "f.conf:2:9: Threads: " },
                { "[Issuer]\nThreads=\n", "f.conf:2:9: Threads: " },
                { "[Issuer]\nTls=true\n", "f.conf:2:5: Tls: \"yes\" or \"no\"" },
                { "[Issuer]\nCertificate=c.pem\n", "f.conf:2:13: Certificate: an absolute path" },
                { "[Issuer]\nName=\n", "f.conf:2:6: Name: a value is needed" },
                { "[Verifier]\nRequireEkCertificate=maybe\n", "f.conf:2:22: RequireEkCertificate: " },
                { "[Keys]\nTypes=\n", "f.conf:2:7: Types: a value" },
                { "[Keys]\nTypes=blind-rsa ristretto\n", "f.conf:2:7: Types: \"blind-rsa\", \"voprf\" or both" },
                { "[Keys]\nTypes=voprf voprf\n", "f.conf:2:7: Types: \"blind-rsa\", \"voprf\" or both" },
                { "[Verifier]\nEventLogsPerHour=0\n", "f.conf:2:18: EventLogsPerHour: a number from 1 to 1000" },
                { "[Approver]\n", "f.conf:1:2: there is no section [Approver]" },
                { "[Approver a/b]\n", "f.conf:1:2: [Approver a/b]: a name has" },
                { "[Approver a]\nName=x\n", "f.conf:2:1: section [Approver a] has no key Name" },
                { "[Approver a]\nPublicKey=x\n", "f.conf:2:11: PublicKey: an absolute path" },
                { "[Approver a]\n[Approver a]\n", "f.conf:2:2: there are two sections [Approver a]" },
                { "[Group a]\n[Group b]\n[Group a]\n", "f.conf:3:2: there are two sections [Group a]" },
                { "[Group a]\nTokensPerDay=x\n", "f.conf:2:14: TokensPerDay: a number" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct issuer_config config = { 0 };
                struct base_error error;

                assert_refused(parse(cases[i].text, &config, &error), BASE_ERROR_CONFIG_INVALID, cases[i].mention);
        }
}

static void parse_settings_that_do_not_go_together_are_refused(void **state)
{
        static const struct {
                const char *text;
                const char *mention;
        } cases[] = {
                { "", "Name=, Listen= and StateDirectory= are needed" },
                { ISSUER_LINES, "RequireEkCertificate= must say" },
                { ISSUER_LINES "[Verifier]\nRequireEkCertificate=yes\n", "needs EkCaFile=" },
                { ISSUER_LINES "[Verifier]\nRequireEkCertificate=allow-list\n", "needs EkAllowList=" },
                { ISSUER_LINES "MetricsListen=0.0.0.0:1\n[Verifier]\nRequireEkCertificate=no\n",
                  "MetricsListen= must be a loopback" },
                { ISSUER_LINES "Listen=0.0.0.0:80\nTls=no\n[Verifier]\nRequireEkCertificate=no\n", "Tls=no is for a loopback" },
                { ISSUER_LINES "[Verifier]\nRequireEkCertificate=no\n[Approver a]\n", "[Approver a] needs PublicKey=" },
                { ISSUER_LINES "[Verifier]\nRequireEkCertificate=no\n[Group a]\n", "[Group a] needs TokensPerDay=" },
                { "[Issuer]\nName=a\nListen=127.0.0.1:1\nStateDirectory=/s\n[Verifier]\nRequireEkCertificate=no\n",
                  "CertificateKey= are needed" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct issuer_config config = { 0 };
                struct base_error error;

                assert_refused(parse(cases[i].text, &config, &error), BASE_ERROR_CONFIG_INVALID, cases[i].mention);
        }
}

static void address_parse_reads_what_print_writes(void **state)
{
        static const char *const texts[] = { "127.0.0.1:8443", "0.0.0.0:1", "[::1]:443", "[2001:db8::1]:65535", "/run/x.socket" };
        static const bool local[] = { true, false, true, false, true };
        static const uint16_t ports[] = { 8443, 1, 443, 65535, 0 };

        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                struct issuer_address address;
                struct base_error error;
                char text[ISSUER_ADDRESS_TEXT_MAX];

                assert_ok(issuer_address_parse(texts[i], &address, &error));
                issuer_address_print(&address, ports[i], text);
                assert_string_equal(text, texts[i]);
                assert_int_equal(issuer_address_is_local(&address), local[i]);
        }
}

static void address_parse_of_other_forms_is_refused(void **state)
{
        static const char *const texts[] = {
                "",      ":",       ":80",   "127.0.0.1",    "127.0.0.1:", "127.0.0.1:-1", "1.2.3:1",         "::1:80",
                "[::1]", "[::1:80", "[]:80", "localhost:80", "x",          "[::g]:1",      "127.0.0.1:65536", "127.0.0.1:123456"
        };
        char path[256];

        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                struct issuer_address address;
                struct base_error error;

                assert_refused(issuer_address_parse(texts[i], &address, &error), BASE_ERROR_INVALID_ARGUMENT, "");
        }
        memset(path, '/', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        struct issuer_address address;
        struct base_error error;
        assert_refused(issuer_address_parse(path, &address, &error), BASE_ERROR_INVALID_ARGUMENT, "longer than");
}

static void address_listen_replaces_a_socket_and_no_other_file(void **state)
{
        test_auto_directory directory = test_directory_make();
        struct issuer_address address;
        struct base_error error;
        uint16_t port;
        int first, second;

        assert_ok(issuer_address_parse(test_path(directory, "socket"), &address, &error));
        assert_ok(issuer_address_listen(&address, &first, &port, &error));
        assert_ok(issuer_address_listen(&address, &second, &port, &error));
        (void) close(first);
        (void) close(second);
        assert_int_equal(unlink(test_path(directory, "socket")), 0);
        test_file_write(test_path(directory, "socket"), "precious", 0600);
        assert_refused(issuer_address_listen(&address, &first, &port, &error), BASE_ERROR_IO, "not a socket");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_smallest_file_has_defaults),
                cmocka_unit_test(parse_every_key_is_taken),
                cmocka_unit_test(parse_named_sections_are_kept_apart),
                cmocka_unit_test(parse_more_named_sections_than_fit_is_limit_exceeded),
                cmocka_unit_test(parse_bad_line_names_its_place),
                cmocka_unit_test(parse_settings_that_do_not_go_together_are_refused),
                cmocka_unit_test(address_parse_reads_what_print_writes),
                cmocka_unit_test(address_parse_of_other_forms_is_refused),
                cmocka_unit_test(address_listen_replaces_a_socket_and_no_other_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
