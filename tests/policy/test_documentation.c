/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs every fenced example of docs/policy.md, whose path is the only argument. The fence's word says what it holds. */
#include "attesterd/posture/custom_facts.h"
#include "base/file.h"
#include "policy/literal.h"
#include "policy/policy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PAGE_BYTES_MAX (64 * 1024)
#define ARROW          "→"

struct page {
        struct base_buffer text;
        struct policy_facts facts;
};

/* Calls `run` with the content of each block whose fence says `word`; returns how many there are. */
static unsigned each_block(struct page *page, const char *word, void (*run)(struct page *, char *))
{
        char fence[64];
        char *at = strdup(base_buffer_c_string(&page->text));
        char *copy = at;
        unsigned count = 0;

        assert_non_null(copy);
        (void) snprintf(fence, sizeof(fence), "\n```%s\n", word);
        while ((at = strstr(at, fence)) != NULL) {
                char *start = at + strlen(fence);
                char *end = strstr(start, "\n```");

                assert_non_null(end);
                end[1] = '\0';
                run(page, start);
                at = end + 2;
                count++;
        }
        free(copy);
        return count;
}

/* Cuts "left   → right" in two and drops the spaces between; false without an arrow. */
static bool cut_at_arrow(char *line, char **ret_right)
{
        char *arrow = strstr(line, ARROW);

        if (arrow == NULL)
                return false;
        *ret_right = arrow + strlen(ARROW " ");
        while (arrow > line && arrow[-1] == ' ')
                arrow--;
        *arrow = '\0';
        return true;
}

/* name = value [type] [@provenance], or name unreadable: reason */
static void add_fact(struct policy_facts *facts, char *line)
{
        struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED };
        char *unreadable = strstr(line, " unreadable: ");
        char *equals = strstr(line, " = ");
        char *at = strstr(line, " @");
        struct policy_fact fact = { .name = line, .source = "" };
        struct policy_literal literal;
        size_t offset;
        char *type;

        if (unreadable != NULL) {
                *unreadable = '\0';
                assert_true(policy_facts_set_unreadable(facts, line, unreadable + strlen(" unreadable: "), origin, NULL));
                return;
        }
        assert_non_null(equals);
        *equals = '\0';
        if (at != NULL) {
                *at = '\0';
                assert_true(policy_provenance_from_name(at + 2, &fact.provenance));
        }
        type = strrchr(equals + 3, ' ');
        if (type != NULL && (strcmp(type, " version") == 0 || strcmp(type, " string") == 0))
                *type = '\0';
        else
                type = NULL;
        assert_true(policy_literal_parse(base_bytes_from_string(equals + 3), &literal, &offset, NULL));
        fact.type = type == NULL ? literal.type : strcmp(type + 1, "string") == 0 ? POLICY_FACT_STRING : POLICY_FACT_VERSION;
        fact.boolean = literal.boolean;
        fact.integer = literal.integer;
        fact.text = fact.type == POLICY_FACT_STRING || fact.type == POLICY_FACT_VERSION ? literal.text : NULL;
        assert_true(policy_facts_set(facts, &fact, NULL));
}

static void run_facts(struct page *page, char *block)
{
        char *rest = NULL;

        for (char *line = strtok_r(block, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
                add_fact(&page->facts, line);
}

/* As the page writes it; `context` has POLICY_REASON_BYTES_MAX + 16 bytes. */
static void take_problem(size_t offset, const char *what, void *context)
{
        (void) snprintf(context, POLICY_REASON_BYTES_MAX + 16, "%zu: %s", offset + 1, what);
}

static void run_expressions(struct page *page, char *block)
{
        static const char *const names[] = { [POLICY_FALSE] = "false", [POLICY_TRUE] = "true", [POLICY_UNKNOWN] = "unknown" };
        char *rest = NULL;

        for (char *line = strtok_r(block, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                policy_auto_expression struct policy_expression *expression = NULL;
                char reason[POLICY_REASON_BYTES_MAX];
                char found[POLICY_REASON_BYTES_MAX + 16];
                enum policy_truth truth;
                struct base_error error;
                char *expected = NULL;
                size_t offset;

                assert_true(cut_at_arrow(line, &expected));
                if (!policy_expression_parse(base_bytes_from_string(line), &expression, &offset, &error))
                        fail_msg("%s:%zu: %s", line, offset, error.message);
                if (!policy_expression_check(expression, take_problem, found))
                        fail_msg("%s:%s", line, found);
                truth = policy_expression_evaluate(expression, &page->facts, reason);
                (void) snprintf(found, sizeof(found), "%s%s%s", names[truth], *reason == '\0' ? "" : ": ", reason);
                assert_string_equal(found, expected);
        }
}

static void run_expression_errors(struct page *page, char *block)
{
        char *rest = NULL;

        for (char *line = strtok_r(block, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                policy_auto_expression struct policy_expression *expression = NULL;
                char found[POLICY_REASON_BYTES_MAX + 16];
                struct base_error error;
                char *expected = NULL;
                size_t offset;

                assert_true(cut_at_arrow(line, &expected));
                if (!policy_expression_parse(base_bytes_from_string(line), &expression, &offset, &error))
                        take_problem(offset, error.message, found);
                else
                        assert_false(policy_expression_check(expression, take_problem, found));
                assert_string_equal(found, expected);
        }
}

static void run_policy(struct page *page, char *block)
{
        policy_auto_policy struct policy *policy = NULL;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        struct base_error error;

        if (!policy_load_buffer("policy.md", base_bytes_from_string(block), NULL, &policy, &error))
                fail_msg("%s", error.message);
        assert_true(policy->count > 0);
        assert_true(policy_evaluate(policy, &page->facts, NULL, &results, NULL));
        assert_true(results.pass);
}

static void run_policy_posture(struct page *page, char *block)
{
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error;

        if (!policy_load_buffer("policy.md", base_bytes_from_string(block), NULL, &policy, &error))
                fail_msg("%s", error.message);
        assert_int_equal(policy->count, 5);
}

static void run_policy_error(struct page *page, char *block)
{
        struct policy *policy = NULL;
        struct base_error error;
        char *expected = NULL;

        assert_true(cut_at_arrow(block, &expected));
        expected[strcspn(expected, "\n")] = '\0';
        assert_false(policy_load_buffer("f", base_bytes_from_string(block), NULL, &policy, &error));
        assert_string_equal(error.message + strlen("f:"), expected);
}

static void run_custom_facts(struct page *page, char *block)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct base_error error;

        if (!posture_custom_facts_parse(base_bytes_from_string(block), "f", &facts, &error))
                fail_msg("%s", error.message);
        assert_int_equal(facts.count, 4);
        assert_int_equal(policy_facts_find(&facts, "custom.managed")->type, POLICY_FACT_BOOLEAN);
        assert_int_equal(policy_facts_find(&facts, "custom.rack")->type, POLICY_FACT_INTEGER);
        assert_int_equal(policy_facts_find(&facts, "custom.image")->type, POLICY_FACT_VERSION);
        assert_int_equal(policy_facts_find(&facts, "custom.room")->type, POLICY_FACT_STRING);
}

static void documentation_of_expressions_is_true(void **state)
{
        struct page *page = *state;

        assert_true(each_block(page, "expression", run_expressions) >= 3);
        assert_true(each_block(page, "expression-error", run_expression_errors) >= 1);
}

static void documentation_of_policies_is_true(void **state)
{
        struct page *page = *state;

        assert_true(each_block(page, "policy", run_policy) >= 2);
        assert_int_equal(each_block(page, "policy-posture", run_policy_posture), 1);
        assert_true(each_block(page, "policy-error", run_policy_error) >= 2);
        assert_true(each_block(page, "custom-facts", run_custom_facts) >= 1);
}

/* The file with a drop-in after the page's first policy: one rule changed, one removed. */
static char directory[] = "/tmp/policy-documentation-XXXXXX";

static void write_block(const char *name, const char *block)
{
        base_auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct base_error error;

        if (!base_file_replace_at(fd, name, base_bytes_from_string(block), 0644, &error))
                fail_msg("%s", error.message);
}

static void write_first(struct page *page, char *block)
{
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/10-first.conf", directory);
        if (access(path, F_OK) < 0)
                write_block("10-first.conf", block);
}

static void write_drop_in(struct page *page, char *block)
{
        write_block("20-drop-in.conf", block);
}

static void documentation_of_drop_ins_is_true(void **state)
{
        const char *const directories[] = { directory };
        policy_auto_policy struct policy *policy = NULL;
        struct page *page = *state;
        struct base_error error;
        char path[64];

        assert_non_null(mkdtemp(directory));
        assert_true(each_block(page, "policy", write_first) >= 2);
        assert_int_equal(each_block(page, "policy-drop-in", write_drop_in), 1);
        assert_true(policy_load_directories(directories, 1, NULL, &policy, &error));
        assert_true(policy->version == 8);
        assert_int_equal(policy->count, 1);
        assert_string_equal(policy->rules[0].name, "os-current");
        assert_string_equal(policy->rules[0].require, "os.id in {debian ubuntu fedora}");
        assert_string_equal(policy->rules[0].remedy, "Run Software Updates, then restart.");
        (void) snprintf(path, sizeof(path), "%s/10-first.conf", directory);
        assert_int_equal(unlink(path), 0);
        (void) snprintf(path, sizeof(path), "%s/20-drop-in.conf", directory);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

static void documentation_of_limits_is_true(void **state)
{
        struct page *page = *state;
        const char *text = base_buffer_c_string(&page->text);
        char row[128];

        (void) snprintf(row, sizeof(row), "| rules of a policy | %d |", POLICY_RULES_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| bytes of an expression; of a text or version | %d; %d |",
                        POLICY_EXPRESSION_BYTES_MAX, POLICY_FACT_TEXT_BYTES_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| terms and operators of an expression | %d |", POLICY_EXPRESSION_NODES_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| parentheses and `not` around a term | %d |", POLICY_EXPRESSION_DEPTH_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| elements of a set | %d |", POLICY_EXPRESSION_SET_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| translations of a remedy | %d |", POLICY_TRANSLATIONS_MAX);
        assert_non_null(strstr(text, row));
        (void) snprintf(row, sizeof(row), "| facts of a device; bytes of a fact's name | %d; %d |", POLICY_FACTS_MAX,
                        POLICY_FACT_NAME_BYTES_MAX);
        assert_non_null(strstr(text, row));
}

static const char *page_path;

static int read_page(void **state)
{
        static struct page page = { .text = BASE_BUFFER_INIT(PAGE_BYTES_MAX), .facts = POLICY_FACTS_INIT };

        *state = &page;
        return base_file_read(page_path, &page.text, NULL) && each_block(&page, "facts", run_facts) == 1 ? 0 : -1;
}

static int clear_page(void **state)
{
        struct page *page = *state;

        base_buffer_clear(&page->text);
        policy_facts_clear(&page->facts);
        return 0;
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(documentation_of_expressions_is_true),
                cmocka_unit_test(documentation_of_policies_is_true),
                cmocka_unit_test(documentation_of_drop_ins_is_true),
                cmocka_unit_test(documentation_of_limits_is_true),
        };

        if (argc != 2)
                return 2;
        page_path = argv[1];
        return cmocka_run_group_tests(tests, read_page, clear_page);
}
