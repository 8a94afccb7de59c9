/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_error_of(struct base_bytes text, enum base_error_code code, size_t offset, const char *message)
{
        struct policy_expression *expression = NULL;
        struct base_error error;
        size_t found;

        assert_false(policy_expression_parse(text, &expression, &found, &error));
        assert_string_equal(error.message, message);
        assert_int_equal(error.code, code);
        assert_int_equal(found, offset);
        assert_null(expression);
}

static void expect_error(const char *text, size_t offset, const char *message)
{
        expect_error_of(base_bytes_from_string(text), BASE_ERROR_POLICY_INVALID, offset, message);
}

static void expect_limit(const char *text, size_t offset, const char *message)
{
        expect_error_of(base_bytes_from_string(text), BASE_ERROR_LIMIT_EXCEEDED, offset, message);
}

static struct policy_expression *parse(const char *text)
{
        struct policy_expression *expression;
        struct base_error error;
        size_t offset;

        if (!policy_expression_parse(base_bytes_from_string(text), &expression, &offset, &error))
                fail_msg("%s:%zu: %s", text, offset, error.message);
        return expression;
}

static void expect_good(const char *text)
{
        policy_expression_free(parse(text));
}

static void policy_expression_parse_of_every_form_succeeds(void **state)
{
        expect_good("a.b");
        expect_good(" \t( a.b )\r\n");
        expect_good("not not a.b");
        expect_good("a.b==true and a.b!=false");
        expect_good("a.b<1 or a.b<=-1 or a.b>1.5 or a.b>=\"1:2 x\"");
        expect_good("a.b in{x}");
        expect_good("a.b in {1 2.5 3}");
        expect_good("a.b in {\"x y\" z}");
        expect_good("known(a.b) and unreadable ( a.b@measured )");
        expect_good("a.b @ hardware == x");
        expect_good("not(a.b)and(c.d)");
        expect_good("a.b == android or a.b == orc or a.b == nothing or a.b == input");
        expect_good("a.and or a.or and a.not");
}

static void policy_expression_parse_of_a_wrong_term_says_what_it_expected(void **state)
{
        expect_error("", 0, "expected a fact, found the end");
        expect_error("  ", 2, "expected a fact, found the end");
        expect_error("and", 0, "expected a fact, found 'and'");
        expect_error("a.b and", 7, "expected a fact, found the end");
        expect_error("a.b and or c.d", 8, "expected a fact, found 'or'");
        expect_error("not", 3, "expected a fact, found the end");
        expect_error("true", 0, "expected a fact, found 'true'");
        expect_error("\"x\" == a.b", 0, "expected a fact, found a quoted text");
        expect_error("debian", 0, "expected a fact, which has a dotted name as in os.id, found 'debian'");
        expect_error("Os.id", 0, "expected a fact, which has a dotted name as in os.id, found 'Os.id'");
        expect_error("os..id", 0, "expected a fact, which has a dotted name as in os.id, found 'os..id'");
        expect_error("()", 1, "expected a fact, found ')'");
        expect_error("a.b c.d", 4, "expected 'and', 'or' or the end, found 'c.d'");
        expect_error("a.b)", 3, "expected 'and', 'or' or the end, found ')'");
        expect_error("(a.b", 4, "expected 'and', 'or' or ')', found the end");
        expect_error("(a.b c.d)", 5, "expected 'and', 'or' or ')', found 'c.d'");
        expect_error("a.b < 1 < 2", 8, "expected 'and', 'or' or the end, found '<'");
        expect_error("known a.b", 6, "expected '(', found 'a.b'");
        expect_error("known(a.b", 9, "expected ')', found the end");
        expect_error("known(x)", 6, "expected a fact, which has a dotted name as in os.id, found 'x'");
        expect_error("a.b@", 4, "expected reported, measured or hardware after '@', found the end");
        expect_error("a.b@Hardware", 4, "expected reported, measured or hardware after '@', found 'Hardware'");
}

static void policy_expression_parse_of_a_wrong_value_says_what_is_wrong(void **state)
{
        expect_error("a.b ==", 6, "expected a value, found the end");
        expect_error("a.b == c.d", 7, "a fact cannot stand here; a text with a dot stands in double quotes");
        expect_error("a.b == and", 7, "'and' is a word of the language; as a text it stands in double quotes");
        expect_error("a.b < true", 6, "true and false have no order; compare them with == or !=");
        expect_error("a.b >= x", 7, "texts have no order; a version starts with a digit");
        expect_error("a.b >= \"x\"", 7, "texts have no order; a version starts with a digit");
        expect_error("a.b >= \"\"", 7, "texts have no order; a version starts with a digit");
        expect_error("a.b == 99999999999999999999", 7, "the number does not fit in 64 bits");
        expect_error("a.b == -1.5", 7, "a version cannot be negative");
        expect_error("a.b == \"x", 7, "the text that starts here has no closing double quote");
        expect_error("a.b == \"\\x\"", 9, "in a quoted text a backslash stands before '\"' or '\\' only");
        expect_error("a.b == \"\xff\"", 8, "the quoted text is not UTF-8 text without control characters");
        expect_error("a.b in x", 7, "expected '{', found 'x'");
        expect_error("a.b in {}", 8, "expected a value, found '}'");
        expect_error("a.b in {x", 9, "expected a value, found the end");
        expect_error("a.b in {true}", 8, "a set holds texts, numbers or versions");
        expect_error("a.b in {x 1}", 10, "a set holds either texts or numbers, not both");
        expect_error("a.b in {1 2.5 x}", 14, "a set holds either texts or numbers, not both");
        expect_error("a.b in {x, y}", 9, "unexpected character ','; a space separates the elements of a set");
}

struct others {
        char text[2048];
        unsigned count;
};

static void take_other(size_t offset, const char *what, void *context)
{
        struct others *others = context;
        size_t len = strlen(others->text);

        others->count++;
        (void) snprintf(others->text + len, sizeof(others->text) - len, "%s%zu: %s", len == 0 ? "" : "; ", offset, what);
}

static void expect_others(const char *text, const char *expected)
{
        struct policy_expression *expression = NULL;
        struct others others = { .count = 0 };
        size_t offset;

        assert_false(policy_expression_parse(base_bytes_from_string(text), &expression, &offset, NULL));
        policy_expression_report_others(base_bytes_from_string(text), take_other, &others);
        assert_string_equal(others.text, expected);
}

static void policy_expression_report_others_goes_on_at_operators_and_parentheses(void **state)
{
        expect_others("a.b = 1 and c.d < x or e.f", "18: texts have no order; a version starts with a digit");
        expect_others("(a.b = 1 and c.d) and e.f < x", "28: texts have no order; a version starts with a digit");
        expect_others("a.b c.d (e.f and g.h < x) and i.k < x", "36: texts have no order; a version starts with a digit");
        expect_others("known(a) and not unreadable(b) or in {1}",
                      "28: expected a fact, which has a dotted name as in os.id, found 'b'; 34: expected a fact, found 'in'");
        expect_others("a.b in {x 1} and (c.d in {true} or e.f == ) and g.h",
                      "26: a set holds texts, numbers or versions; 42: expected a value, found ')'");
        expect_others("a.b and and c.d or or e.f", "19: expected a fact, found 'or'");
        expect_others("a.b) and c.d) or e.f ==",
                      "12: expected 'and', 'or' or the end, found ')'; 23: expected a value, found the end");
}

static void policy_expression_report_others_tells_nothing_that_follows_from_the_first(void **state)
{
        static const char *const texts[] = {
                "a.b = debian",
                "a.b == x, y",
                "known(a.b and c.d == 1",
                "(a.b",
                "a.b and",
                "a.b and \"text or c",
                "debian(a.b) or c.d",
                "a.b && c.d",
                "a.b in {",
                ")",
                "(a.b and",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                expect_others(texts[i], "");
}

static void policy_expression_report_others_keeps_the_limits(void **state)
{
        char text[1024] = "a.b < x";
        struct others others = { .count = 0 };

        for (int i = 0; i < 40; i++)
                (void) strcat(text, " and a.b < x");
        policy_expression_report_others(base_bytes_from_string(text), take_other, &others);
        assert_int_equal(others.count, POLICY_EXPRESSION_PROBLEMS_MAX - 1);
        /* What is too deep is not looked into, and is said. */
        (void) memset(text, '(', 100);
        (void) snprintf(text + 100, sizeof(text) - 100, "a.b");
        memcpy(text, "a < 1 and ", strlen("a < 1 and "));
        others = (struct others){ .count = 0 };
        policy_expression_report_others(base_bytes_from_string(text), take_other, &others);
        assert_string_equal(others.text, "42: the expression is nested too deeply (at most 32)");
}

static void policy_expression_parse_of_other_languages_gives_a_hint(void **state)
{
        expect_error("a.b = 1", 4, "unexpected character '='; \"is equal\" is '=='");
        expect_error("!a.b", 0, "unexpected character '!'; write 'not', or '!='");
        expect_error("a.b && c.d", 4, "unexpected character '&'; write 'and'");
        expect_error("a.b || c.d", 4, "unexpected character '|'; write 'or'");
        expect_error("a.b == 'x'", 7, "unexpected character '''; texts stand in double quotes");
        expect_error("a.b == $x", 7, "unexpected character '$'");
        expect_error("a.b == \xe2\x80\x9cx", 7, "unexpected byte 0xe2; other texts than ASCII words stand in double quotes");
        expect_error_of(BASE_BYTES("a.b\0", 4), BASE_ERROR_POLICY_INVALID, 3,
                        "unexpected byte 0x00; other texts than ASCII words stand in double quotes");
}

static void policy_expression_parse_of_a_long_word_shows_its_start(void **state)
{
        expect_error("a.b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 4,
                     "expected 'and', 'or' or the end, found 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'");
}

/* Writes `count` times `before`, then `middle`, then `count` times `after`. */
static void put_repeated(struct base_buffer *to, unsigned count, const char *before, const char *middle, const char *after)
{
        for (unsigned i = 0; i < count; i++)
                base_buffer_put_string(to, before);
        base_buffer_put_string(to, middle);
        for (unsigned i = 0; i < count; i++)
                base_buffer_put_string(to, after);
}

static const char *repeat(struct base_buffer *to, unsigned count, const char *before, const char *middle, const char *after)
{
        base_buffer_reset(to);
        put_repeated(to, count, before, middle, after);
        return base_buffer_c_string(to);
}

static void policy_expression_parse_of_deep_nesting_keeps_the_limit(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(65536);

        expect_good(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX, "(", "a.b", ")"));
        expect_limit(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX + 1, "(", "a.b", ")"), POLICY_EXPRESSION_DEPTH_MAX,
                     "the expression is nested too deeply (at most 32)");
        expect_limit(repeat(&text, 2000, "(", "a.b", ")"), POLICY_EXPRESSION_DEPTH_MAX,
                     "the expression is nested too deeply (at most 32)");
        expect_good(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX, "not ", "a.b", ""));
        expect_limit(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX + 1, "not ", "a.b", ""), 4 * POLICY_EXPRESSION_DEPTH_MAX,
                     "the expression is nested too deeply (at most 32)");
        expect_good(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX / 2, "not(", "a.b", ")"));
        expect_limit(repeat(&text, POLICY_EXPRESSION_DEPTH_MAX / 2 + 1, "not(", "a.b", ")"),
                     4 * (POLICY_EXPRESSION_DEPTH_MAX / 2), "the expression is nested too deeply (at most 32)");
}

static void policy_expression_parse_of_many_terms_keeps_the_limit(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(65536);

        /* A chain is one node more than its terms. */
        expect_good(repeat(&text, POLICY_EXPRESSION_NODES_MAX - 2, "a.b or ", "a.b", ""));
        expect_limit(repeat(&text, POLICY_EXPRESSION_NODES_MAX - 1, "a.b or ", "a.b", ""), 0,
                     "the expression has too many terms (at most 512)");
        expect_limit(repeat(&text, POLICY_EXPRESSION_NODES_MAX, "a.b or ", "a.b", ""), 7 * POLICY_EXPRESSION_NODES_MAX,
                     "the expression has too many terms (at most 512)");
}

static void policy_expression_parse_of_long_input_keeps_the_limits(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(65536);
        char name[POLICY_FACT_NAME_BYTES_MAX + 2] = "a.";

        expect_good(repeat(&text, POLICY_EXPRESSION_BYTES_MAX - 3, " ", "a.b", ""));
        expect_limit(repeat(&text, POLICY_EXPRESSION_BYTES_MAX - 2, " ", "a.b", ""), POLICY_EXPRESSION_BYTES_MAX,
                     "the expression has too many bytes (at most 4096)");
        base_buffer_reset(&text);
        base_buffer_put_string(&text, "a.b in {");
        put_repeated(&text, POLICY_EXPRESSION_SET_MAX, "x ", "}", "");
        expect_good(base_buffer_c_string(&text));
        base_buffer_reset(&text);
        base_buffer_put_string(&text, "a.b in {");
        put_repeated(&text, POLICY_EXPRESSION_SET_MAX + 1, "x ", "}", "");
        expect_limit(base_buffer_c_string(&text), 8 + 2 * POLICY_EXPRESSION_SET_MAX,
                     "the set has too many elements (at most 64)");
        memset(name + 2, 'b', POLICY_FACT_NAME_BYTES_MAX - 2);
        expect_good(name);
        name[POLICY_FACT_NAME_BYTES_MAX] = 'b';
        expect_limit(name, 0, "the fact's name is too long (at most 64)");
        base_buffer_reset(&text);
        base_buffer_put_string(&text, "a.b == \"");
        put_repeated(&text, POLICY_FACT_TEXT_BYTES_MAX + 1, "x", "\"", "");
        expect_limit(base_buffer_c_string(&text), 8, "the text is longer than 256 bytes");
}

static void policy_expression_parse_without_error_only_fails(void **state)
{
        struct policy_expression *expression = NULL;
        size_t offset;

        assert_false(policy_expression_parse(base_bytes_from_string("a.b =="), &expression, &offset, NULL));
        assert_int_equal(offset, 6);
        policy_expression_free(NULL);
}

static void append_name(const char *fact_name, void *context)
{
        base_buffer_printf(context, "%s ", fact_name);
}

static void policy_expression_visit_facts_names_them_in_order(void **state)
{
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(256);
        policy_auto_expression struct policy_expression *expression = parse(
                "z.z and (not a.a or known(m.m)) and b.b in {1 2} or z.z@hardware == x");

        policy_expression_visit_facts(expression, append_name, &names);
        assert_string_equal(base_buffer_c_string(&names), "z.z a.a m.m b.b z.z ");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_expression_parse_of_every_form_succeeds),
                cmocka_unit_test(policy_expression_parse_of_a_wrong_term_says_what_it_expected),
                cmocka_unit_test(policy_expression_parse_of_a_wrong_value_says_what_is_wrong),
                cmocka_unit_test(policy_expression_report_others_goes_on_at_operators_and_parentheses),
                cmocka_unit_test(policy_expression_report_others_tells_nothing_that_follows_from_the_first),
                cmocka_unit_test(policy_expression_report_others_keeps_the_limits),
                cmocka_unit_test(policy_expression_parse_of_other_languages_gives_a_hint),
                cmocka_unit_test(policy_expression_parse_of_a_long_word_shows_its_start),
                cmocka_unit_test(policy_expression_parse_of_deep_nesting_keeps_the_limit),
                cmocka_unit_test(policy_expression_parse_of_many_terms_keeps_the_limit),
                cmocka_unit_test(policy_expression_parse_of_long_input_keeps_the_limits),
                cmocka_unit_test(policy_expression_parse_without_error_only_fails),
                cmocka_unit_test(policy_expression_visit_facts_names_them_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
