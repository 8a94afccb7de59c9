/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent's cache and the memory below it, with a clock that the test turns. */
#include "client/agent/cache.h"
#include "tests/cmocka.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

struct fixture {
        uint64_t now_ms;
        struct base_clock clock;
        struct agent_cache *cache;
};

static uint64_t fixture_now_ms(void *context)
{
        const struct fixture *fixture = context;

        return fixture->now_ms;
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct base_error error = BASE_ERROR_INIT;

        assert_non_null(fixture);
        fixture->now_ms = 1000;
        fixture->clock = (struct base_clock){ .boottime_ms = fixture_now_ms, .context = fixture };
        assert_true(agent_cache_new(&fixture->clock, &fixture->cache, &error));
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        agent_cache_free(fixture->cache);
        free(fixture);
        return 0;
}

static struct attester_key key_named(char name)
{
        static uint8_t encoded[] = "an encoded key";
        struct attester_key key = { .token_type = 2, .encoded = encoded, .encoded_len = sizeof(encoded) };

        memset(key.id, name, sizeof(key.id) - 1);
        return key;
}

static struct agent_cache_id id_of(unsigned challenge, char key_name)
{
        uint8_t digest[TOKEN_DIGEST_LEN] = { (uint8_t) challenge, (uint8_t) (challenge >> 8) };
        struct attester_key key = key_named(key_name);
        struct agent_cache_id id;

        agent_cache_id_set(&id, digest, &key);
        return id;
}

static struct agent_cache_entry *meet(struct fixture *fixture, unsigned challenge, char key_name)
{
        struct agent_cache_id id = id_of(challenge, key_name);
        struct attester_key key = key_named(key_name);
        struct agent_cache_entry *entry = agent_cache_meet(fixture->cache, &id, "issuer.example", &key);

        assert_non_null(entry);
        return entry;
}

static void put(struct fixture *fixture, unsigned challenge, char key_name, const char *token)
{
        struct agent_cache_id id = id_of(challenge, key_name);

        agent_cache_put(fixture->cache, &id, false, base_bytes_from_string(token));
}

static void assert_takes(struct fixture *fixture, struct agent_cache_entry *entry, const char *token)
{
        base_auto_buffer struct base_buffer taken = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);

        if (token == NULL) {
                assert_false(agent_cache_take(fixture->cache, entry, false, &taken));
                return;
        }
        assert_true(agent_cache_take(fixture->cache, entry, false, &taken));
        assert_true(base_bytes_equal(base_buffer_bytes(&taken), base_bytes_from_string(token)));
}

static void take_gives_tokens_fetched_in_focus_to_programs_in_focus_only(void **state)
{
        struct fixture *fixture = *state;
        struct agent_cache_entry *entry = meet(fixture, 1, 'a');
        const struct agent_cache_id id = id_of(1, 'a');
        base_auto_buffer struct base_buffer taken = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);

        agent_cache_put(fixture->cache, &id, true, base_bytes_from_string("focused"));
        put(fixture, 1, 'a', "any");
        put(fixture, 1, 'a', "other");
        assert_takes(fixture, entry, "any");
        assert_takes(fixture, entry, "other");
        assert_takes(fixture, entry, NULL);
        assert_ptr_equal(agent_cache_find(fixture->cache, &id), entry);
        assert_true(agent_cache_take(fixture->cache, entry, true, &taken));
        assert_true(base_bytes_equal(base_buffer_bytes(&taken), base_bytes_from_string("focused")));
        assert_int_equal(agent_cache_token_count(fixture->cache), 0);
}

static void take_gives_each_token_once_and_the_oldest_first(void **state)
{
        struct fixture *fixture = *state;
        struct agent_cache_entry *entry = meet(fixture, 1, 'a');

        put(fixture, 1, 'a', "first");
        put(fixture, 1, 'a', "second");
        assert_int_equal(agent_cache_token_count(fixture->cache), 2);
        assert_takes(fixture, entry, "first");
        assert_takes(fixture, entry, "second");
        assert_takes(fixture, entry, NULL);
        assert_int_equal(agent_cache_token_count(fixture->cache), 0);
}

static void take_for_another_challenge_or_key_gives_nothing(void **state)
{
        struct fixture *fixture = *state;
        struct agent_cache_entry *entry = meet(fixture, 1, 'a');

        put(fixture, 1, 'a', "token");
        assert_takes(fixture, meet(fixture, 2, 'a'), NULL);
        assert_takes(fixture, meet(fixture, 1, 'b'), NULL);
        assert_takes(fixture, entry, "token");
}

static void put_for_an_unknown_challenge_keeps_nothing(void **state)
{
        struct fixture *fixture = *state;

        put(fixture, 1, 'a', "token");
        assert_int_equal(agent_cache_token_count(fixture->cache), 0);
        assert_takes(fixture, meet(fixture, 1, 'a'), NULL);
}

static void put_beyond_the_bounds_keeps_no_more(void **state)
{
        struct fixture *fixture = *state;
        char large[TOKEN_BYTES_MAX + 2];
        unsigned challenges = AGENT_VAULT_SLOTS / AGENT_CACHE_TOKENS_MAX + 1;

        for (unsigned challenge = 0; challenge < challenges; challenge++) {
                (void) meet(fixture, challenge, 'a');
                for (size_t i = 0; i < AGENT_CACHE_TOKENS_MAX + 3; i++)
                        put(fixture, challenge, 'a', "token");
                if (challenge == 0)
                        assert_int_equal(agent_cache_token_count(fixture->cache), AGENT_CACHE_TOKENS_MAX);
        }
        assert_int_equal(agent_cache_token_count(fixture->cache), AGENT_VAULT_SLOTS);
        agent_cache_clear(fixture->cache);
        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        (void) meet(fixture, 1, 'a');
        put(fixture, 1, 'a', large);
        assert_int_equal(agent_cache_token_count(fixture->cache), 0);
        /* Slots that were given back serve again. */
        put(fixture, 1, 'a', "token");
        assert_int_equal(agent_cache_token_count(fixture->cache), 1);
}

static void meet_of_too_many_challenges_forgets_the_one_met_longest_ago(void **state)
{
        struct fixture *fixture = *state;

        (void) meet(fixture, 0, 'a');
        put(fixture, 0, 'a', "zero");
        (void) meet(fixture, 1, 'a');
        put(fixture, 1, 'a', "one");
        for (unsigned i = 2; i < AGENT_CACHE_ENTRIES_MAX; i++)
                (void) meet(fixture, i, 'a');
        (void) meet(fixture, 0, 'a');
        (void) meet(fixture, AGENT_CACHE_ENTRIES_MAX, 'a');
        assert_takes(fixture, meet(fixture, 0, 'a'), "zero");
        assert_takes(fixture, meet(fixture, 1, 'a'), NULL);
}

static void meet_counts_meetings_until_the_challenge_is_forgotten(void **state)
{
        struct fixture *fixture = *state;

        assert_int_equal(meet(fixture, 1, 'a')->meetings, 1);
        fixture->now_ms += AGENT_CACHE_ENTRY_AGE_MAX_MS - 1;
        assert_int_equal(meet(fixture, 1, 'a')->meetings, 2);
        fixture->now_ms += AGENT_CACHE_ENTRY_AGE_MAX_MS;
        assert_int_equal(meet(fixture, 1, 'a')->meetings, 1);
}

static void expire_ends_tokens_at_their_age(void **state)
{
        struct fixture *fixture = *state;

        (void) meet(fixture, 1, 'a');
        put(fixture, 1, 'a', "old");
        fixture->now_ms += 10;
        put(fixture, 1, 'a', "young");
        fixture->now_ms += AGENT_CACHE_TOKEN_AGE_MAX_MS - 11;
        (void) meet(fixture, 1, 'a');
        assert_int_equal(agent_cache_token_count(fixture->cache), 2);
        fixture->now_ms += 1;
        assert_int_equal(agent_cache_next_ms(fixture->cache), fixture->now_ms);
        agent_cache_expire(fixture->cache);
        assert_int_equal(agent_cache_token_count(fixture->cache), 1);
        assert_takes(fixture, meet(fixture, 1, 'a'), "young");
}

static void clear_forgets_all_and_tells_by_the_generation(void **state)
{
        struct fixture *fixture = *state;
        unsigned generation = agent_cache_generation(fixture->cache);

        meet(fixture, 1, 'a')->ahead_ms = 5000;
        put(fixture, 1, 'a', "token");
        assert_false(agent_cache_is_idle(fixture->cache));
        agent_cache_clear(fixture->cache);
        assert_true(agent_cache_is_idle(fixture->cache));
        assert_int_not_equal(agent_cache_generation(fixture->cache), generation);
        assert_true(agent_cache_next_ms(fixture->cache) == UINT64_MAX);
        put(fixture, 1, 'a', "late");
        assert_takes(fixture, meet(fixture, 1, 'a'), NULL);
}

static void retain_forgets_keys_that_left_the_directory(void **state)
{
        struct fixture *fixture = *state;
        struct attester_key keys[] = { key_named('b') };
        struct attester_issuer directory = { .name = (char *) "ISSUER.example", .keys = keys, .key_count = 1 };
        struct attester_issuer other = { .name = (char *) "other.example", .keys = keys, .key_count = 0 };

        (void) meet(fixture, 1, 'a');
        put(fixture, 1, 'a', "a");
        (void) meet(fixture, 1, 'b');
        put(fixture, 1, 'b', "b");
        agent_cache_retain(fixture->cache, &other);
        assert_int_equal(agent_cache_token_count(fixture->cache), 2);
        agent_cache_retain(fixture->cache, &directory);
        assert_takes(fixture, meet(fixture, 1, 'a'), NULL);
        assert_takes(fixture, meet(fixture, 1, 'b'), "b");
}

static void due_gives_a_planned_fetch_once(void **state)
{
        struct fixture *fixture = *state;
        struct agent_cache_entry *entry = meet(fixture, 1, 'a');

        assert_null(agent_cache_due(fixture->cache));
        entry->ahead_ms = fixture->now_ms + 50;
        assert_int_equal(agent_cache_next_ms(fixture->cache), fixture->now_ms + 50);
        assert_null(agent_cache_due(fixture->cache));
        fixture->now_ms += 50;
        assert_ptr_equal(agent_cache_due(fixture->cache), entry);
        assert_null(agent_cache_due(fixture->cache));
}

static void vault_wipes_what_is_given_back(void **state)
{
        static const uint8_t zero[TOKEN_BYTES_MAX];
        struct base_error error = BASE_ERROR_INIT;
        struct agent_vault *vault = NULL;
        uint8_t *slot;

        (void) state;
        assert_true(agent_vault_new(&vault, &error));
        slot = agent_vault_take(vault);
        assert_non_null(slot);
        memset(slot, 'x', TOKEN_BYTES_MAX);
        agent_vault_give(vault, slot);
        assert_memory_equal(slot, zero, TOKEN_BYTES_MAX);
        assert_ptr_equal(agent_vault_take(vault), slot);
        for (size_t i = 1; i < AGENT_VAULT_SLOTS; i++)
                assert_non_null(agent_vault_take(vault));
        assert_null(agent_vault_take(vault));
        agent_vault_free(vault);
}

/* The lines of /proc/self/smaps about the mapping at `address`. */
static void read_mapping(const void *address, char *ret, size_t size)
{
        base_auto_fclose FILE *smaps = fopen("/proc/self/smaps", "re");
        char line[512];
        bool within = false;
        size_t len = 0;

        assert_non_null(smaps);
        while (fgets(line, sizeof(line), smaps) != NULL) {
                unsigned long start, end;

                if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
                        within = (unsigned long) address >= start && (unsigned long) address < end;
                if (within && len + strlen(line) < size)
                        len += (size_t) snprintf(ret + len, size - len, "%s", line);
        }
}

static void vault_is_locked_and_left_out_of_dumps(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct agent_vault *vault = NULL;
        char mapping[8192] = "";
        const char *flags;

        (void) state;
        assert_true(agent_vault_new(&vault, &error));
        read_mapping(agent_vault_take(vault), mapping, sizeof(mapping));
        flags = strstr(mapping, "VmFlags:");
        assert_non_null(flags);
        assert_non_null(strstr(flags, " lo"));
        assert_non_null(strstr(flags, " dd"));
        assert_non_null(strstr(flags, " dc"));
        agent_vault_free(vault);
}

static void vault_that_cannot_be_locked_is_refused(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct agent_vault *vault = NULL;
        struct rlimit limit = { .rlim_cur = 0, .rlim_max = 0 };
        uid_t user = geteuid();
        bool refused;

        (void) state;
        /* Root may lock without limit: it becomes nobody for this. */
        assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
        assert_int_equal(seteuid(user == 0 ? 65534 : user), 0);
        refused = !agent_vault_new(&vault, &error);
        assert_int_equal(seteuid(user), 0);
        assert_true(refused);
        assert_null(vault);
        assert_true(error.code == BASE_ERROR_IO || error.code == BASE_ERROR_NO_MEMORY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(take_gives_tokens_fetched_in_focus_to_programs_in_focus_only, set_up, tear_down),
                cmocka_unit_test_setup_teardown(take_gives_each_token_once_and_the_oldest_first, set_up, tear_down),
                cmocka_unit_test_setup_teardown(take_for_another_challenge_or_key_gives_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(put_for_an_unknown_challenge_keeps_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(put_beyond_the_bounds_keeps_no_more, set_up, tear_down),
                cmocka_unit_test_setup_teardown(meet_of_too_many_challenges_forgets_the_one_met_longest_ago, set_up, tear_down),
                cmocka_unit_test_setup_teardown(meet_counts_meetings_until_the_challenge_is_forgotten, set_up, tear_down),
                cmocka_unit_test_setup_teardown(expire_ends_tokens_at_their_age, set_up, tear_down),
                cmocka_unit_test_setup_teardown(clear_forgets_all_and_tells_by_the_generation, set_up, tear_down),
                cmocka_unit_test_setup_teardown(retain_forgets_keys_that_left_the_directory, set_up, tear_down),
                cmocka_unit_test_setup_teardown(due_gives_a_planned_fetch_once, set_up, tear_down),
                cmocka_unit_test(vault_wipes_what_is_given_back),
                cmocka_unit_test(vault_is_locked_and_left_out_of_dumps),
                cmocka_unit_test(vault_that_cannot_be_locked_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
