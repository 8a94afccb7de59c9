/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/cache.h"

#include <string.h>
#include <strings.h>

struct agent_cache {
        const struct base_clock *clock;
        struct agent_vault *vault;
        TAILQ_HEAD(agent_cache_entries, agent_cache_entry) all;
        size_t entry_count;
        unsigned generation;
};

static uint64_t now_ms(const struct agent_cache *cache)
{
        return cache->clock->boottime_ms(cache->clock->context);
}

bool agent_cache_new(const struct base_clock *clock, struct agent_cache **ret, struct base_error *error)
{
        struct agent_cache *cache = calloc(1, sizeof(*cache));

        if (cache == NULL)
                return base_error_set_no_memory(error);
        cache->clock = clock;
        TAILQ_INIT(&cache->all);
        if (!agent_vault_new(&cache->vault, error)) {
                free(cache);
                return false;
        }
        *ret = cache;
        return true;
}

static void tokens_drop(struct agent_cache *cache, struct agent_cache_entry *entry, size_t from, size_t count)
{
        for (size_t i = 0; i < count; i++)
                agent_vault_give(cache->vault, entry->tokens[from + i].slot);
        entry->token_count -= count;
        memmove(entry->tokens + from, entry->tokens + from + count, (entry->token_count - from) * sizeof(entry->tokens[0]));
}

static void entry_free(struct agent_cache *cache, struct agent_cache_entry *entry)
{
        tokens_drop(cache, entry, 0, entry->token_count);
        TAILQ_REMOVE(&cache->all, entry, of_all);
        cache->entry_count--;
        free(entry->issuer);
        free(entry->key.encoded);
        explicit_bzero(entry, sizeof(*entry));
        free(entry);
}

void agent_cache_clear(struct agent_cache *cache)
{
        while (!TAILQ_EMPTY(&cache->all))
                entry_free(cache, TAILQ_FIRST(&cache->all));
        cache->generation++;
}

void agent_cache_free(struct agent_cache *cache)
{
        if (cache == NULL)
                return;
        agent_cache_clear(cache);
        agent_vault_free(cache->vault);
        free(cache);
}

void agent_cache_id_set(struct agent_cache_id *ret, const uint8_t digest[static TOKEN_DIGEST_LEN], const struct attester_key *key)
{
        memcpy(ret->digest, digest, TOKEN_DIGEST_LEN);
        memcpy(ret->key_id, key->id, sizeof(ret->key_id));
}

bool agent_cache_id_equal(const struct agent_cache_id *a, const struct agent_cache_id *b)
{
        return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 && strcmp(a->key_id, b->key_id) == 0;
}

static struct agent_cache_entry *find(const struct agent_cache *cache, const struct agent_cache_id *id)
{
        struct agent_cache_entry *entry;

        TAILQ_FOREACH(entry, &cache->all, of_all)
        {
                if (agent_cache_id_equal(&entry->id, id))
                        return entry;
        }
        return NULL;
}

static struct agent_cache_entry *entry_new(struct agent_cache *cache, const struct agent_cache_id *id, const char *issuer,
                                           const struct attester_key *key)
{
        struct agent_cache_entry *entry = calloc(1, sizeof(*entry));

        if (entry == NULL)
                return NULL;
        entry->id = *id;
        entry->key = *key;
        entry->issuer = strdup(issuer);
        entry->key.encoded = malloc(key->encoded_len);
        if (entry->issuer == NULL || entry->key.encoded == NULL) {
                free(entry->issuer);
                free(entry->key.encoded);
                free(entry);
                return NULL;
        }
        memcpy(entry->key.encoded, key->encoded, key->encoded_len);
        if (cache->entry_count == AGENT_CACHE_ENTRIES_MAX)
                entry_free(cache, TAILQ_FIRST(&cache->all));
        cache->entry_count++;
        TAILQ_INSERT_TAIL(&cache->all, entry, of_all);
        return entry;
}

struct agent_cache_entry *agent_cache_meet(struct agent_cache *cache, const struct agent_cache_id *id, const char *issuer,
                                           const struct attester_key *key)
{
        struct agent_cache_entry *entry;

        agent_cache_expire(cache);
        entry = find(cache, id);
        if (entry == NULL)
                entry = entry_new(cache, id, issuer, key);
        if (entry == NULL)
                return NULL;
        TAILQ_REMOVE(&cache->all, entry, of_all);
        TAILQ_INSERT_TAIL(&cache->all, entry, of_all);
        entry->met_ms = now_ms(cache);
        entry->meetings++;
        return entry;
}

struct agent_cache_entry *agent_cache_find(struct agent_cache *cache, const struct agent_cache_id *id)
{
        agent_cache_expire(cache);
        return find(cache, id);
}

bool agent_cache_take(struct agent_cache *cache, struct agent_cache_entry *entry, bool in_focus, struct base_buffer *ret)
{
        for (size_t i = 0; i < entry->token_count; i++) {
                if (entry->tokens[i].for_focus && !in_focus)
                        continue;
                base_buffer_put(ret, entry->tokens[i].slot, entry->tokens[i].len);
                tokens_drop(cache, entry, i, 1);
                return base_buffer_ok(ret);
        }
        return false;
}

void agent_cache_put(struct agent_cache *cache, const struct agent_cache_id *id, bool for_focus, struct base_bytes token)
{
        struct agent_cache_entry *entry = find(cache, id);
        uint8_t *slot;

        if (entry == NULL || entry->token_count == AGENT_CACHE_TOKENS_MAX || token.len > TOKEN_BYTES_MAX)
                return;
        slot = agent_vault_take(cache->vault);
        if (slot == NULL)
                return;
        memcpy(slot, token.data, token.len);
        entry->tokens[entry->token_count++] = (struct agent_cache_token){
                .slot = slot, .len = token.len, .for_focus = for_focus, .fetched_ms = now_ms(cache)
        };
}

unsigned agent_cache_generation(const struct agent_cache *cache)
{
        return cache->generation;
}

static bool has_key(const struct attester_issuer *directory, const char *key_id)
{
        for (size_t i = 0; i < directory->key_count; i++)
                if (strcmp(directory->keys[i].id, key_id) == 0)
                        return true;
        return false;
}

void agent_cache_retain(struct agent_cache *cache, const struct attester_issuer *directory)
{
        struct agent_cache_entry *next;

        for (struct agent_cache_entry *entry = TAILQ_FIRST(&cache->all); entry != NULL; entry = next) {
                next = TAILQ_NEXT(entry, of_all);
                if (strcasecmp(entry->issuer, directory->name) == 0 && !has_key(directory, entry->id.key_id))
                        entry_free(cache, entry);
        }
}

void agent_cache_expire(struct agent_cache *cache)
{
        uint64_t now = now_ms(cache);
        struct agent_cache_entry *next;

        for (struct agent_cache_entry *entry = TAILQ_FIRST(&cache->all); entry != NULL; entry = next) {
                size_t old = 0;

                next = TAILQ_NEXT(entry, of_all);
                while (old < entry->token_count && now - entry->tokens[old].fetched_ms >= AGENT_CACHE_TOKEN_AGE_MAX_MS)
                        old++;
                tokens_drop(cache, entry, 0, old);
                if (now - entry->met_ms >= AGENT_CACHE_ENTRY_AGE_MAX_MS)
                        entry_free(cache, entry);
        }
}

struct agent_cache_entry *agent_cache_due(struct agent_cache *cache)
{
        uint64_t now = now_ms(cache);
        struct agent_cache_entry *entry;

        TAILQ_FOREACH(entry, &cache->all, of_all)
        {
                if (entry->ahead_ms != 0 && entry->ahead_ms <= now) {
                        entry->ahead_ms = 0;
                        return entry;
                }
        }
        return NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

uint64_t agent_cache_next_ms(const struct agent_cache *cache)
{
        const struct agent_cache_entry *entry;
        uint64_t next = UINT64_MAX;

        TAILQ_FOREACH(entry, &cache->all, of_all)
        {
                next = earlier(next, entry->met_ms + AGENT_CACHE_ENTRY_AGE_MAX_MS);
                if (entry->ahead_ms != 0)
                        next = earlier(next, entry->ahead_ms);
                if (entry->token_count > 0)
                        next = earlier(next, entry->tokens[0].fetched_ms + AGENT_CACHE_TOKEN_AGE_MAX_MS);
        }
        return next;
}

size_t agent_cache_token_count(const struct agent_cache *cache)
{
        const struct agent_cache_entry *entry;
        size_t count = 0;

        TAILQ_FOREACH(entry, &cache->all, of_all)
        {
                count += entry->token_count;
        }
        return count;
}

bool agent_cache_is_idle(const struct agent_cache *cache)
{
        const struct agent_cache_entry *entry;

        TAILQ_FOREACH(entry, &cache->all, of_all)
        {
                if (entry->token_count > 0 || entry->ahead_ms != 0)
                        return false;
        }
        return true;
}
