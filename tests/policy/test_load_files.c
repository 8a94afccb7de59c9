/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A tree in a temporary directory, for the tests that read files. */
struct tree {
        char root[64];
};

static int make_tree(void **state)
{
        static const char *const directories[] = {
                "/usr",
                "/usr/lib",
                "/usr/lib/attesterd",
                "/usr/lib/attesterd/policy.d",
                "/run",
                "/run/attesterd",
                "/run/attesterd/policy.d",
                "/etc",
                "/etc/attesterd",
                "/etc/attesterd/policy.d",
        };
        struct tree *tree = calloc(1, sizeof(*tree));
        char path[256];

        (void) snprintf(tree->root, sizeof(tree->root), "/tmp/policy-test-XXXXXX");
        if (mkdtemp(tree->root) == NULL)
                return -1;
        for (size_t i = 0; i < BASE_COUNT(directories); i++) {
                (void) snprintf(path, sizeof(path), "%s%s", tree->root, directories[i]);
                if (mkdir(path, 0755) < 0)
                        return -1;
        }
        *state = tree;
        return 0;
}

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        return remove(path);
}

static int remove_tree(void **state)
{
        struct tree *tree = *state;
        int result = nftw(tree->root, remove_item, 8, FTW_DEPTH | FTW_PHYS);

        free(tree);
        return result;
}

static void put_file(const struct tree *tree, const char *name, const char *text)
{
        char path[256];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s%s", tree->root, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static struct policy *load_tree(const struct tree *tree)
{
        struct policy *policy;
        struct base_error error;

        if (!policy_load_system(tree->root, NULL, &policy, &error))
                fail_msg("%s", error.message);
        return policy;
}

static void policy_load_system_without_files_is_an_empty_policy(void **state)
{
        policy_auto_policy struct policy *policy = load_tree(*state);
        policy_auto_policy struct policy *nowhere = NULL;

        assert_int_equal(policy->count, 0);
        assert_true(policy_load_system("/nonexistent", NULL, &nowhere, NULL));
        assert_int_equal(nowhere->count, 0);
}

static void policy_load_system_of_one_name_takes_the_strongest_directory(void **state)
{
        struct tree *tree = *state;

        put_file(tree, "/usr/lib/attesterd/policy.d/10-a.conf", "[Rule usr]\nRequire=custom.y\n");
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_string_equal(policy->rules[0].name, "usr");
        }
        put_file(tree, "/run/attesterd/policy.d/10-a.conf", "[Rule run]\nRequire=custom.y\n");
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_int_equal(policy->count, 1);
                assert_string_equal(policy->rules[0].name, "run");
        }
        put_file(tree, "/etc/attesterd/policy.d/10-a.conf", "[Rule etc]\nRequire=custom.y\n");
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_int_equal(policy->count, 1);
                assert_string_equal(policy->rules[0].name, "etc");
        }
}

static void policy_load_system_with_a_mask_leaves_the_name_out(void **state)
{
        struct tree *tree = *state;
        char path[256];

        put_file(tree, "/usr/lib/attesterd/policy.d/10-a.conf", "[Rule usr]\nRequire=custom.y\n");
        put_file(tree, "/usr/lib/attesterd/policy.d/ignored.txt", "nonsense");
        (void) snprintf(path, sizeof(path), "%s/etc/attesterd/policy.d/10-a.conf", tree->root);
        assert_int_equal(symlink("/dev/null", path), 0);
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_int_equal(policy->count, 0);
        }
}

/* A translation of a sentence that a later file replaced would say something else. */
static void policy_load_system_with_a_new_remedy_drops_its_translations(void **state)
{
        struct tree *tree = *state;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error;

        put_file(tree, "/usr/lib/attesterd/policy.d/10-a.conf",
                 "[Rule a]\nRequire=custom.y\nRemedy=r\nRemedy[de]=d\nRemedy[fr]=f\n[Rule b]\nRequire=custom.y\nSeverity=warn\n"
                 "Remedy=r\nRemedy[de]=d\nRemedy[fr]=f\n");
        put_file(tree, "/etc/attesterd/policy.d/20-b.conf",
                 "[Rule a]\nRemedy[it]=i\nRemedy=new\n[Rule b]\nRemedy[de]=\nRemedy[fr]=g\n");
        assert_true(policy_load_system(tree->root, NULL, &policy, &error));
        assert_int_equal(policy->rules[0].translation_count, 1);
        assert_string_equal(policy->rules[0].translations[0].locale, "it");
        assert_int_equal(policy->rules[1].translation_count, 1);
        assert_string_equal(policy->rules[1].translations[0].text, "g");
        assert_int_equal(policy->rules[1].severity, POLICY_SEVERITY_WARN);
}

static void policy_load_system_of_several_files_merges_by_key_in_name_order(void **state)
{
        struct tree *tree = *state;

        put_file(
                tree, "/etc/attesterd/policy.d/10-a.conf",
                "[Policy]\nVersion=1\n[Rule a]\nWhen=custom.w\nRequire=custom.a\nRemedy=first\n[Rule b]\nRequire=custom.b\n[Rule "
                "c]\nRequire=custom.c\n");
        /* Weaker directory, later name: it still replaces, because names order the reading. */
        put_file(tree, "/usr/lib/attesterd/policy.d/20-b.conf",
                 "[Policy]\nVersion=5\n[Rule d]\nRequire=custom.d\n[Rule a]\nRequire=custom.changed\n[Rule b]\nRequire=\n");
        put_file(tree, "/run/attesterd/policy.d/30-c.conf", "[Rule a]\nWhen=\n[Rule c]\nRemedy=last\n");
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_true(policy->version == 5);
                assert_int_equal(policy->count, 3);
                assert_string_equal(policy->rules[0].name, "a");
                assert_null(policy->rules[0].when);
                assert_null(policy->rules[0].when_expression);
                assert_string_equal(policy->rules[0].require, "custom.changed");
                assert_string_equal(policy->rules[0].remedy, "first");
                assert_string_equal(policy->rules[1].name, "c");
                assert_string_equal(policy->rules[1].require, "custom.c");
                assert_string_equal(policy->rules[1].remedy, "last");
                assert_string_equal(policy->rules[2].name, "d");
        }
        /* A removed rule may come back, in its old place. */
        put_file(tree, "/etc/attesterd/policy.d/40-d.conf", "[Rule b]\nRequire=custom.back\n");
        {
                policy_auto_policy struct policy *policy = load_tree(tree);

                assert_int_equal(policy->count, 4);
                assert_string_equal(policy->rules[1].name, "b");
                assert_string_equal(policy->rules[1].require, "custom.back");
        }
}

static void policy_load_system_of_broken_files_lists_the_errors_of_all(void **state)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct tree *tree = *state;
        struct policy *policy = NULL;
        struct base_error error;
        char expected[256];

        assert_non_null(diagnostics);
        put_file(tree, "/etc/attesterd/policy.d/10-a.conf", "[Rule a]\nRequire=x\n");
        put_file(tree, "/etc/attesterd/policy.d/20-b.conf", "[Rule a]\nRequire=custom.y\n[Rule b]\nRemedy=r\n");
        put_file(tree, "/run/attesterd/policy.d/30-c.conf", "[Rule b]\nRemedy=s\n");
        assert_false(policy_load_system(tree->root, diagnostics, &policy, &error));
        assert_int_equal(diagnostics->count, 2);
        (void) snprintf(expected, sizeof(expected), "%s/etc/attesterd/policy.d/10-a.conf", tree->root);
        assert_string_equal(diagnostics->items[0].file, expected);
        assert_int_equal(diagnostics->items[0].line, 2);
        assert_int_equal(diagnostics->items[0].column, 9);
        (void) snprintf(expected, sizeof(expected), "%s/etc/attesterd/policy.d/20-b.conf", tree->root);
        assert_string_equal(diagnostics->items[1].file, expected);
        assert_string_equal(diagnostics->items[1].what, "rule 'b' has no Require=");
        assert_int_equal(diagnostics->items[1].line, 3);
}

static void policy_load_file_that_cannot_be_read_names_it(void **state)
{
        struct tree *tree = *state;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error;
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/etc/none.conf", tree->root);
        assert_false(policy_load_file(path, NULL, &policy, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
        assert_non_null(strstr(error.message, "/etc/none.conf does not exist"));
        (void) snprintf(path, sizeof(path), "%s/etc/attesterd", tree->root);
        assert_false(policy_load_file(path, NULL, &policy, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
        put_file(tree, "/etc/one.conf", "[Rule a]\nRequire=custom.y\n");
        (void) snprintf(path, sizeof(path), "%s/etc/one.conf", tree->root);
        assert_true(policy_load_file(path, NULL, &policy, &error));
        assert_int_equal(policy->count, 1);
}

static void policy_load_file_that_is_too_large_is_refused(void **state)
{
        struct tree *tree = *state;
        struct policy *policy = NULL;
        struct base_error error;
        char path[256];

        put_file(tree, "/etc/large.conf", "");
        (void) snprintf(path, sizeof(path), "%s/etc/large.conf", tree->root);
        assert_int_equal(truncate(path, 1024 * 1024 + 1), 0);
        assert_false(policy_load_file(path, NULL, &policy, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, make_tree, remove_tree)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TREE_TEST(policy_load_system_without_files_is_an_empty_policy),
                TREE_TEST(policy_load_system_of_one_name_takes_the_strongest_directory),
                TREE_TEST(policy_load_system_with_a_mask_leaves_the_name_out),
                TREE_TEST(policy_load_system_with_a_new_remedy_drops_its_translations),
                TREE_TEST(policy_load_system_of_several_files_merges_by_key_in_name_order),
                TREE_TEST(policy_load_system_of_broken_files_lists_the_errors_of_all),
                TREE_TEST(policy_load_file_that_cannot_be_read_names_it),
                TREE_TEST(policy_load_file_that_is_too_large_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
