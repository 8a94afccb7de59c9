/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate's decision: honest tokens, and everything that must not pass. */
#include "base/encode.h"
#include "issuer/gate/gate.h"
#include "tests/cmocka.h"
#include "token/client.h"
#include "token/header.h"
#include "token/issuer.h"

#include <pthread.h>
#include <string.h>

#define HOST              "shop.example"
#define OTHER_HOST        "blog.example"
#define CAPACITY          8
#define LIFETIME_S        300
#define CONTENDERS        8
#define AUTHORIZATION_MAX 1024

struct fixture {
        struct gate gate;
        struct gate_config config;
        struct base_clock clock;
        uint64_t now_ms;
        struct token_issuer_key *issuer, *other_issuer;
        struct token_issuer_key *voprf, *other_voprf; /* made by use_private_key() */
};

static uint64_t fake_wall(void *context)
{
        return 1760000000 + *(uint64_t *) context / 1000;
}

static uint64_t fake_monotonic(void *context)
{
        return *(uint64_t *) context;
}

/* Puts a directory with this key, valid from `not_before`, in force. */
static void keys_set(struct fixture *fixture, const struct token_issuer_key *key, uint64_t not_before)
{
        struct base_bytes spki = token_public_key_encoded(token_issuer_key_public(key));
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(8192);
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put_string(&body,
                               "{\"issuer-request-uri\":\"/token-request\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"");
        base_base64_encode(&body, spki, BASE_BASE64_URL);
        base_buffer_printf(&body, "\",\"not-before\":%llu}]}", (unsigned long long) not_before);
        assert_true(gate_keys_load(fixture->gate.keys, &fixture->config, base_buffer_bytes(&body), &error));
}

/* Gives the gate a private key of type 0x0001 in a file, and no directory; NULL for a new one. */
static void use_private_key(struct fixture *fixture, const struct token_issuer_key *key)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        char *path = fixture->config.private_key_files[0];
        struct base_error error = BASE_ERROR_INIT;
        int fd;

        if (fixture->voprf == NULL) {
                assert_true(token_issuer_key_generate(TOKEN_TYPE_VOPRF, &fixture->voprf, &error));
                assert_true(token_issuer_key_generate(TOKEN_TYPE_VOPRF, &fixture->other_voprf, &error));
        }
        fixture->config.directory_url[0] = '\0';
        fixture->config.private_key_count = 1;
        (void) strcpy(path, "/tmp/attester-gate-test-XXXXXX");
        assert_true((fd = mkstemp(path)) >= 0);
        assert_true(token_issuer_key_save(key != NULL ? key : fixture->voprf, &text, &error));
        assert_int_equal(write(fd, text.data, text.len), text.len);
        (void) close(fd);
        assert_true(gate_keys_load(fixture->gate.keys, &fixture->config, BASE_BYTES("", 0), &error));
        (void) unlink(path);
}

static void gate_restart(struct fixture *fixture)
{
        struct base_error error = BASE_ERROR_INIT;

        gate_store_free(fixture->gate.store);
        assert_true(gate_store_new(CAPACITY, LIFETIME_S * 1000, &fixture->clock, &fixture->gate.store, &error));
}

/* For all cases: an RSA key takes long to make. */
static struct token_issuer_key *issuers[2];

static int issuers_make(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < BASE_COUNT(issuers); i++)
                assert_true(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &issuers[i], &error));
        return 0;
}

static int issuers_free(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(issuers); i++)
                token_issuer_key_free(issuers[i]);
        return 0;
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct base_error error = BASE_ERROR_INIT;
        char text[] = "[Gate]\nOriginName=" HOST " " OTHER_HOST
                      ":443\nIssuer=issuer.example\nDirectoryUrl=https://issuer.example/d\n";

        assert_non_null(fixture);
        fixture->now_ms = 1000;
        fixture->clock = (struct base_clock){ fake_wall, fake_monotonic, &fixture->now_ms };
        assert_true(gate_config_parse("test", base_bytes_from_string(text), &fixture->config, &error));
        fixture->issuer = issuers[0];
        fixture->other_issuer = issuers[1];
        fixture->gate.config = &fixture->config;
        fixture->gate.clock = &fixture->clock;
        fixture->gate.random = &base_system_random;
        assert_true(gate_keys_new(&fixture->gate.keys, &error));
        gate_restart(fixture);
        keys_set(fixture, fixture->issuer, 0);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        gate_store_free(fixture->gate.store);
        gate_keys_free(fixture->gate.keys);
        token_issuer_key_free(fixture->voprf);
        token_issuer_key_free(fixture->other_voprf);
        free(fixture);
        return 0;
}

/* Asks the gate; the challenge that comes back, if any, replaces what `header` holds. */
static enum gate_outcome ask(struct fixture *fixture, const char *host, const char *authorization, struct base_buffer *header)
{
        struct gate_request request = { .host = host, .authorization = authorization };
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(GATE_CHALLENGE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        enum gate_outcome outcome = gate_decide(&fixture->gate, &request, &challenge, &error);

        /* Every 401 carries a challenge, nothing else does. */
        assert_int_equal(challenge.len > 0, gate_outcome_status(outcome) == 401);
        if (header != NULL) {
                base_buffer_reset(header);
                base_buffer_put_bytes(header, base_buffer_bytes(&challenge));
        }
        return outcome;
}

/* The header's offer of that type. */
static const struct token_offer *offer_find(const struct token_offers *offers, uint16_t type)
{
        for (size_t i = 0; i < offers->count; i++)
                if (offers->items[i].challenge.type == type)
                        return &offers->items[i];
        fail_msg("no challenge of type 0x%04x", type);
        return NULL;
}

/* Writes the Authorization value for a header's challenge, signed by `key`, as an honest client and issuer would. */
static void token_make(const struct token_issuer_key *key, const struct base_buffer *header, char ret[static AUTHORIZATION_MAX])
{
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        base_auto_token_client_state struct token_client_state *state = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(4096), response = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096), text = BASE_BUFFER_INIT(AUTHORIZATION_MAX);
        const struct token_offer *offer;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t digest[TOKEN_DIGEST_LEN];

        assert_true(token_www_authenticate_parse(base_buffer_bytes(header), &offers, &error));
        offer = offer_find(&offers, token_public_key_type(token_issuer_key_public(key))->id);
        assert_true(token_challenge_digest(base_buffer_bytes(&offer->encoded), digest, &error));
        assert_true(token_client_blind(token_issuer_key_public(key), digest, &base_system_random, &request, &state, &error));
        assert_true(token_issuer_evaluate(key, base_buffer_bytes(&request), &response, &error));
        assert_true(token_client_finalize(state, base_buffer_bytes(&response), &token, &error));
        assert_true(token_authorization_format(base_buffer_bytes(&token), &text, &error));
        (void) snprintf(ret, AUTHORIZATION_MAX, "%s", base_buffer_c_string(&text));
}

/* As an attacker alters a token: one byte, at `at` (from the end if it is below 0). */
static void token_alter(const char *authorization, int at, uint8_t mask, char ret[static AUTHORIZATION_MAX])
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096), text = BASE_BUFFER_INIT(AUTHORIZATION_MAX);
        struct base_error error = BASE_ERROR_INIT;

        assert_true(token_authorization_parse(base_bytes_from_string(authorization), &token, &error));
        token.data[at < 0 ? token.len - (size_t) -at : (size_t) at] ^= mask;
        assert_true(token_authorization_format(base_buffer_bytes(&token), &text, &error));
        (void) snprintf(ret, AUTHORIZATION_MAX, "%s", base_buffer_c_string(&text));
}

static void token_for(struct fixture *fixture, const char *host, char ret[static AUTHORIZATION_MAX])
{
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);

        assert_int_equal(ask(fixture, host, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->issuer, &header, ret);
}

static void decide_honest_token_is_accepted_once(void **state)
{
        struct fixture *fixture = *state;
        char authorization[AUTHORIZATION_MAX];

        token_for(fixture, HOST, authorization);
        assert_int_equal(ask(fixture, "SHOP.example:443", authorization, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, authorization, NULL), GATE_TOKEN_SPENT);
        assert_int_equal(atomic_load(&fixture->gate.outcomes[GATE_ACCEPTED]), 1);
        assert_int_equal(atomic_load(&fixture->gate.outcomes[GATE_TOKEN_SPENT]), 1);
}

static void decide_second_token_for_one_challenge_is_spent(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);
        char one[AUTHORIZATION_MAX], two[AUTHORIZATION_MAX];

        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->issuer, &header, one);
        token_make(fixture->issuer, &header, two);
        assert_string_not_equal(one, two);
        assert_int_equal(ask(fixture, HOST, one, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, two, NULL), GATE_TOKEN_SPENT);
}

static void decide_challenges_never_repeat_and_say_what_they_should(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer one = BASE_BUFFER_INIT(4096), two = BASE_BUFFER_INIT(4096);
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        struct base_bytes key = token_public_key_encoded(token_issuer_key_public(fixture->issuer));
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(ask(fixture, OTHER_HOST, NULL, &one), GATE_CHALLENGED);
        assert_int_equal(ask(fixture, OTHER_HOST, NULL, &two), GATE_CHALLENGED);
        assert_false(base_bytes_equal(base_buffer_bytes(&one), base_buffer_bytes(&two)));
        assert_true(token_www_authenticate_parse(base_buffer_bytes(&one), &offers, &error));
        assert_int_equal(offers.count, 1);
        assert_int_equal(offers.items[0].challenge.redemption_context.len, TOKEN_REDEMPTION_CONTEXT_LEN);
        assert_true(token_challenge_matches_origin(&offers.items[0].challenge, base_bytes_from_string(OTHER_HOST)));
        assert_true(base_bytes_equal(offers.items[0].challenge.issuer_name, base_bytes_from_string("issuer.example")));
        assert_true(base_bytes_equal(base_buffer_bytes(&offers.items[0].token_key), key));
        assert_true(offers.items[0].has_max_age && offers.items[0].max_age_s == LIFETIME_S);
}

static void decide_token_of_other_origin_is_refused_and_not_spent(void **state)
{
        struct fixture *fixture = *state;
        char authorization[AUTHORIZATION_MAX];

        token_for(fixture, HOST, authorization);
        assert_int_equal(ask(fixture, OTHER_HOST, authorization, NULL), GATE_ORIGIN_MISMATCH);
        assert_int_equal(ask(fixture, HOST, authorization, NULL), GATE_ACCEPTED);
}

static void decide_unknown_host_gets_no_challenge(void **state)
{
        static const char *const hosts[] = { "evil.example", "", "shop.example:8443", "shop.example.evil.example",
                                             "shop.exampl" };
        struct fixture *fixture = *state;

        assert_int_equal(ask(fixture, NULL, NULL, NULL), GATE_ORIGIN_UNKNOWN);
        for (size_t i = 0; i < BASE_COUNT(hosts); i++)
                assert_int_equal(ask(fixture, hosts[i], NULL, NULL), GATE_ORIGIN_UNKNOWN);
}

static void decide_forged_token_is_refused_and_spends_nothing(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096), token = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AUTHORIZATION_MAX);
        char honest[AUTHORIZATION_MAX], foreign[AUTHORIZATION_MAX];
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->issuer, &header, honest);
        token_make(fixture->other_issuer, &header, foreign);
        assert_int_equal(ask(fixture, HOST, foreign, NULL), GATE_TOKEN_INVALID);
        assert_true(token_authorization_parse(base_bytes_from_string(honest), &token, &error));
        token.data[token.len - 1] ^= 1;
        assert_true(token_authorization_format(base_buffer_bytes(&token), &text, &error));
        assert_int_equal(ask(fixture, HOST, base_buffer_c_string(&text), NULL), GATE_TOKEN_INVALID);
        assert_int_equal(ask(fixture, HOST, honest, NULL), GATE_ACCEPTED);
}

static void decide_token_with_exchanged_nonce_is_refused(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096), text = BASE_BUFFER_INIT(AUTHORIZATION_MAX);
        struct base_error error = BASE_ERROR_INIT;
        char honest[AUTHORIZATION_MAX];

        token_for(fixture, HOST, honest);
        assert_true(token_authorization_parse(base_bytes_from_string(honest), &token, &error));
        token.data[2] ^= 1;
        assert_true(token_authorization_format(base_buffer_bytes(&token), &text, &error));
        assert_int_equal(ask(fixture, HOST, base_buffer_c_string(&text), NULL), GATE_TOKEN_INVALID);
}

static void decide_garbage_authorization_is_refused(void **state)
{
        struct {
                const char *authorization;
                enum gate_outcome outcome;
        } cases[] = {
                { "PrivateToken token=\"AAIA\"", GATE_MALFORMED },   { "PrivateToken", GATE_MALFORMED },
                { "PrivateToken token=\"!\"", GATE_MALFORMED },      { "Basic dTpw", GATE_UNSUPPORTED },
                { "PrivateToken token=\"3q0A\"", GATE_UNSUPPORTED },
        };
        struct fixture *fixture = *state;
        struct gate_request twice = { .host = HOST, .authorization = "PrivateToken token=\"AAIA\"", .authorization_twice = true };
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(GATE_CHALLENGE_BYTES_MAX);

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                enum gate_outcome outcome = ask(fixture, HOST, cases[i].authorization, NULL);

                if (outcome != cases[i].outcome)
                        fail_msg("\"%s\": %s", cases[i].authorization, gate_outcome_name(outcome));
        }
        assert_int_equal(gate_decide(&fixture->gate, &twice, &challenge, NULL), GATE_MALFORMED);
}

static void decide_expired_challenge_is_refused(void **state)
{
        struct fixture *fixture = *state;
        char late[AUTHORIZATION_MAX], in_time[AUTHORIZATION_MAX];

        token_for(fixture, HOST, late);
        token_for(fixture, HOST, in_time);
        fixture->now_ms += LIFETIME_S * 1000 - 1;
        assert_int_equal(ask(fixture, HOST, in_time, NULL), GATE_ACCEPTED);
        fixture->now_ms += 1;
        assert_int_equal(ask(fixture, HOST, late, NULL), GATE_CHALLENGE_EXPIRED);
        assert_int_equal(ask(fixture, HOST, in_time, NULL), GATE_TOKEN_SPENT);
        fixture->now_ms += LIFETIME_S * 1000;
        assert_int_equal(ask(fixture, HOST, NULL, NULL), GATE_CHALLENGED);
        assert_int_equal(ask(fixture, HOST, late, NULL), GATE_CHALLENGE_UNKNOWN);
        assert_int_equal(ask(fixture, HOST, in_time, NULL), GATE_CHALLENGE_UNKNOWN);
}

static void decide_after_restart_nothing_from_before_passes(void **state)
{
        struct fixture *fixture = *state;
        char spent[AUTHORIZATION_MAX], unspent[AUTHORIZATION_MAX];

        token_for(fixture, HOST, spent);
        token_for(fixture, HOST, unspent);
        assert_int_equal(ask(fixture, HOST, spent, NULL), GATE_ACCEPTED);
        gate_restart(fixture);
        assert_int_equal(ask(fixture, HOST, spent, NULL), GATE_CHALLENGE_UNKNOWN);
        assert_int_equal(ask(fixture, HOST, unspent, NULL), GATE_CHALLENGE_UNKNOWN);
        token_for(fixture, HOST, unspent);
        assert_int_equal(ask(fixture, HOST, unspent, NULL), GATE_ACCEPTED);
}

static void decide_flood_never_lets_a_spent_token_back_in(void **state)
{
        struct fixture *fixture = *state;
        char spent[AUTHORIZATION_MAX], waiting[AUTHORIZATION_MAX];

        token_for(fixture, HOST, spent);
        token_for(fixture, HOST, waiting);
        assert_int_equal(ask(fixture, HOST, spent, NULL), GATE_ACCEPTED);
        for (unsigned i = 0; i < CAPACITY * 3; i++)
                assert_int_equal(ask(fixture, HOST, NULL, NULL), GATE_CHALLENGED);
        assert_int_equal(gate_store_count(fixture->gate.store).held, CAPACITY);
        assert_true(gate_store_count(fixture->gate.store).evicted > 0);
        assert_int_equal(ask(fixture, HOST, spent, NULL), GATE_CHALLENGE_UNKNOWN);
        assert_int_equal(ask(fixture, HOST, waiting, NULL), GATE_CHALLENGE_UNKNOWN);
}

static void decide_rotated_key_leaves_outstanding_challenges_good(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);
        char before[AUTHORIZATION_MAX], after[AUTHORIZATION_MAX];

        token_for(fixture, HOST, before);
        keys_set(fixture, fixture->other_issuer, 0);
        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->other_issuer, &header, after);
        assert_int_equal(ask(fixture, HOST, before, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, after, NULL), GATE_ACCEPTED);
}

static void decide_without_valid_key_is_unavailable(void **state)
{
        struct fixture *fixture = *state;

        keys_set(fixture, fixture->issuer, fake_wall(&fixture->now_ms) + 1);
        assert_int_equal(ask(fixture, HOST, NULL, NULL), GATE_NO_KEY);
        fixture->now_ms += 1000;
        assert_int_equal(ask(fixture, HOST, NULL, NULL), GATE_CHALLENGED);
}

static bool random_fails(void *context, void *to, size_t len, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CRYPTO, "no randomness");
}

static void decide_without_randomness_makes_no_challenge(void **state)
{
        static const struct base_random broken = { .fill = random_fails };
        struct fixture *fixture = *state;

        fixture->gate.random = &broken;
        assert_int_equal(ask(fixture, HOST, NULL, NULL), GATE_INTERNAL);
}

static void decide_private_type_is_accepted_once(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        char one[AUTHORIZATION_MAX], two[AUTHORIZATION_MAX];
        struct base_error error = BASE_ERROR_INIT;

        use_private_key(fixture, NULL);
        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        assert_true(token_www_authenticate_parse(base_buffer_bytes(&header), &offers, &error));
        assert_int_equal(offers.count, 1);
        assert_int_equal(offers.items[0].challenge.type, TOKEN_TYPE_VOPRF);
        assert_true(base_bytes_equal(base_buffer_bytes(&offers.items[0].token_key),
                                     token_public_key_encoded(token_issuer_key_public(fixture->voprf))));
        token_make(fixture->voprf, &header, one);
        token_make(fixture->voprf, &header, two);
        assert_int_equal(ask(fixture, HOST, one, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, one, NULL), GATE_TOKEN_SPENT);
        assert_int_equal(ask(fixture, HOST, two, NULL), GATE_TOKEN_SPENT);
}

static void decide_forged_token_of_the_private_type_is_refused_and_spends_nothing(void **state)
{
        /* Nonce, key id, first and last byte of the authenticator. */
        static const int places[] = { 2, 2 + TOKEN_NONCE_LEN + TOKEN_DIGEST_LEN, TOKEN_INPUT_LEN, -1 };
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);
        char honest[AUTHORIZATION_MAX], forged[AUTHORIZATION_MAX];

        use_private_key(fixture, NULL);
        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->voprf, &header, honest);
        token_make(fixture->other_voprf, &header, forged);
        assert_int_equal(ask(fixture, HOST, forged, NULL), GATE_TOKEN_INVALID);
        for (size_t i = 0; i < BASE_COUNT(places); i++) {
                token_alter(honest, places[i], 1, forged);
                assert_int_equal(ask(fixture, HOST, forged, NULL), GATE_TOKEN_INVALID);
        }
        token_alter(honest, 2 + TOKEN_NONCE_LEN, 1, forged);
        assert_int_equal(ask(fixture, HOST, forged, NULL), GATE_CHALLENGE_UNKNOWN);
        assert_int_equal(ask(fixture, OTHER_HOST, honest, NULL), GATE_ORIGIN_MISMATCH);
        assert_int_equal(ask(fixture, HOST, honest, NULL), GATE_ACCEPTED);
}

/* A token of one type that says it is of the other, and one whose challenge was of the other. */
static void decide_types_are_not_mixed_up(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer rsa_header = BASE_BUFFER_INIT(4096), voprf_header = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096), other = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AUTHORIZATION_MAX);
        char rsa[AUTHORIZATION_MAX], voprf[AUTHORIZATION_MAX], forged[AUTHORIZATION_MAX];
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(ask(fixture, HOST, NULL, &rsa_header), GATE_CHALLENGED);
        use_private_key(fixture, NULL);
        assert_int_equal(ask(fixture, HOST, NULL, &voprf_header), GATE_CHALLENGED);
        token_make(fixture->issuer, &rsa_header, rsa);
        token_make(fixture->voprf, &voprf_header, voprf);
        token_alter(rsa, 1, 3, forged);
        assert_int_equal(ask(fixture, HOST, forged, NULL), GATE_MALFORMED);
        token_alter(voprf, 1, 3, forged);
        assert_int_equal(ask(fixture, HOST, forged, NULL), GATE_MALFORMED);
        /* Of the right length for its type, but with the other's challenge digest. */
        assert_true(token_authorization_parse(base_bytes_from_string(rsa), &token, &error));
        assert_true(token_authorization_parse(base_bytes_from_string(voprf), &other, &error));
        memcpy(token.data + 2 + TOKEN_NONCE_LEN, other.data + 2 + TOKEN_NONCE_LEN, TOKEN_DIGEST_LEN);
        assert_true(token_authorization_format(base_buffer_bytes(&token), &text, &error));
        assert_int_equal(ask(fixture, HOST, base_buffer_c_string(&text), NULL), GATE_TOKEN_INVALID);
        assert_int_equal(ask(fixture, HOST, rsa, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, voprf, NULL), GATE_ACCEPTED);
}

static void decide_private_key_outlives_its_replacement(void **state)
{
        struct fixture *fixture = *state;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(4096);
        char before[AUTHORIZATION_MAX], after[AUTHORIZATION_MAX], wrong[AUTHORIZATION_MAX];

        use_private_key(fixture, NULL);
        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->voprf, &header, before);
        use_private_key(fixture, fixture->other_voprf);
        assert_int_equal(ask(fixture, HOST, NULL, &header), GATE_CHALLENGED);
        token_make(fixture->other_voprf, &header, after);
        token_make(fixture->voprf, &header, wrong);
        assert_int_equal(ask(fixture, HOST, wrong, NULL), GATE_TOKEN_INVALID);
        assert_int_equal(ask(fixture, HOST, before, NULL), GATE_ACCEPTED);
        assert_int_equal(ask(fixture, HOST, after, NULL), GATE_ACCEPTED);
}

struct contender {
        struct fixture *fixture;
        const char *authorization;
        pthread_barrier_t *start;
        enum gate_outcome outcome;
};

static void *contend(void *context)
{
        struct contender *contender = context;

        (void) pthread_barrier_wait(contender->start);
        contender->outcome = ask(contender->fixture, HOST, contender->authorization, NULL);
        return NULL;
}

static void decide_one_token_from_many_threads_is_accepted_once(void **state)
{
        struct fixture *fixture = *state;
        struct contender contenders[CONTENDERS];
        pthread_t threads[CONTENDERS];
        pthread_barrier_t start;
        char authorization[AUTHORIZATION_MAX];
        unsigned accepted = 0;

        token_for(fixture, HOST, authorization);
        assert_int_equal(pthread_barrier_init(&start, NULL, CONTENDERS), 0);
        for (unsigned i = 0; i < CONTENDERS; i++) {
                contenders[i] = (struct contender){ fixture, authorization, &start, GATE_INTERNAL };
                assert_int_equal(pthread_create(&threads[i], NULL, contend, &contenders[i]), 0);
        }
        for (unsigned i = 0; i < CONTENDERS; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                accepted += contenders[i].outcome == GATE_ACCEPTED;
                /* The losers' own new challenges may have pushed the oldest out of the small store. */
                assert_true(contenders[i].outcome == GATE_ACCEPTED || contenders[i].outcome == GATE_TOKEN_SPENT ||
                            contenders[i].outcome == GATE_CHALLENGE_UNKNOWN);
        }
        assert_int_equal(accepted, 1);
        (void) pthread_barrier_destroy(&start);
}

static void outcome_tables_are_complete(void **state)
{
        for (int i = 0; i < GATE_OUTCOME_COUNT; i++) {
                unsigned status = gate_outcome_status((enum gate_outcome) i);

                assert_non_null(gate_outcome_name((enum gate_outcome) i));
                assert_non_null(gate_outcome_sentence((enum gate_outcome) i));
                assert_true(status == 204 || status == 401 || status == 403 || status == 503);
                assert_int_equal(status == 204, gate_outcome_code((enum gate_outcome) i) == BASE_ERROR_NONE);
        }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(decide_honest_token_is_accepted_once),
                CASE(decide_second_token_for_one_challenge_is_spent),
                CASE(decide_challenges_never_repeat_and_say_what_they_should),
                CASE(decide_token_of_other_origin_is_refused_and_not_spent),
                CASE(decide_unknown_host_gets_no_challenge),
                CASE(decide_forged_token_is_refused_and_spends_nothing),
                CASE(decide_token_with_exchanged_nonce_is_refused),
                CASE(decide_garbage_authorization_is_refused),
                CASE(decide_expired_challenge_is_refused),
                CASE(decide_after_restart_nothing_from_before_passes),
                CASE(decide_flood_never_lets_a_spent_token_back_in),
                CASE(decide_rotated_key_leaves_outstanding_challenges_good),
                CASE(decide_without_valid_key_is_unavailable),
                CASE(decide_without_randomness_makes_no_challenge),
                CASE(decide_private_type_is_accepted_once),
                CASE(decide_forged_token_of_the_private_type_is_refused_and_spends_nothing),
                CASE(decide_types_are_not_mixed_up),
                CASE(decide_private_key_outlives_its_replacement),
                CASE(decide_one_token_from_many_threads_is_accepted_once),
                cmocka_unit_test(outcome_tables_are_complete),
        };

        return cmocka_run_group_tests_name("gate", tests, issuers_make, issuers_free);
}
