/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures copies of the trees of tests/data/posture and compares all facts with NAME.facts beside them, which
 * `test_posture_trees --print NAME` writes. Nothing that is planted in the trees may come out.
 */
#include "base/file.h"
#include "policy/known_facts.h"
#include "posture_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES_MAX (256 * 1024)

static const char *const trees[] = { "debian-12", "ubuntu-24.04", "fedora-41", "arch" };

static void read_data(const char *name, struct base_buffer *to)
{
        char path[4096];
        struct base_error error;

        assert_non_null(getenv("ATTESTER_TEST_DATA"));
        (void) snprintf(path, sizeof(path), "%s/posture/%s", getenv("ATTESTER_TEST_DATA"), name);
        if (!base_file_read(path, to, &error))
                fail_msg("%s", error.message);
        assert_non_null(base_buffer_c_string(to));
}

static void print_facts(const struct policy_facts *facts, struct base_buffer *to)
{
        for (size_t i = 0; i < facts->count; i++) {
                const struct policy_fact *fact = &facts->items[i];
                char value[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

                policy_fact_print(fact, value, sizeof(value));
                base_buffer_printf(to, "%s | %s | %s | %s\n", fact->name, policy_fact_type_name(fact->type), value, fact->source);
                assert_int_equal(fact->provenance, POLICY_PROVENANCE_REPORTED);
        }
        assert_non_null(base_buffer_c_string(to));
}

static void expect_tree(const struct posture_tree *tree, const char *name)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        base_auto_buffer struct base_buffer expected = BASE_BUFFER_INIT(TEXT_BYTES_MAX);
        base_auto_buffer struct base_buffer found = BASE_BUFFER_INIT(TEXT_BYTES_MAX);
        char file[64];

        posture_tree_copy(tree, name);
        posture_tree_collect(tree, &facts);
        print_facts(&facts, &found);
        (void) snprintf(file, sizeof(file), "%s.facts", name);
        read_data(file, &expected);
        assert_string_equal(base_buffer_c_string(&found), base_buffer_c_string(&expected));
}

static void posture_collect_of_debian_has_the_documented_facts(void **state)
{
        expect_tree(*state, "debian-12");
}

static void posture_collect_of_ubuntu_has_the_documented_facts(void **state)
{
        expect_tree(*state, "ubuntu-24.04");
}

static void posture_collect_of_fedora_has_the_documented_facts(void **state)
{
        expect_tree(*state, "fedora-41");
}

static void posture_collect_of_arch_has_the_documented_facts(void **state)
{
        expect_tree(*state, "arch");
}

/* Adds the facts of the TPM, which are not files. */
static void collect_all(const struct posture_tree *tree, struct policy_facts *facts)
{
        static const struct posture_tpm tpm = { .manufacturer = "IFX", .firmware = "7.85.4555.0" };

        posture_tree_collect(tree, facts);
        assert_true(posture_set_tpm(facts, &tpm, NULL, NULL));
}

static void posture_collect_and_the_known_facts_are_the_same(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        size_t count;
        const struct policy_known_fact *known = policy_known_facts(&count);
        size_t measured = 0;

        posture_tree_copy(*state, trees[0]);
        collect_all(*state, &facts);
        for (size_t i = 0; i < count; i++) {
                bool ours = known[i].setter == POLICY_SETTER_POSTURE || known[i].setter == POLICY_SETTER_TPM;
                const struct policy_fact *fact = policy_facts_find(&facts, known[i].name);

                if (ours != (fact != NULL))
                        fail_msg("%s is %s", known[i].name, ours ? "not set" : "set, but not posture's");
                measured += fact != NULL;
        }
        for (size_t i = 0; i < facts.count; i++)
                if (policy_known_fact_find(facts.items[i].name) == NULL)
                        fail_msg("%s is not in the table of known facts", facts.items[i].name);
        assert_int_equal(measured, facts.count);
}

static void posture_collect_of_all_trees_has_the_known_types(void **state)
{
        bool readable[POLICY_FACTS_MAX] = { false };
        size_t count;
        const struct policy_known_fact *known = policy_known_facts(&count);

        for (size_t tree = 0; tree < BASE_COUNT(trees); tree++) {
                policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
                void *own = NULL;

                assert_int_equal(posture_tree_make(&own), 0);
                posture_tree_copy(own, trees[tree]);
                collect_all(own, &facts);
                for (size_t i = 0; i < count; i++) {
                        const struct policy_fact *fact = policy_facts_find(&facts, known[i].name);

                        if (fact == NULL || fact->type == POLICY_FACT_UNREADABLE)
                                continue;
                        readable[i] = true;
                        if (fact->type != known[i].type)
                                fail_msg("%s of %s is %s", known[i].name, trees[tree], policy_fact_type_name(fact->type));
                }
                assert_int_equal(posture_tree_remove(&own), 0);
        }
        for (size_t i = 0; i < count; i++)
                if (known[i].setter == POLICY_SETTER_POSTURE && !readable[i])
                        fail_msg("no tree has a readable %s", known[i].name);
}

/* Whether the planted text stands in a file, a link or a name of the tree. */
static bool is_planted(const char *root, const char *text)
{
        base_auto_free char *command = NULL;

        if (asprintf(&command, "{ grep -rqF -- '%s' '%s' || find '%s' -name '*%s*' | grep -q .; } 2>/dev/null", text, root, root,
                     text) < 0)
                return false;
        return system(command) == 0;
}

static void posture_collect_of_all_trees_names_nobody(void **state)
{
        base_auto_buffer struct base_buffer planted = BASE_BUFFER_INIT(TEXT_BYTES_MAX);
        base_auto_buffer struct base_buffer printed = BASE_BUFFER_INIT(TEXT_BYTES_MAX);
        const struct posture_tree *tree = *state;
        char *rest = NULL;
        size_t count = 0;

        for (size_t i = 0; i < BASE_COUNT(trees); i++) {
                policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
                struct posture_tree below = { .fd = tree->fd };
                void *own = NULL;

                assert_int_equal(posture_tree_make(&own), 0);
                below = *(struct posture_tree *) own;
                posture_tree_copy(&below, trees[i]);
                posture_tree_collect(&below, &facts);
                print_facts(&facts, &printed);
                assert_int_equal(posture_tree_remove(&own), 0);
        }
        read_data("PLANTED", &planted);
        for (char *text = strtok_r((char *) planted.data, "\n", &rest); text != NULL; text = strtok_r(NULL, "\n", &rest)) {
                char path[4096];

                (void) snprintf(path, sizeof(path), "%s/posture/debian-12", getenv("ATTESTER_TEST_DATA"));
                if (!is_planted(path, text)) {
                        (void) snprintf(path, sizeof(path), "%s/posture/fedora-41", getenv("ATTESTER_TEST_DATA"));
                        assert_true(is_planted(path, text));
                }
                if (strcasestr(base_buffer_c_string(&printed), text) != NULL)
                        fail_msg("a fact holds %s", text);
                count++;
        }
        assert_true(count >= 8);
}

static int print_tree(const char *name)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TEXT_BYTES_MAX);
        void *tree = NULL;

        if (posture_tree_make(&tree) != 0)
                return 1;
        posture_tree_copy(tree, name);
        posture_tree_collect(tree, &facts);
        print_facts(&facts, &text);
        (void) fputs(base_buffer_c_string(&text), stdout);
        return posture_tree_remove(&tree);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                TREE_TEST(posture_collect_of_debian_has_the_documented_facts),
                TREE_TEST(posture_collect_of_ubuntu_has_the_documented_facts),
                TREE_TEST(posture_collect_of_fedora_has_the_documented_facts),
                TREE_TEST(posture_collect_of_arch_has_the_documented_facts),
                TREE_TEST(posture_collect_and_the_known_facts_are_the_same),
                cmocka_unit_test(posture_collect_of_all_trees_has_the_known_types),
                TREE_TEST(posture_collect_of_all_trees_names_nobody),
        };

        if (argc == 3 && strcmp(argv[1], "--print") == 0)
                return print_tree(argv[2]);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
