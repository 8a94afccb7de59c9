/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/cache.h"

#include <poll.h>
#include <string.h>

/* In no order; a few dozen paths, whose first difference is found by their lengths and ends. */
struct posture_cache {
        struct posture_cached files[POSTURE_CACHE_FILES_MAX];
        uint32_t hashes[POSTURE_CACHE_FILES_MAX];
        size_t count;
        size_t bytes; /* of all contents */
        struct posture_apt_counted counted;
};

bool posture_cache_new(struct posture_cache **ret, struct base_error *error)
{
        struct posture_cache *cache = calloc(1, sizeof(*cache));

        if (cache == NULL)
                return base_error_set_no_memory(error);
        *ret = cache;
        return true;
}

static void clear(struct posture_cached *cached)
{
        base_close_p(&cached->fd);
        free(cached->path);
        free(cached->content);
}

void posture_cache_free(struct posture_cache *cache)
{
        if (cache == NULL)
                return;
        for (size_t i = 0; i < cache->count; i++)
                clear(&cache->files[i]);
        free(cache);
}

/* FNV-1a. */
static uint32_t hash_of(const char *path)
{
        uint32_t hash = 2166136261U;

        for (; *path != '\0'; path++)
                hash = (hash ^ (uint8_t) *path) * 16777619U;
        return hash;
}

struct posture_cached *posture_cache_find(struct posture_cache *cache, const char *path)
{
        uint32_t hash = hash_of(path);

        for (size_t i = 0; i < cache->count; i++)
                if (cache->hashes[i] == hash && strcmp(cache->files[i].path, path) == 0)
                        return &cache->files[i];
        return NULL;
}

/* NULL without room or memory. */
static struct posture_cached *add(struct posture_cache *cache, const char *path, enum posture_cached_kind kind)
{
        struct posture_cached *cached = &cache->files[cache->count];

        if (cache->count == POSTURE_CACHE_FILES_MAX)
                return NULL;
        *cached = (struct posture_cached){ .path = strdup(path), .kind = kind, .fd = -1 };
        if (cached->path == NULL)
                return NULL;
        cache->hashes[cache->count++] = hash_of(path);
        return cached;
}

bool posture_cache_keep(struct posture_cache *cache, const char *path, enum posture_cached_kind kind, int fd)
{
        struct posture_cached *cached = add(cache, path, kind);

        if (cached != NULL)
                cached->fd = fd;
        return cached != NULL;
}

static void drop_content(struct posture_cache *cache, struct posture_cached *cached)
{
        cache->bytes -= cached->len;
        free(cached->content);
        cached->content = NULL;
        cached->len = 0;
}

void posture_cache_keep_content(struct posture_cache *cache, const char *path, struct base_bytes content, bool complete,
                                const struct stat *status)
{
        struct posture_cached *cached = posture_cache_find(cache, path);
        uint8_t *copy;

        if (cached != NULL)
                drop_content(cache, cached);
        if (content.len > POSTURE_CACHE_BYTES_MAX - cache->bytes)
                return;
        copy = malloc(content.len + 1);
        if (copy != NULL && cached == NULL)
                cached = add(cache, path, status != NULL ? POSTURE_CACHED_SETTLED : POSTURE_CACHED_FIXED);
        if (copy == NULL || cached == NULL) {
                free(copy);
                return;
        }
        if (content.len > 0)
                memcpy(copy, content.data, content.len);
        cached->content = copy;
        cached->len = content.len;
        cached->complete = complete;
        if (status != NULL)
                cached->status = *status;
        cache->bytes += content.len;
}

void posture_cache_forget(struct posture_cache *cache, const char *path)
{
        struct posture_cached *cached = posture_cache_find(cache, path);
        size_t last = cache->count - 1;

        if (cached == NULL)
                return;
        drop_content(cache, cached);
        clear(cached);
        cache->hashes[cached - cache->files] = cache->hashes[last];
        *cached = cache->files[last];
        cache->count = last;
}

static bool same_time(struct timespec a, struct timespec b)
{
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool posture_cached_is(const struct posture_cached *cached, const struct stat *status)
{
        const struct stat *then = &cached->status;

        return then->st_dev == status->st_dev && then->st_ino == status->st_ino && then->st_size == status->st_size &&
               then->st_mode == status->st_mode && same_time(then->st_mtim, status->st_mtim) &&
               same_time(then->st_ctim, status->st_ctim);
}

struct posture_apt_counted *posture_cache_counted(struct posture_cache *cache)
{
        return &cache->counted;
}

/* Source: proc_pid_mountinfo(5), proc_swaps(5): POLLPRI and POLLERR after a change, once. */
bool posture_cached_changed(const struct posture_cached *cached)
{
        struct pollfd poller = { .fd = cached->fd, .events = POLLPRI };

        return poll(&poller, 1, 0) != 0;
}

enum posture_cached_kind posture_cache_kind_of(const char *path)
{
        static const struct {
                const char *prefix;
                enum posture_cached_kind kind;
        } known[] = {
                { "/proc/cpuinfo", POSTURE_CACHED_FIXED },        { "/proc/sys/kernel/osrelease", POSTURE_CACHED_FIXED },
                { "/sys/class/dmi/id/", POSTURE_CACHED_FIXED },   { "/sys/kernel/security/lsm", POSTURE_CACHED_FIXED },
                { "/sys/hypervisor/type", POSTURE_CACHED_FIXED }, { "/proc/self/mountinfo", POSTURE_CACHED_WATCHED },
                { "/proc/swaps", POSTURE_CACHED_WATCHED },
        };

        for (size_t i = 0; i < BASE_COUNT(known); i++)
                if (strncmp(path, known[i].prefix, strlen(known[i].prefix)) == 0)
                        return known[i].kind;
        return POSTURE_CACHED_OPEN;
}
