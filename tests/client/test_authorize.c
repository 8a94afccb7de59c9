/* SPDX-License-Identifier: BSD-2-Clause */
/* attester_authorize() over a real bus, with a stand-in for the daemon that issues real tokens or misbehaves. */
#include "base/encode.h"
#include "tests/client/authorize_fixture.h"
#include "tests/cmocka.h"
#include "token/issuer.h"

#include <string.h>

static int authorize(struct fixture *fixture, uint32_t timeout_ms, char **ret, struct attester_info *info,
                     struct attester_error *error)
{
        struct attester_options options = ATTESTER_OPTIONS_INIT;

        options.timeout_ms = timeout_ms;
        return attester_authorize(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, &options, ret, info, error);
}

/* A fresh challenge of `issuer`, with its own key, must fail with `code`; nothing may be written. */
static void assert_fails(struct fixture *fixture, const char *issuer, uint32_t timeout_ms, int code, struct attester_error *ret)
{
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        *ret = (struct attester_error) ATTESTER_ERROR_INIT;
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, issuer, ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, timeout_ms, &authorization, &info, ret), -1);
        if (ret->code != code)
                fail_msg("%s: status %d (%s), not %d", issuer, ret->code, ret->message, code);
        assert_null(authorization);
        assert_string_equal(info.issuer, "");
        assert_true(ret->message[0] != '\0');
}

static void authorize_honest_challenge_gives_valid_token(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        challenge_add(fixture, "good.example", "other.example," ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, &error), 0);
        assert_token_valid(fixture, authorization);
        assert_string_equal(info.issuer, "good.example");
        assert_int_equal(info.token_type, TOKEN_TYPE_BLIND_RSA);
        assert_true(info.attested);
        assert_int_equal(info.quote_shared_by, 3);
        assert_int_equal(info.elapsed_ms, 12);
        attester_string_free(authorization);
}

static void authorize_without_token_key_uses_directory_key(void **state)
{
        struct fixture *fixture = *state;
        char *authorization = NULL;

        challenge_add(fixture, "GOOD.example", "", BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, NULL), 0);
        assert_token_valid(fixture, authorization);
        attester_string_free(authorization);
}

static void authorize_several_challenges_takes_the_first_usable(void **state)
{
        struct fixture *fixture = *state;
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        base_buffer_put_string(&fixture->header, "Basic realm=\"x\"");
        challenge_add(fixture, "nobody.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        challenge_add(fixture, "good.example", "bank.example", base_buffer_bytes(&fixture->key_bytes));
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_token_valid(fixture, authorization);
        attester_string_free(authorization);
}

static void authorize_offer_without_a_key_gives_way_to_the_next(void **state)
{
        struct fixture *fixture = *state;
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        challenge_of_type_add(fixture, TOKEN_TYPE_VOPRF, "good.example", ORIGIN, BASE_BYTES(NULL, 0));
        challenge_add(fixture, "nokeys.example", ORIGIN, BASE_BYTES(NULL, 0));
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->other_key_bytes));
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_token_valid(fixture, authorization);
        assert_int_equal(info.token_type, TOKEN_TYPE_BLIND_RSA);
        attester_string_free(authorization);
}

/* Only who has the private key can verify it. */
static void assert_voprf_token_valid(struct fixture *fixture, const char *authorization)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        test_bus_read(&fixture->bus, "c.pem", &pem);
        assert_true(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&pem), &key, &error));
        assert_true(token_authorization_parse(base_bytes_from_string(authorization), &token, &error));
        assert_true(token_issuer_verify(key, base_buffer_bytes(&token), fixture->digest, &error));
}

static void authorize_voprf_challenge_gives_valid_token(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer point = BASE_BUFFER_INIT(64);
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        test_bus_read(&fixture->bus, "c.point", &point);
        challenge_of_type_add(fixture, TOKEN_TYPE_VOPRF, "voprf.example", ORIGIN, base_buffer_bytes(&point));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_voprf_token_valid(fixture, authorization);
        assert_int_equal(info.token_type, TOKEN_TYPE_VOPRF);
        attester_string_free(authorization);
}

static void authorize_issuer_of_both_types_gives_the_type_that_is_asked_for_first(void **state)
{
        struct fixture *fixture = *state;
        struct attester_info info = ATTESTER_INFO_INIT;
        char *authorization = NULL;

        challenge_of_type_add(fixture, 0x7777, "both.example", ORIGIN, BASE_BYTES(NULL, 0));
        challenge_of_type_add(fixture, TOKEN_TYPE_VOPRF, "both.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_voprf_token_valid(fixture, authorization);
        attester_string_free(authorization);
        challenge_add(fixture, "both.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_int_equal(info.token_type, TOKEN_TYPE_VOPRF);
        attester_string_free(authorization);
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, "both.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, &info, NULL), 0);
        assert_token_valid(fixture, authorization);
        attester_string_free(authorization);
}

static void authorize_voprf_answer_without_a_valid_proof_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;

        challenge_of_type_add(fixture, TOKEN_TYPE_VOPRF, "wrong-proof.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_TOKEN_INVALID);
        assert_null(authorization);
}

static void authorize_two_tokens_for_one_challenge_differ(void **state)
{
        struct fixture *fixture = *state;
        char *one = NULL, *two = NULL;

        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &one, NULL, NULL), 0);
        assert_int_equal(authorize(fixture, 0, &two, NULL, NULL), 0);
        assert_string_not_equal(one, two);
        attester_string_free(one);
        attester_string_free(two);
}

static void authorize_challenge_of_other_origin_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;

        challenge_add(fixture, "good.example", "bank.example", base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_ORIGIN_MISMATCH);
        assert_string_equal(error.name, "OriginMismatch");
        assert_null(authorization);
}

static void authorize_key_outside_directory_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;

        /* A website that marks its visitor by a key of its own. */
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->other_key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_KEY_MISMATCH);
        /* A daemon that hands out another key than the website knows. */
        assert_fails(fixture, "evilkey.example", 0, ATTESTER_ERROR_KEY_MISMATCH, &error);
        assert_fails(fixture, "early.example", 0, ATTESTER_ERROR_KEY_MISMATCH, &error);
        assert_non_null(strstr(error.message, "not valid yet"));
}

/* A rotation, seen by a device whose clock is slow: the website's is not, and it has begun to use the key. */
static void authorize_named_key_that_begins_within_the_clocks_difference_is_used(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;

        challenge_add(fixture, "soon.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), 0);
        assert_token_valid(fixture, authorization);
        attester_string_free(authorization);
        assert_fails(fixture, "hour.example", 0, ATTESTER_ERROR_KEY_MISMATCH, &error);
        /* Nobody names it: the website that leaves the choice to us has to take what is valid now. */
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, "soon.example", ORIGIN, (struct base_bytes){ 0 });
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_ISSUER_REJECTED);
}

static void authorize_bad_answers_are_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;
        char *first = NULL;

        assert_fails(fixture, "wrong-signature.example", 0, ATTESTER_ERROR_TOKEN_INVALID, &error);
        /* The answer to the first request, which the stand-in keeps, is a good signature, but not over ours. */
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &first, NULL, NULL), 0);
        attester_string_free(first);
        assert_fails(fixture, "swapped.example", 0, ATTESTER_ERROR_TOKEN_INVALID, &error);
        assert_fails(fixture, "short.example", 0, ATTESTER_ERROR_MALFORMED, &error);
        assert_fails(fixture, "two.example", 0, ATTESTER_ERROR_MALFORMED, &error);
        assert_fails(fixture, "badtype.example", 0, ATTESTER_ERROR_MALFORMED, &error);
        assert_fails(fixture, "badsignature.example", 0, ATTESTER_ERROR_MALFORMED, &error);
        assert_fails(fixture, "incomplete.example", 0, ATTESTER_ERROR_MALFORMED, &error);
        assert_fails(fixture, "foreign-error.example", 0, ATTESTER_ERROR_INTERNAL, &error);
        assert_non_null(strstr(error.detail, "com.example.Surprise"));
        assert_fails(fixture, "huge.example", 0, ATTESTER_ERROR_DAEMON_UNREACHABLE, &error);
        /* The connection is made again. */
        base_buffer_reset(&fixture->header);
        authorize_without_token_key_uses_directory_key(state);
}

static void authorize_without_usable_key_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;

        challenge_add(fixture, "nokeys.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_ISSUER_REJECTED);
        base_buffer_reset(&fixture->header);
        challenge_add(fixture, "badkey.example", ORIGIN, BASE_BYTES(NULL, 0));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_CRYPTO);
}

static void authorize_daemon_error_keeps_name_and_sentence(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;

        for (int code = 1; code < BASE_ERROR_CODE_COUNT; code++) {
                char issuer[128];

                (void) snprintf(issuer, sizeof(issuer), "fail-%s.example", base_error_name((enum base_error_code) code));
                assert_fails(fixture, issuer, 0, base_error_exit_status((enum base_error_code) code), &error);
                assert_string_equal(error.name, base_error_name((enum base_error_code) code));
                assert_string_equal(error.message, "the sentence of the daemon");
        }
        assert_fails(fixture, "unreachable.example", 0, ATTESTER_ERROR_ISSUER_UNREACHABLE, &error);
}

static void authorize_unknown_issuer_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;

        assert_fails(fixture, "nobody.example", 0, ATTESTER_ERROR_ISSUER_UNKNOWN, &error);
        assert_non_null(strstr(error.message, "nobody.example"));
}

static void authorize_bad_header_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct {
                const char *header;
                int code;
        } cases[] = {
                { "PrivateToken challenge=\"", ATTESTER_ERROR_MALFORMED },
                { "PrivateToken challenge=\"AAI=\"", ATTESTER_ERROR_MALFORMED },
                { "PrivateToken challenge=\"2qoA\"", ATTESTER_ERROR_UNSUPPORTED },
                { "Basic realm=\"x\"", ATTESTER_ERROR_UNSUPPORTED },
                { "", ATTESTER_ERROR_UNSUPPORTED },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct attester_error error = ATTESTER_ERROR_INIT;
                char *authorization = NULL;

                assert_int_equal(
                        attester_authorize(fixture->attester, cases[i].header, ORIGIN, NULL, &authorization, NULL, &error), -1);
                if (error.code != cases[i].code)
                        fail_msg("\"%s\": status %d: %s", cases[i].header, error.code, error.message);
        }
}

static void authorize_oversized_header_is_refused(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *authorization = NULL;
        char *header = malloc(TOKEN_HEADER_BYTES_MAX + 2);

        assert_non_null(header);
        memset(header, 'a', TOKEN_HEADER_BYTES_MAX + 1);
        header[TOKEN_HEADER_BYTES_MAX + 1] = '\0';
        assert_int_equal(attester_authorize(fixture->attester, header, ORIGIN, NULL, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_LIMIT_EXCEEDED);
        free(header);
}

static void authorize_bad_origin_is_refused(void **state)
{
        static const char *const origins[] = { "", "https://shop.example", "a b", "shop.example:0", "user@shop.example" };
        struct fixture *fixture = *state;
        char *authorization = NULL;

        challenge_add(fixture, "good.example", "", base_buffer_bytes(&fixture->key_bytes));
        for (size_t i = 0; i < BASE_COUNT(origins); i++) {
                struct attester_error error = ATTESTER_ERROR_INIT;

                assert_int_equal(attester_authorize(fixture->attester, base_buffer_c_string(&fixture->header), origins[i], NULL,
                                                    &authorization, NULL, &error),
                                 -1);
                assert_int_equal(error.code, ATTESTER_ERROR_INVALID_ARGUMENT);
        }
}

static void authorize_silent_daemon_times_out(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;

        assert_fails(fixture, "slow.example", 300, ATTESTER_ERROR_TIMEOUT, &error);
        assert_fails(fixture, "slow-directory.example", 300, ATTESTER_ERROR_TIMEOUT, &error);
}

static void authorize_dying_daemon_is_unreachable(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;

        assert_fails(fixture, "dies.example", 0, ATTESTER_ERROR_DAEMON_UNREACHABLE, &error);
        /* Its name is gone now. */
        assert_fails(fixture, "good.example", 0, ATTESTER_ERROR_DAEMON_UNREACHABLE, &error);
        assert_non_null(strstr(error.message, "not running"));
}

static void authorize_after_bus_restart_connects_again(void **state)
{
        struct fixture *fixture = *state;
        struct attester_error error;

        authorize_honest_challenge_gives_valid_token(state);
        test_bus_kill_daemon(&fixture->bus);
        assert_fails(fixture, "good.example", 0, ATTESTER_ERROR_DAEMON_UNREACHABLE, &error);
        test_bus_restart(&fixture->bus);
        assert_fails(fixture, "nobody.example", 0, ATTESTER_ERROR_ISSUER_UNKNOWN, &error);
}

static bool contains(const struct base_buffer *haystack, const void *needle, size_t len)
{
        return memmem(haystack->data, haystack->len, needle, len) != NULL;
}

static void authorize_daemon_never_sees_origin_or_token(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        base_auto_buffer struct base_buffer dump = BASE_BUFFER_INIT(1024 * 1024);
        struct base_error error = BASE_ERROR_INIT;
        struct token parts;
        char *authorization = NULL;

        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(authorize(fixture, 0, &authorization, NULL, NULL), 0);
        assert_true(token_authorization_parse(base_bytes_from_string(authorization), &token, &error));
        assert_true(token_decode(base_buffer_bytes(&token), &parts, &error));
        test_bus_read(&fixture->bus, "dump", &dump);
        /* The search can find: the issuer's name is there, and the token is where it should be. */
        assert_true(contains(&dump, "good.example", strlen("good.example")));
        assert_true(contains(&token, parts.nonce.data, parts.nonce.len));
        assert_false(contains(&dump, ORIGIN, strlen(ORIGIN)));
        assert_false(contains(&dump, parts.nonce.data, parts.nonce.len));
        assert_false(contains(&dump, parts.challenge_digest.data, parts.challenge_digest.len));
        assert_false(contains(&dump, parts.authenticator.data, parts.authenticator.len));
        assert_false(contains(&dump, authorization, strlen(authorization)));
        attester_string_free(authorization);
}

static void trace_count(enum attester_step step, const char *text, void *context)
{
        unsigned *seen = context;

        assert_true(text[0] != '\0');
        *seen |= 1u << step;
}

static void authorize_trace_tells_every_step(void **state)
{
        struct fixture *fixture = *state;
        struct attester_options options = ATTESTER_OPTIONS_INIT;
        unsigned seen = 0;
        char *authorization = NULL;

        options.trace = trace_count;
        options.trace_context = &seen;
        challenge_add(fixture, "good.example", ORIGIN, base_buffer_bytes(&fixture->key_bytes));
        assert_int_equal(attester_authorize(fixture->attester, base_buffer_c_string(&fixture->header), ORIGIN, &options,
                                            &authorization, NULL, NULL),
                         0);
        assert_int_equal(seen, (1u << (ATTESTER_STEP_TOKEN + 1)) - 1);
        attester_string_free(authorization);
}

static void authorize_without_bus_is_unreachable(void **state)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester *attester = NULL;
        char *authorization = NULL;

        /* The challenge of RFC 9577's example form is read before the bus is asked for. */
        assert_int_equal(attester_new("unix:path=/nonexistent/bus", &attester, NULL), 0);
        assert_int_equal(attester_authorize(attester, "Basic realm=x", ORIGIN, NULL, &authorization, NULL, &error), -1);
        assert_int_equal(error.code, ATTESTER_ERROR_DAEMON_UNREACHABLE);
        attester_free(attester);
        attester_free(NULL);
        attester_string_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(authorize_honest_challenge_gives_valid_token),
                CASE(authorize_without_token_key_uses_directory_key),
                CASE(authorize_several_challenges_takes_the_first_usable),
                CASE(authorize_offer_without_a_key_gives_way_to_the_next),
                CASE(authorize_voprf_challenge_gives_valid_token),
                CASE(authorize_issuer_of_both_types_gives_the_type_that_is_asked_for_first),
                CASE(authorize_voprf_answer_without_a_valid_proof_is_refused),
                CASE(authorize_two_tokens_for_one_challenge_differ),
                CASE(authorize_challenge_of_other_origin_is_refused),
                CASE(authorize_key_outside_directory_is_refused),
                CASE(authorize_named_key_that_begins_within_the_clocks_difference_is_used),
                CASE(authorize_bad_answers_are_refused),
                CASE(authorize_without_usable_key_is_refused),
                CASE(authorize_daemon_error_keeps_name_and_sentence),
                CASE(authorize_unknown_issuer_is_refused),
                CASE(authorize_bad_header_is_refused),
                CASE(authorize_oversized_header_is_refused),
                CASE(authorize_bad_origin_is_refused),
                CASE(authorize_silent_daemon_times_out),
                CASE(authorize_dying_daemon_is_unreachable),
                CASE(authorize_after_bus_restart_connects_again),
                CASE(authorize_daemon_never_sees_origin_or_token),
                CASE(authorize_trace_tells_every_step),
                cmocka_unit_test(authorize_without_bus_is_unreachable),
        };

        return cmocka_run_group_tests_name("authorize", tests, NULL, NULL);
}
