/* SPDX-License-Identifier: BSD-2-Clause */
/* The store against a plain model of it, over many random operations, and the gate's files. */
#include "base/encode.h"
#include "issuer/gate/config.h"
#include "issuer/gate/keys.h"
#include "issuer/gate/store.h"
#include "tests/cmocka.h"
#include "token/issuer.h"

#include <string.h>
#include <sys/stat.h>

#define CAPACITY    13
#define LIFETIME_MS 50
#define OPERATIONS  20000
#define DIGESTS     4096

struct model_entry {
        bool present, spent;
        uint64_t expires_ms;
};

static uint64_t fake_wall(void *context)
{
        return 0;
}

static uint64_t fake_monotonic(void *context)
{
        return *(uint64_t *) context;
}

/* A small deterministic generator (xorshift), so that a failure can be run again. */
static uint32_t next(uint32_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

/* Few different homes, so that searches run into each other. */
static void digest_make(uint32_t number, uint8_t ret[TOKEN_DIGEST_LEN])
{
        memset(ret, 0, TOKEN_DIGEST_LEN);
        ret[0] = (uint8_t) (number % 5);
        ret[1] = (uint8_t) (number % 3 == 0 ? 0 : 255);
        memcpy(ret + 8, &number, sizeof(number));
}

static void model_trim(struct model_entry *model, uint32_t *first, uint32_t end, uint64_t now_ms)
{
        while (*first < end && (now_ms >= model[*first].expires_ms + LIFETIME_MS))
                model[(*first)++].present = false;
        if (end - *first == CAPACITY)
                model[(*first)++].present = false;
}

static enum gate_store_state model_state(const struct model_entry *entry, uint64_t now_ms)
{
        if (!entry->present)
                return GATE_STORE_UNKNOWN;
        if (entry->spent)
                return GATE_STORE_SPENT;
        return now_ms >= entry->expires_ms ? GATE_STORE_EXPIRED : GATE_STORE_OUTSTANDING;
}

static void store_random_operations_agree_with_a_model(void **state)
{
        static struct model_entry model[DIGESTS];
        uint64_t now_ms = 1;
        struct base_clock clock = { fake_wall, fake_monotonic, &now_ms };
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        gate_auto_key struct gate_key *key = NULL;
        gate_auto_store struct gate_store *store = NULL;
        struct base_error error = BASE_ERROR_INIT;
        uint32_t seed = 2463534242u, first = 0, end = 0;
        unsigned seen[4] = { 0 };

        assert_true(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &issuer, &error));
        assert_true(gate_key_new_public(token_public_key_ref(token_issuer_key_public(issuer)), &key, &error));
        assert_true(gate_store_new(CAPACITY, LIFETIME_MS, &clock, &store, &error));
        for (unsigned i = 0; i < OPERATIONS; i++) {
                uint32_t choice = next(&seed) % 10, back = next(&seed) % (CAPACITY + 4);
                uint32_t number = end > back ? end - 1 - back : DIGESTS - 1;
                uint8_t digest[TOKEN_DIGEST_LEN];
                enum gate_store_state expected;

                now_ms += next(&seed) % 6;
                if (choice < 3 && end < DIGESTS - 1) {
                        model_trim(model, &first, end, now_ms);
                        model[end] = (struct model_entry){ .present = true, .expires_ms = now_ms + LIFETIME_MS };
                        digest_make(end++, digest);
                        gate_store_add(store, digest, end % 7, key);
                        continue;
                }
                digest_make(number, digest);
                expected = model_state(&model[number], now_ms);
                seen[expected]++;
                if (choice < 6) {
                        assert_int_equal(gate_store_spend(store, digest), expected);
                        model[number].spent |= expected == GATE_STORE_OUTSTANDING;
                } else {
                        gate_auto_key struct gate_key *found = NULL;
                        uint32_t origin = 0;

                        assert_int_equal(gate_store_find(store, digest, &origin, &found), expected);
                        assert_ptr_equal(found, expected == GATE_STORE_OUTSTANDING ? key : NULL);
                        if (found != NULL)
                                assert_int_equal(origin, (number + 1) % 7);
                }
        }
        for (size_t i = 0; i < BASE_COUNT(seen); i++)
                assert_true(seen[i] > 10);
}

static void config_complete_file_is_read(void **state)
{
        static const char text[] = "[Gate]\nListen=127.0.0.1:0\nMetricsListen=127.0.0.1:1\nOriginName=a.example b.example:8443\n"
                                   "OriginName=c.example\nIssuer=issuer.example\nDirectoryUrl=https://issuer.example/d\n"
                                   "TokenPrivateKeyFile=/p1\nTokenPrivateKeyFile=/p2\nCaFile=/"
                                   "ca.pem\nChallengeLifetime=60\nChallengesMax=1000\nRefreshInterval=600\n";
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;

        assert_true(gate_config_parse("gate.conf", base_bytes_from_string(text), &config, &error));
        assert_int_equal(config.origin_count, 3);
        assert_int_equal(gate_config_find_origin(&config, "C.EXAMPLE"), 2);
        assert_int_equal(gate_config_find_origin(&config, "b.example"), -1);
        assert_int_equal(gate_config_find_origin(&config, "b.example:8443"), 1);
        assert_string_equal(config.directory_url, "https://issuer.example/d");
        assert_int_equal(config.private_key_count, 2);
        assert_string_equal(config.private_key_files[1], "/p2");
        assert_int_equal(config.challenge_lifetime_s, 60);
        assert_int_equal(config.challenges_max, 1000);
        assert_int_equal(config.refresh_interval_s, 600);
}

static void config_broken_file_is_refused_with_its_place(void **state)
{
        static const char complete[] = "[Gate]\nOriginName=a.example\nIssuer=i.example\nTokenKeyFile=/k\n";
        struct {
                const char *text, *message;
        } cases[] = {
                { "[Gate]\nOriginName=a.example\nIssuer=i.example\n", "TokenPrivateKeyFile= is needed" },
                { "[Gate]\nOriginName=a.example\nIssuer=i.example\nTokenKeyFile=/k\nDirectoryUrl=https://i.example/d\n",
                  "do not go together" },
                { "[Gate]\nTokenPrivateKeyFile=/1\nTokenPrivateKeyFile=/2\nTokenPrivateKeyFile=/3\nTokenPrivateKeyFile=/4\n"
                  "TokenPrivateKeyFile=/5\n",
                  "c:6:21: there are too many private keys" },
                { "[Gate]\nIssuer=i.example\nTokenKeyFile=/k\n", "OriginName= is missing" },
                { "[Gate]\nOriginName=a.example\nTokenKeyFile=/k\n", "Issuer= is missing" },
                { "[Gate]\n Listne=x\n", "c:2:2: there is no key Listne" },
                { "[Door]\n", "c:1:2: there is only" },
                { "[Gate]\nOriginName=a.example A.example\n", "twice" },
                { "[Gate]\nOriginName=https://a.example\n", "not a host name" },
                { "[Gate]\nIssuer=a b\n", "not an issuer" },
                { "[Gate]\nDirectoryUrl=http://issuer.example/d\n", "must be https" },
                { "[Gate]\nDirectoryUrl=ftp://issuer.example/d\n", "must be https" },
                { "[Gate]\nChallengeLifetime=0\n", "1 to 3600" },
                { "[Gate]\nChallengeLifetime=3601\n", "1 to 3600" },
                { "[Gate]\nChallengesMax=-1\n", "a number" },
                { "[Gate]\nRefreshInterval=1h\n", "a number" },
                { "[Gate]\nListen=\n", "missing" },
                { "[Gate]\nOriginName=a.example\nIssuer=i.example\nTokenKeyFile=/k\nCaFile=/c\n", "CaFile= goes with" },
        };
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;

        assert_true(gate_config_parse("c", base_bytes_from_string(complete), &config, &error));
        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                assert_false(gate_config_parse("c", base_bytes_from_string(cases[i].text), &config, &error));
                assert_int_equal(error.code, BASE_ERROR_CONFIG_INVALID);
                if (strstr(error.message, cases[i].message) == NULL)
                        fail_msg("\"%s\" is not in \"%s\"", cases[i].message, error.message);
        }
}

static void config_too_many_origins_are_refused(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(65536);
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;

        base_buffer_put_string(&text, "[Gate]\n");
        for (int i = 0; i <= GATE_ORIGINS_MAX; i++)
                base_buffer_printf(&text, "OriginName=h%d.example\n", i);
        assert_false(gate_config_parse("c", base_buffer_bytes(&text), &config, &error));
        assert_non_null(strstr(error.message, "too many origins"));
}

#define KEY_FILE "/tmp/attester-gate-key-XXXXXX"

/* A key file; its path replaces `path`, which holds KEY_FILE. */
static void key_file_write(char *path, struct base_bytes content)
{
        int fd = mkstemp(path);

        assert_true(fd >= 0 && write(fd, content.data, content.len) == (ssize_t) content.len);
        (void) close(fd);
}

/* Writes a key file and loads it; removes it again. */
static bool key_file_load(struct gate_keys *keys, struct base_bytes content, struct base_error *error)
{
        struct gate_config config = { .key_file = KEY_FILE };
        bool success;

        key_file_write(config.key_file, content);
        success = gate_keys_load(keys, &config, BASE_BYTES("", 0), error);
        (void) unlink(config.key_file);
        return success;
}

/* A key and its text. */
static void private_key_make(uint16_t type, struct token_issuer_key **ret_key, struct base_buffer *ret_text)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_true(token_issuer_key_generate(type, ret_key, &error));
        assert_true(token_issuer_key_save(*ret_key, ret_text, &error));
}

static void keys_file_is_read_as_der_or_text_and_bad_ones_keep_the_old(void **state)
{
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        gate_auto_keys struct gate_keys *keys = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(4096);
        gate_auto_key struct gate_key *current = NULL;
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config missing = { .key_file = "/nonexistent/key" };
        struct base_bytes spki;

        assert_true(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &issuer, &error));
        spki = token_public_key_encoded(token_issuer_key_public(issuer));
        assert_true(gate_keys_new(&keys, &error));
        assert_null(gate_keys_current(keys, TOKEN_TYPE_BLIND_RSA, 0));
        assert_true(key_file_load(keys, spki, &error));
        base_base64_encode(&text, spki, BASE_BASE64_URL);
        base_buffer_put_string(&text, "\n");
        assert_true(key_file_load(keys, base_buffer_bytes(&text), &error));
        assert_false(key_file_load(keys, base_bytes_from_string("not a key"), &error));
        assert_int_equal(error.code, BASE_ERROR_CRYPTO);
        assert_false(gate_keys_load(keys, &missing, BASE_BYTES("", 0), &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
        assert_non_null(current = gate_keys_current(keys, TOKEN_TYPE_BLIND_RSA, 0));
        assert_true(base_bytes_equal(token_public_key_encoded(gate_key_public(current)), spki));
}

static void keys_bad_directory_is_refused_and_keeps_the_old(void **state)
{
        static const struct {
                const char *body;
                enum base_error_code code;
        } cases[] = {
                { "{", BASE_ERROR_MALFORMED },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":2,\"token-key\":\"AAAA\"}]}",
                  BASE_ERROR_CRYPTO },
                { "{\"issuer-request-uri\":\"/t\",\"token-keys\":[{\"token-type\":1,\"token-key\":\"AAAA\"}]}",
                  BASE_ERROR_ISSUER_REJECTED },
        };
        struct gate_config config = { .directory_url = "https://issuer.example/d" };
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        gate_auto_keys struct gate_keys *keys = NULL;
        gate_auto_key struct gate_key *current = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_true(token_issuer_key_generate(TOKEN_TYPE_BLIND_RSA, &issuer, &error));
        assert_true(gate_keys_new(&keys, &error));
        assert_true(key_file_load(keys, token_public_key_encoded(token_issuer_key_public(issuer)), &error));
        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                assert_false(gate_keys_load(keys, &config, base_bytes_from_string(cases[i].body), &error));
                assert_int_equal(error.code, cases[i].code);
        }
        assert_non_null(current = gate_keys_current(keys, TOKEN_TYPE_BLIND_RSA, 0));
}

static void keys_private_file_is_needed_private_and_of_its_type(void **state)
{
        base_auto_token_issuer_key struct token_issuer_key *voprf = NULL, *rsa = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_buffer struct base_buffer other = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        gate_auto_keys struct gate_keys *keys = NULL;
        gate_auto_key struct gate_key *current = NULL;
        struct gate_config config = { .private_key_files = { KEY_FILE }, .private_key_count = 1 };
        static const unsigned open_modes[] = { 0604, 0602, 0620, 0666 };
        struct base_error error = BASE_ERROR_INIT;

        private_key_make(TOKEN_TYPE_VOPRF, &voprf, &text);
        private_key_make(TOKEN_TYPE_BLIND_RSA, &rsa, &other);
        assert_true(gate_keys_new(&keys, &error));
        key_file_write(config.private_key_files[0], base_buffer_bytes(&text));
        for (size_t i = 0; i < BASE_COUNT(open_modes); i++) {
                assert_int_equal(chmod(config.private_key_files[0], open_modes[i]), 0);
                assert_false(gate_keys_load(keys, &config, BASE_BYTES("", 0), &error));
                assert_int_equal(error.code, BASE_ERROR_CONFIG_INVALID);
                assert_non_null(strstr(error.message, config.private_key_files[0]));
        }
        assert_int_equal(chmod(config.private_key_files[0], 0640), 0);
        if (geteuid() == 0) {
                assert_int_equal(chown(config.private_key_files[0], 65534, 0), 0);
                assert_false(gate_keys_check_files(&config, &error));
                assert_int_equal(error.code, BASE_ERROR_CONFIG_INVALID);
                assert_non_null(strstr(error.message, "belongs to user 65534"));
                assert_int_equal(chown(config.private_key_files[0], 0, 0), 0);
        }
        assert_true(gate_keys_load(keys, &config, BASE_BYTES("", 0), &error));
        assert_non_null(current = gate_keys_current(keys, TOKEN_TYPE_VOPRF, 0));
        assert_null(gate_keys_current(keys, TOKEN_TYPE_BLIND_RSA, 0));
        (void) unlink(config.private_key_files[0]);
        assert_false(gate_keys_load(keys, &config, BASE_BYTES("", 0), &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
        (void) snprintf(config.private_key_files[0], sizeof(config.private_key_files[0]), "%s", KEY_FILE);
        key_file_write(config.private_key_files[0], base_buffer_bytes(&other));
        assert_false(gate_keys_load(keys, &config, BASE_BYTES("", 0), &error));
        assert_int_equal(error.code, BASE_ERROR_CRYPTO);
        assert_non_null(strstr(error.message, config.private_key_files[0]));
        (void) unlink(config.private_key_files[0]);
        assert_int_equal(gate_keys_count(keys, TOKEN_TYPE_VOPRF), 1);
}

static void put_key(struct base_buffer *body, uint16_t type, const struct token_issuer_key *key, unsigned not_before)
{
        base_buffer_printf(body, "%s{\"token-type\":%u,\"not-before\":%u,\"token-key\":\"",
                           body->data[body->len - 1] == '}' ? "," : "", type, not_before);
        base_base64_encode(body, token_public_key_encoded(token_issuer_key_public(key)), BASE_BASE64_URL);
        base_buffer_put_string(body, "\"}");
}

static void keys_directory_says_which_private_key_is_current(void **state)
{
        base_auto_token_issuer_key struct token_issuer_key *old = NULL, *next = NULL, *stranger = NULL;
        gate_auto_keys struct gate_keys *keys = NULL;
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(8192);
        struct gate_config config = {
                .directory_url = "https://issuer.example/d",
                .private_key_files = { KEY_FILE, KEY_FILE, KEY_FILE },
                .private_key_count = 2,
        };
        struct token_issuer_key **const made[] = { &old, &next, &stranger };
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < BASE_COUNT(made); i++) {
                base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);

                private_key_make(TOKEN_TYPE_VOPRF, made[i], &text);
                key_file_write(config.private_key_files[i], base_buffer_bytes(&text));
        }
        base_buffer_put_string(&body, "{\"issuer-request-uri\":\"/t\",\"token-keys\":[");
        put_key(&body, TOKEN_TYPE_VOPRF, stranger, 0);
        put_key(&body, TOKEN_TYPE_VOPRF, next, 100);
        put_key(&body, TOKEN_TYPE_VOPRF, old, 0);
        base_buffer_put_string(&body, "]}");
        assert_true(gate_keys_new(&keys, &error));
        assert_true(gate_keys_load(keys, &config, base_buffer_bytes(&body), &error));
        assert_int_equal(gate_keys_count(keys, TOKEN_TYPE_VOPRF), 2);
        for (unsigned now = 99; now <= 100; now++) {
                gate_auto_key struct gate_key *current = gate_keys_current(keys, TOKEN_TYPE_VOPRF, now);

                assert_non_null(current);
                assert_true(base_bytes_equal(token_public_key_encoded(gate_key_public(current)),
                                             token_public_key_encoded(token_issuer_key_public(now == 99 ? old : next))));
        }
        /* The files have none of these. */
        base_buffer_reset(&body);
        base_buffer_put_string(&body, "{\"issuer-request-uri\":\"/t\",\"token-keys\":[");
        put_key(&body, TOKEN_TYPE_VOPRF, stranger, 0);
        base_buffer_put_string(&body, "]}");
        assert_false(gate_keys_load(keys, &config, base_buffer_bytes(&body), &error));
        assert_int_equal(error.code, BASE_ERROR_ISSUER_REJECTED);
        assert_int_equal(gate_keys_count(keys, TOKEN_TYPE_VOPRF), 2);
        for (size_t i = 0; i < BASE_COUNT(made); i++)
                (void) unlink(config.private_key_files[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(store_random_operations_agree_with_a_model),
                cmocka_unit_test(config_complete_file_is_read),
                cmocka_unit_test(config_broken_file_is_refused_with_its_place),
                cmocka_unit_test(config_too_many_origins_are_refused),
                cmocka_unit_test(keys_file_is_read_as_der_or_text_and_bad_ones_keep_the_old),
                cmocka_unit_test(keys_bad_directory_is_refused_and_keeps_the_old),
                cmocka_unit_test(keys_private_file_is_needed_private_and_of_its_type),
                cmocka_unit_test(keys_directory_says_which_private_key_is_current),
        };

        return cmocka_run_group_tests_name("gate_store", tests, NULL, NULL);
}
