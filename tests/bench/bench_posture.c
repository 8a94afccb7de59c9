/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long it takes to measure the posture of this machine: the first time in this process, and then with all in the caches;
 * with the same number of bare opens and reads of one file of procfs beside it.
 */
#include "attesterd/posture/posture.h"

#include <fcntl.h>
#include <time.h>

#define ROUNDS 500

static uint64_t now_ns(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000U + (uint64_t) now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        uint64_t left = *(const uint64_t *) a;
        uint64_t right = *(const uint64_t *) b;

        return (left > right) - (left < right);
}

/* What a policy of a fleet may name. */
static uint32_t collectors_of_a_policy(void)
{
        static const char *const facts[] = {
                "os.id", "os.version", "os.updates.age", "os.reboot_required", "disk.root_encrypted", "boot.secure_boot"
        };
        uint32_t collectors = 0;

        for (size_t i = 0; i < BASE_COUNT(facts); i++)
                collectors |= posture_collectors_of(facts[i]);
        return collectors;
}

static bool measure(int root_fd, struct posture_cache *cache, uint32_t collectors, uint64_t *ret_ns, size_t *ret_count,
                    struct base_error *error)
{
        const struct posture_sources sources = { .root_fd = root_fd, .clock = &base_system_clock, .cache = cache };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        uint64_t start = now_ns();

        if (!posture_collect(&sources, collectors, &facts, NULL, error))
                return false;
        *ret_ns = now_ns() - start;
        *ret_count = facts.count;
        return true;
}

static uint64_t read_bare(size_t count)
{
        uint64_t start = now_ns();
        char line[256];

        for (size_t i = 0; i < count; i++) {
                base_auto_close int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);

                if (read(fd, line, sizeof(line)) < 0)
                        return 0;
        }
        return now_ns() - start;
}

static void print(const char *figure, uint64_t ns)
{
        (void) printf("{\"figure\":\"%s\",\"unit\":\"us\",\"value\":%.1f}\n", figure, (double) ns / 1000);
}

int main(int argc, char **argv)
{
        base_auto_close int root_fd = open(argc > 1 ? argv[1] : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct base_error error = BASE_ERROR_INIT;
        uint64_t times[ROUNDS];
        uint64_t named[ROUNDS];
        uint64_t bare[ROUNDS];
        uint64_t cold;
        size_t count, few;
        struct posture_cache *cache = NULL;
        bool ok = posture_cache_new(&cache, &error) && measure(root_fd, cache, POSTURE_COLLECTORS_ALL, &cold, &count, &error);

        for (size_t i = 0; ok && i < ROUNDS; i++) {
                ok = measure(root_fd, cache, POSTURE_COLLECTORS_ALL, &times[i], &count, &error) &&
                     measure(root_fd, cache, collectors_of_a_policy(), &named[i], &few, &error);
                bare[i] = read_bare(count);
        }
        if (!ok) {
                (void) fprintf(stderr, "%s\n", error.message);
                return 1;
        }
        qsort(times, ROUNDS, sizeof(times[0]), compare);
        qsort(named, ROUNDS, sizeof(named[0]), compare);
        qsort(bare, ROUNDS, sizeof(bare[0]), compare);
        print("posture of this machine, first time", cold);
        print("posture of this machine, warm, p50", times[ROUNDS / 2]);
        print("of it, what a policy of six facts names, warm, p50", named[ROUNDS / 2]);
        print("as many bare reads of a file of procfs as there are facts, p50", bare[ROUNDS / 2]);
        return 0;
}
