/* SPDX-License-Identifier: BSD-2-Clause */
#include "posture_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PATH_BYTES 4096

static uint64_t tree_seconds(void *context)
{
        (void) context;
        return POSTURE_TREE_NOW;
}

static uint64_t tree_ms(void *context)
{
        (void) context;
        return 0;
}

static const struct base_clock tree_clock = { .wall_seconds = tree_seconds, .monotonic_ms = tree_ms };

int posture_tree_make(void **state)
{
        struct posture_tree *tree = calloc(1, sizeof(*tree));

        if (tree == NULL)
                return -1;
        (void) snprintf(tree->root, sizeof(tree->root), "/tmp/posture-test-XXXXXX");
        if (mkdtemp(tree->root) == NULL)
                return -1;
        tree->fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = tree;
        return tree->fd >= 0 ? 0 : -1;
}

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        return remove(path);
}

int posture_tree_remove(void **state)
{
        struct posture_tree *tree = *state;
        int result = nftw(tree->root, remove_item, 8, FTW_DEPTH | FTW_PHYS);

        (void) close(tree->fd);
        free(tree);
        return result;
}

/* Makes the directories on the way to `name`. */
static void make_parents(const struct posture_tree *tree, const char *name)
{
        char path[PATH_BYTES];

        for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (slash - name), name);
                (void) mkdirat(tree->fd, path, 0755);
        }
}

void posture_tree_put(const struct posture_tree *tree, const char *name, struct base_bytes content)
{
        base_auto_close int fd = -1;

        make_parents(tree, name);
        fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, content.data, content.len), content.len);
}

void posture_tree_put_text(const struct posture_tree *tree, const char *name, const char *text)
{
        posture_tree_put(tree, name, base_bytes_from_string(text));
}

void posture_tree_put_directory(const struct posture_tree *tree, const char *name)
{
        make_parents(tree, name);
        assert_int_equal(mkdirat(tree->fd, name, 0755), 0);
}

void posture_tree_put_link(const struct posture_tree *tree, const char *name, const char *target)
{
        make_parents(tree, name);
        assert_int_equal(symlinkat(target, tree->fd, name), 0);
}

void posture_tree_set_modified(const struct posture_tree *tree, const char *name, int64_t when)
{
        const struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };

        assert_int_equal(utimensat(tree->fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* nftw(3) passes nothing to its function. */
static const struct posture_tree *copy_to;
static size_t copy_prefix_len;

static int copy_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        const char *name = path + copy_prefix_len;
        char content[PATH_BYTES * 4];
        ssize_t len;

        if (type == FTW_SL) {
                len = readlink(path, content, sizeof(content) - 1);
                if (len < 0)
                        return -1;
                content[len] = '\0';
                posture_tree_put_link(copy_to, name, content);
        } else if (type == FTW_F) {
                base_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

                len = fd < 0 ? -1 : read(fd, content, sizeof(content));
                if (len < 0 || len == sizeof(content))
                        return -1;
                posture_tree_put(copy_to, name, BASE_BYTES(content, (size_t) len));
        }
        return 0;
}

static int age_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        const struct timespec times[2] = { { .tv_sec = POSTURE_TREE_MODIFIED }, { .tv_sec = POSTURE_TREE_MODIFIED } };

        return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

void posture_tree_copy(const struct posture_tree *tree, const char *name)
{
        char path[PATH_BYTES];

        assert_non_null(getenv("ATTESTER_TEST_DATA"));
        (void) snprintf(path, sizeof(path), "%s/posture/%s/", getenv("ATTESTER_TEST_DATA"), name);
        copy_to = tree;
        copy_prefix_len = strlen(path);
        assert_int_equal(nftw(path, copy_item, 8, FTW_PHYS), 0);
        assert_int_equal(nftw(tree->root, age_item, 8, FTW_PHYS | FTW_DEPTH), 0);
}

struct posture_sources posture_tree_sources(const struct posture_tree *tree)
{
        return (struct posture_sources){ .root_fd = tree->fd, .trusted_uid = geteuid(), .clock = &tree_clock };
}

void posture_tree_collect(const struct posture_tree *tree, struct policy_facts *facts)
{
        struct posture_sources sources = posture_tree_sources(tree);
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct base_error error;

        assert_non_null(diagnostics);
        if (!posture_collect(&sources, POSTURE_COLLECTORS_ALL, facts, diagnostics, &error))
                fail_msg("%s", error.message);
        assert_int_equal(diagnostics->count, 0);
}

void posture_tree_expect(const struct posture_tree *tree, const char *name, enum policy_fact_type type, const char *text)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct policy_fact *fact;
        char printed[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        posture_tree_collect(tree, &facts);
        fact = policy_facts_find(&facts, name);
        assert_non_null(fact);
        policy_fact_print(fact, printed, sizeof(printed));
        assert_string_equal(printed, text);
        assert_int_equal(fact->type, type);
}

void posture_tree_expect_unreadable(const struct posture_tree *tree, const char *name, const char *reason)
{
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        (void) snprintf(text, sizeof(text), "unreadable: %s", reason);
        posture_tree_expect(tree, name, POLICY_FACT_UNREADABLE, text);
}
