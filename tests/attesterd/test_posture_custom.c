/* SPDX-License-Identifier: BSD-2-Clause */
/* custom.*: the format of fact files, and which files may be believed. */
#include "attesterd/posture/custom_facts.h"
#include "attesterd/posture/posture.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void posture_custom_facts_parse_of_each_type_sets_it(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        static const char text[] =
                "# comment\n; comment\n\n  managed = true\nrack=17\nimage.base = 2025.11-2\nroom = \"Server = 2\"\r\n"
                "site-1=\tnorth";
        struct base_error error;

        if (!posture_custom_facts_parse(base_bytes_from_string(text), "/f", &facts, &error))
                fail_msg("%s", error.message);
        assert_int_equal(facts.count, 5);
        assert_true(policy_facts_find(&facts, "custom.managed")->boolean);
        assert_int_equal(policy_facts_find(&facts, "custom.rack")->integer, 17);
        assert_int_equal(policy_facts_find(&facts, "custom.image.base")->type, POLICY_FACT_VERSION);
        assert_string_equal(policy_facts_find(&facts, "custom.room")->text, "Server = 2");
        assert_string_equal(policy_facts_find(&facts, "custom.site-1")->text, "north");
        assert_string_equal(policy_facts_find(&facts, "custom.rack")->source, "/f");
        assert_int_equal(policy_facts_find(&facts, "custom.rack")->provenance, POLICY_PROVENANCE_REPORTED);
}

static void expect_error(struct base_bytes text, enum base_error_code code, const char *message)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct base_error error;

        assert_false(posture_custom_facts_parse(text, "/f", &facts, &error));
        assert_string_equal(error.message, message);
        assert_int_equal(error.code, code);
}

static void expect_invalid(const char *text, const char *message)
{
        expect_error(base_bytes_from_string(text), BASE_ERROR_CONFIG_INVALID, message);
}

static void posture_custom_facts_parse_of_a_bad_line_says_where(void **state)
{
        static const char name[] = "a name is small letters, digits, '_', '-' and '.', at most 57 bytes";
        char text[128];
        char expected[128];

        expect_invalid("\n  managed\n", "/f:2:3: expected \"name = value\"");
        expect_invalid("a =\n", "/f:1:4: expected a value, found the end");
        expect_invalid("a = b c\n", "/f:1:7: expected the end after the value, found 'c'");
        expect_invalid("a = \"b\n", "/f:1:5: the text that starts here has no closing double quote");
        expect_invalid("a = os.id\n", "/f:1:5: a fact cannot stand here; a text with a dot stands in double quotes");
        expect_invalid("a = 1\n\n a = 2\n", "/f:3:2: the name stands in this file twice");
        (void) snprintf(expected, sizeof(expected), "/f:1:1: %s", name);
        expect_invalid("= 1\n", expected);
        expect_invalid("A = 1\n", expected);
        expect_invalid("a b = 1\n", expected);
        expect_invalid("a. = 1\n", expected);
        expect_error(BASE_BYTES("a\0b = 1\n", 8), BASE_ERROR_CONFIG_INVALID, expected);
        (void) snprintf(text, sizeof(text), "%058d = 1\n", 0);
        expect_invalid(text, expected);
        (void) snprintf(text, sizeof(text), "%057d = \"", 0);
        expect_invalid(text, "/f:1:61: the text that starts here has no closing double quote");
}

static void posture_custom_facts_parse_of_too_much_keeps_the_limits(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(8192);

        for (int i = 0; i <= POSTURE_CUSTOM_FACTS_MAX; i++)
                base_buffer_printf(&text, "x%d=1\n", i);
        expect_error(base_buffer_bytes(&text), BASE_ERROR_LIMIT_EXCEEDED,
                     "/f:65:1: there are too many custom facts (at most 64)");
        base_buffer_reset(&text);
        base_buffer_printf(&text, "a = \"%0*d\"", POLICY_FACT_TEXT_BYTES_MAX + 1, 0);
        expect_error(base_buffer_bytes(&text), BASE_ERROR_LIMIT_EXCEEDED, "/f:1:6: the text is longer than 256 bytes");
}

#define FACTS_D "etc/attesterd/facts.d"

struct tree {
        char root[64];
        int fd;
        uid_t trusted_uid;
        struct policy_facts facts;
        struct policy_diagnostics diagnostics;
};

static int make_tree(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));

        (void) snprintf(tree->root, sizeof(tree->root), "/tmp/custom-test-XXXXXX");
        if (mkdtemp(tree->root) == NULL)
                return -1;
        tree->fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tree->trusted_uid = geteuid();
        *state = tree;
        return tree->fd >= 0 && mkdirat(tree->fd, "etc", 0755) == 0 && mkdirat(tree->fd, "etc/attesterd", 0755) == 0 &&
                               mkdirat(tree->fd, FACTS_D, 0755) == 0
                       ? 0
                       : -1;
}

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        return remove(path);
}

static int remove_tree(void **state)
{
        struct tree *tree = *state;
        int result = nftw(tree->root, remove_item, 8, FTW_DEPTH | FTW_PHYS);

        (void) close(tree->fd);
        policy_facts_clear(&tree->facts);
        free(tree);
        return result;
}

static void put_mode(const struct tree *tree, const char *name, const char *text, mode_t mode)
{
        base_auto_close int fd = -1;
        char path[256];

        (void) snprintf(path, sizeof(path), FACTS_D "/%s", name);
        fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void put(const struct tree *tree, const char *name, const char *text)
{
        put_mode(tree, name, text, 0644);
}

static void collect(struct tree *tree)
{
        struct posture_sources sources = { .root_fd = tree->fd, .trusted_uid = tree->trusted_uid, .clock = &base_system_clock };
        struct base_error error;

        policy_facts_clear(&tree->facts);
        tree->diagnostics = (struct policy_diagnostics){ 0 };
        if (!posture_collect(&sources, POSTURE_COLLECTORS_ALL, &tree->facts, &tree->diagnostics, &error))
                fail_msg("%s", error.message);
}

static bool has(const struct tree *tree, const char *name)
{
        return policy_facts_find(&tree->facts, name) != NULL;
}

static size_t count_custom(const struct tree *tree)
{
        size_t count = 0;

        for (size_t i = 0; i < tree->facts.count; i++)
                count += strncmp(tree->facts.items[i].name, "custom.", strlen("custom.")) == 0;
        return count;
}

/* Measures: the one refused file has that line, and the honest file beside it counts. */
static void expect_refused(struct tree *tree, enum base_error_code code, const char *what)
{
        char printed[BASE_ERROR_TEXT_MAX];

        put(tree, "90-honest.facts", "honest = true\n");
        collect(tree);
        assert_int_equal(tree->diagnostics.count, 1);
        policy_diagnostic_print(&tree->diagnostics.items[0], printed, sizeof(printed));
        assert_string_equal(printed, what);
        assert_int_equal(tree->diagnostics.items[0].code, code);
        assert_true(has(tree, "custom.honest"));
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(count_custom(tree), 1);
}

static void posture_collect_without_the_directory_has_no_custom_facts(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(unlinkat(tree->fd, FACTS_D, AT_REMOVEDIR), 0);
        collect(tree);
        assert_int_equal(count_custom(tree), 0);
        assert_int_equal(tree->diagnostics.count, 0);
}

static void posture_collect_of_several_files_takes_the_last(void **state)
{
        struct tree *tree = *state;

        put(tree, "20-b.facts", "level = 2\nonly-b = true\n");
        put(tree, "10-a.facts", "level = 1\nonly-a = true\n");
        put(tree, "30-c.txt", "level = 3\n");
        put(tree, ".hidden.facts", "level = 4\n");
        put(tree, ".facts", "level = 5\n");
        collect(tree);
        assert_int_equal(tree->diagnostics.count, 0);
        assert_int_equal(count_custom(tree), 3);
        assert_int_equal(policy_facts_find(&tree->facts, "custom.level")->integer, 2);
        assert_string_equal(policy_facts_find(&tree->facts, "custom.level")->source, "/etc/attesterd/facts.d/20-b.facts");
        assert_true(has(tree, "custom.only-a") && has(tree, "custom.only-b"));
}

static void posture_collect_with_a_malformed_file_leaves_out_all_of_it(void **state)
{
        struct tree *tree = *state;

        put(tree, "a.facts", "forged = true\nbroken\n");
        expect_refused(tree, BASE_ERROR_CONFIG_INVALID, "/etc/attesterd/facts.d/a.facts:2:1: expected \"name = value\"");
}

static void posture_collect_with_a_writable_file_refuses_it(void **state)
{
        struct tree *tree = *state;

        put_mode(tree, "a.facts", "forged = true\n", 0664);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED,
                       "/etc/attesterd/facts.d/a.facts: can be written by others than its owner");
        put_mode(tree, "a.facts", "forged = true\n", 0646);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED,
                       "/etc/attesterd/facts.d/a.facts: can be written by others than its owner");
}

static void posture_collect_with_a_link_refuses_it(void **state)
{
        struct tree *tree = *state;

        /* Even to a file that would be fine by itself. */
        put(tree, "a.target", "forged = true\n");
        assert_int_equal(symlinkat("a.target", tree->fd, FACTS_D "/a.facts"), 0);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED, "/etc/attesterd/facts.d/a.facts: is a symbolic link");
}

static void posture_collect_with_a_file_of_another_kind_refuses_it(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(mkfifoat(tree->fd, FACTS_D "/a.facts", 0644), 0);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED, "/etc/attesterd/facts.d/a.facts: is not a regular file");
        assert_int_equal(unlinkat(tree->fd, FACTS_D "/a.facts", 0), 0);
        assert_int_equal(mkdirat(tree->fd, FACTS_D "/a.facts", 0755), 0);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED, "/etc/attesterd/facts.d/a.facts: is not a regular file");
}

static void posture_collect_with_a_too_large_file_refuses_it(void **state)
{
        struct tree *tree = *state;
        char text[POSTURE_CUSTOM_FILE_BYTES_MAX + 2];

        memset(text, '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        memcpy(text, "forged=true", strlen("forged=true"));
        put(tree, "a.facts", text);
        expect_refused(tree, BASE_ERROR_IO, "/etc/attesterd/facts.d/a.facts: file too large");
        /* One byte less is fine. */
        text[sizeof(text) - 2] = '\0';
        put(tree, "a.facts", text);
        collect(tree);
        assert_int_equal(tree->diagnostics.count, 0);
        assert_true(has(tree, "custom.forged"));
}

static void posture_collect_with_another_owner_trusts_nothing(void **state)
{
        struct tree *tree = *state;

        put(tree, "a.facts", "forged = true\n");
        collect(tree);
        assert_true(has(tree, "custom.forged"));
        tree->trusted_uid = geteuid() + 1;
        collect(tree);
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(tree->diagnostics.count, 1);
        assert_string_equal(tree->diagnostics.items[0].what, "/etc/attesterd/facts.d: is not owned by root");
}

static void posture_collect_with_another_owners_file_refuses_it(void **state)
{
        struct tree *tree = *state;

        put(tree, "a.facts", "forged = true\n");
        /* Only root can give a file away. */
        if (geteuid() != 0)
                skip();
        assert_int_equal(fchownat(tree->fd, FACTS_D "/a.facts", 12345, (gid_t) -1, 0), 0);
        expect_refused(tree, BASE_ERROR_NOT_AUTHORIZED, "/etc/attesterd/facts.d/a.facts: is not owned by root");
}

static void posture_collect_with_a_writable_or_linked_directory_trusts_nothing(void **state)
{
        struct tree *tree = *state;

        put(tree, "a.facts", "forged = true\n");
        assert_int_equal(fchmodat(tree->fd, FACTS_D, 0777, 0), 0);
        collect(tree);
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(tree->diagnostics.count, 1);
        assert_string_equal(tree->diagnostics.items[0].what, "/etc/attesterd/facts.d: can be written by others than its owner");
        assert_int_equal(fchmodat(tree->fd, FACTS_D, 0755, 0), 0);
        assert_int_equal(renameat(tree->fd, FACTS_D, tree->fd, "elsewhere"), 0);
        assert_int_equal(symlinkat("../../elsewhere", tree->fd, FACTS_D), 0);
        collect(tree);
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(tree->diagnostics.count, 1);
        assert_string_equal(tree->diagnostics.items[0].what, "/etc/attesterd/facts.d: not a directory");
}

static void posture_collect_with_too_many_facts_leaves_out_the_later_files(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(8192);
        struct tree *tree = *state;

        for (int i = 0; i < POSTURE_CUSTOM_FACTS_MAX; i++)
                base_buffer_printf(&text, "x%d=1\n", i);
        put(tree, "a.facts", base_buffer_c_string(&text));
        put(tree, "b.facts", "forged = true\n");
        collect(tree);
        assert_int_equal(count_custom(tree), POSTURE_CUSTOM_FACTS_MAX);
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(tree->diagnostics.count, 1);
        assert_int_equal(tree->diagnostics.items[0].code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_string_equal(tree->diagnostics.items[0].what,
                            "/etc/attesterd/facts.d/b.facts: with it there would be more than 64 custom facts");
}

static void posture_collect_with_too_many_files_says_so(void **state)
{
        struct tree *tree = *state;
        char name[32];

        for (int i = 0; i < 65; i++) {
                (void) snprintf(name, sizeof(name), "%02d.facts", i);
                put(tree, name, "a = 1\n");
        }
        collect(tree);
        assert_int_equal(tree->diagnostics.count, 1);
        assert_string_equal(tree->diagnostics.items[0].what,
                            "/etc/attesterd/facts.d: holds more than 64 files; the rest was left out");
        assert_true(has(tree, "custom.a"));
}

static void posture_collect_with_a_bad_file_name_says_so(void **state)
{
        struct tree *tree = *state;
        char name[160];

        put(tree, "\xff.facts", "forged = true\n");
        expect_refused(tree, BASE_ERROR_CONFIG_INVALID, "/etc/attesterd/facts.d: a file's name is too long or not UTF-8 text");
        assert_int_equal(unlinkat(tree->fd, FACTS_D "/\xff.facts", 0), 0);
        /* 105 bytes fit, with the directory, in a fact's source. */
        (void) snprintf(name, sizeof(name), "%099d.facts", 0);
        put(tree, name, "long = true\n");
        collect(tree);
        assert_true(has(tree, "custom.long"));
        assert_int_equal(tree->diagnostics.count, 0);
        (void) snprintf(name, sizeof(name), "%0100d.facts", 0);
        put(tree, name, "forged = true\n");
        collect(tree);
        assert_false(has(tree, "custom.forged"));
        assert_int_equal(tree->diagnostics.count, 1);
}

static void posture_collect_without_diagnostics_still_refuses(void **state)
{
        struct tree *tree = *state;
        struct posture_sources sources = { .root_fd = tree->fd, .trusted_uid = tree->trusted_uid, .clock = &base_system_clock };

        put_mode(tree, "a.facts", "forged = true\n", 0666);
        put(tree, "b.facts", "broken\n");
        assert_true(posture_collect(&sources, POSTURE_COLLECTORS_ALL, &tree->facts, NULL, NULL));
        assert_int_equal(count_custom(tree), 0);
}

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, make_tree, remove_tree)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(posture_custom_facts_parse_of_each_type_sets_it),
                cmocka_unit_test(posture_custom_facts_parse_of_a_bad_line_says_where),
                cmocka_unit_test(posture_custom_facts_parse_of_too_much_keeps_the_limits),
                TREE_TEST(posture_collect_without_the_directory_has_no_custom_facts),
                TREE_TEST(posture_collect_of_several_files_takes_the_last),
                TREE_TEST(posture_collect_with_a_malformed_file_leaves_out_all_of_it),
                TREE_TEST(posture_collect_with_a_writable_file_refuses_it),
                TREE_TEST(posture_collect_with_a_link_refuses_it),
                TREE_TEST(posture_collect_with_a_file_of_another_kind_refuses_it),
                TREE_TEST(posture_collect_with_a_too_large_file_refuses_it),
                TREE_TEST(posture_collect_with_another_owner_trusts_nothing),
                TREE_TEST(posture_collect_with_another_owners_file_refuses_it),
                TREE_TEST(posture_collect_with_a_writable_or_linked_directory_trusts_nothing),
                TREE_TEST(posture_collect_with_too_many_facts_leaves_out_the_later_files),
                TREE_TEST(posture_collect_with_too_many_files_says_so),
                TREE_TEST(posture_collect_with_a_bad_file_name_says_so),
                TREE_TEST(posture_collect_without_diagnostics_still_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
