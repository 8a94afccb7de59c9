/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/address.h"
#include "issuer/config.h"

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
        assert_in_range(config.threads, 1, 16);
}

static void parse_every_key_is_taken(void **state)
{
        issuer_auto_config struct issuer_config config = { 0 };
        struct base_error error;

        assert_ok(parse(ISSUER_LINES
                        "Tls=no\nMetricsListen=[::1]:9090\nThreads=3\nConnectionsMax=99\nIdleTimeout=5\nRequestTimeout=6\n"
                        "[Verifier]\nRequireEvidence=no\nRequireEkCertificate=yes\nEkCaFile=/a\nEkCaDirectory=/b\n"
                        "EkAllowList=/c\nNonceLifetime=30\nPolicy=/p\nTokensPerDay=50\n[Keys]\nRotateDays=90\n",
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
}

static void parse_bad_line_names_its_place(void **state)
{
        static const struct {
                const char *text;
                const char *mention;
        } cases[] = {
                { "[Isuer]\n", "f.conf:1:1: there is no section [Isuer]" },
                { "[Issuer]\nListn=x\n", "f.conf:2:1: section [Issuer] has no key Listn" },
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
                cmocka_unit_test(parse_bad_line_names_its_place),
                cmocka_unit_test(parse_settings_that_do_not_go_together_are_refused),
                cmocka_unit_test(address_parse_reads_what_print_writes),
                cmocka_unit_test(address_parse_of_other_forms_is_refused),
                cmocka_unit_test(address_listen_replaces_a_socket_and_no_other_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
