/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct policy *load(const char *text)
{
        struct policy *policy;
        struct base_error error;

        if (!policy_load_buffer("p.conf", base_bytes_from_string(text), NULL, &policy, &error))
                fail_msg("%s", error.message);
        return policy;
}

static void policy_load_buffer_of_a_policy_holds_its_rules(void **state)
{
        policy_auto_policy struct policy *policy = load("# comment\n"
                                                        "[Policy]\n"
                                                        "Version=7\n"
                                                        "[Rule os-current]\n"
                                                        "Require=os.id in {debian ubuntu} and os.version >= 12.5\n"
                                                        "Remedy=Run Software Updates, then restart…\n"
                                                        "[ Rule\t in-focus ]\n"
                                                        "When=request.interactive\n"
                                                        "Require=window.focused\n");

        assert_true(policy->version == 7);
        assert_int_equal(policy->count, 2);
        assert_string_equal(policy->rules[0].name, "os-current");
        assert_null(policy->rules[0].when);
        assert_null(policy->rules[0].when_expression);
        assert_string_equal(policy->rules[0].require, "os.id in {debian ubuntu} and os.version >= 12.5");
        assert_string_equal(policy->rules[0].remedy, "Run Software Updates, then restart…");
        assert_string_equal(policy->rules[1].name, "in-focus");
        assert_string_equal(policy->rules[1].when, "request.interactive");
        assert_string_equal(policy->rules[1].require, "window.focused");
        assert_string_equal(policy->rules[1].remedy, "");
}

static void policy_load_buffer_of_nothing_is_an_empty_policy(void **state)
{
        policy_auto_policy struct policy *policy = load("");
        policy_auto_policy struct policy *comment = load("# nothing\n\n[Policy]\n");

        assert_true(policy->version == 0);
        assert_int_equal(policy->count, 0);
        assert_memory_equal(policy->digest, comment->digest, BASE_SHA256_LEN);
}

static void policy_load_buffer_of_an_empty_require_removes_the_rule(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=\n[Rule b]\nRequire=custom.y\n");

        assert_int_equal(policy->count, 1);
        assert_string_equal(policy->rules[0].name, "b");
}

static bool equal_digests(const char *a, const char *b)
{
        policy_auto_policy struct policy *first = load(a);
        policy_auto_policy struct policy *second = load(b);

        return memcmp(first->digest, second->digest, BASE_SHA256_LEN) == 0;
}

static void policy_load_buffer_of_equal_rules_has_equal_digests(void **state)
{
        static const char base[] = "[Policy]\nVersion=1\n[Rule a]\nWhen=custom.w\nRequire=custom.y\nRemedy=r\n";

        assert_true(equal_digests(base, "; c\n[Rule a]\nRemedy =  r \nRequire= custom.y\nWhen=custom.w\n[Policy]\nVersion=01\n"));
        assert_true(equal_digests("[Rule a]\nRequire=custom.y\n",
                                  "[Rule a]\nRequire=custom.y\nWhen=\nRemedy=\n[Rule b]\nRequire=\n"));
        assert_false(equal_digests(base, "[Policy]\nVersion=2\n[Rule a]\nWhen=custom.w\nRequire=custom.y\nRemedy=r\n"));
        assert_false(equal_digests(base, "[Policy]\nVersion=1\n[Rule b]\nWhen=custom.w\nRequire=custom.y\nRemedy=r\n"));
        assert_false(equal_digests(base, "[Policy]\nVersion=1\n[Rule a]\nRequire=custom.y\nRemedy=r\n"));
        assert_false(equal_digests(base, "[Policy]\nVersion=1\n[Rule a]\nWhen=custom.y\nRequire=custom.w\nRemedy=r\n"));
        assert_false(equal_digests(base, "[Policy]\nVersion=1\n[Rule a]\nWhen=custom.w\nRequire=custom.y\n"));
        assert_false(equal_digests("[Rule a]\nRequire=custom.y\n[Rule b]\nRequire=custom.y\n",
                                   "[Rule b]\nRequire=custom.y\n[Rule a]\nRequire=custom.y\n"));
}

static void policy_load_buffer_of_the_empty_policy_has_the_documented_digest(void **state)
{
        /* SHA-256 of 00000013 "attesterd policy 3" 8 zero bytes 4 zero bytes, the first number being the label's length. */
        static const uint8_t serialised[] = "\0\0\0\x12"
                                            "attesterd policy 3\0\0\0\0\0\0\0\0\0\0\0";
        policy_auto_policy struct policy *policy = load("");
        struct base_bytes bytes = BASE_BYTES(serialised, sizeof(serialised));
        uint8_t digest[BASE_SHA256_LEN];

        assert_int_equal(sizeof(serialised), 4 + 18 + 8 + 4);
        assert_true(base_sha256(&bytes, 1, digest, NULL));
        assert_memory_equal(policy->digest, digest, BASE_SHA256_LEN);
}

static void expect_error(const char *text, enum base_error_code code, const char *message)
{
        struct policy *policy = NULL;
        struct base_error error;

        assert_false(policy_load_buffer("p.conf", base_bytes_from_string(text), NULL, &policy, &error));
        assert_string_equal(error.message, message);
        assert_int_equal(error.code, code);
        assert_null(policy);
}

static void expect_invalid(const char *text, const char *message)
{
        expect_error(text, BASE_ERROR_POLICY_INVALID, message);
}

static void policy_load_buffer_of_unknown_names_suggests_the_nearest(void **state)
{
        expect_invalid("[policy]\n", "p.conf:1:2: unknown section 'policy'; did you mean 'Policy'?");
        expect_invalid("  [ Rules a]\n", "p.conf:1:5: unknown section 'Rules'; did you mean 'Rule'?");
        expect_invalid("[Issuer]\nRequire=x\n", "p.conf:1:2: unknown section 'Issuer'");
        expect_invalid("[Policy x]\n", "p.conf:1:9: [Policy] takes no name");
        expect_invalid("[Policy]\nVersoin=1\n", "p.conf:2:1: unknown key 'Versoin'; did you mean 'Version'?");
        expect_invalid("[Policy]\n\tRequire=1\n", "p.conf:2:2: unknown key 'Require'");
        expect_invalid("[Rule a]\n Requires = custom.y\n", "p.conf:2:2: unknown key 'Requires'; did you mean 'Require'?");
        expect_invalid("[Rule a]\nwhen=custom.y\n", "p.conf:2:1: unknown key 'when'; did you mean 'When'?");
        expect_invalid("[Rule a]\nSomethingElseAltogetherThatIsVeryLongIndeed=custom.y\n",
                       "p.conf:2:1: unknown key 'SomethingElseAltogetherThatIsVeryLongInd'");
        expect_invalid("[Rule a]\n\xff=custom.y\n", "p.conf:2:1: unknown key '?'");
}

static void policy_load_buffer_of_bad_rule_names_is_refused(void **state)
{
        static const char rule[] = "a rule's name is at most 64 letters, digits, '_', '-' and '.', the first a letter or digit";
        char text[256];
        char expected[256];

        expect_invalid("[Rule]\nRequire=custom.y\n", "p.conf:1:6: a rule needs a name, as in [Rule os-current]");
        expect_invalid("[Rule ]\n", "p.conf:1:6: a rule needs a name, as in [Rule os-current]");
        (void) snprintf(expected, sizeof(expected), "p.conf:1:7: %s", rule);
        expect_invalid("[Rule -a]\n", expected);
        expect_invalid("[Rule a b]\n", expected);
        expect_invalid("[Rule \xc3\xa9]\n", expected);
        (void) snprintf(text, sizeof(text), "[Rule %064d]\nRequire=custom.y\n", 0);
        policy_free(load(text));
        (void) snprintf(text, sizeof(text), "[Rule %065d]\nRequire=custom.y\n", 0);
        expect_invalid(text, expected);
}

static void policy_load_buffer_of_duplicates_is_refused(void **state)
{
        expect_invalid("[Policy]\nVersion=1\nVersion=2\n", "p.conf:3:1: Version= stands in this file twice");
        expect_invalid("[Policy]\nVersion=1\n[Policy]\n Version=2\n", "p.conf:4:2: Version= stands in this file twice");
        expect_invalid("[Rule a]\nRequire=custom.y\n[Rule b]\nRequire=custom.y\n[Rule a]\nRequire=custom.z\n",
                       "p.conf:5:7: rule 'a' stands in this file twice, first in line 1");
        expect_invalid("[Rule a]\nRequire=custom.y\nRequire=custom.y\n", "p.conf:3:1: Require= stands in this rule twice");
        expect_invalid("[Rule a]\nRequire=custom.y\nWhen=custom.y\n When=\n", "p.conf:4:2: When= stands in this rule twice");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy=a\nRemedy=b\n", "p.conf:4:1: Remedy= stands in this rule twice");
}

static void policy_load_buffer_of_bad_values_says_where(void **state)
{
        static const char version[] = "p.conf:2:9: Version= is not an unsigned integer of 64 bits";

        expect_invalid("[Policy]\nVersion=\n", version);
        expect_invalid("[Policy]\nVersion=-1\n", version);
        expect_invalid("[Policy]\nVersion=1.5\n", version);
        expect_invalid("[Policy]\nVersion=18446744073709551616\n", version);
        policy_free(load("[Policy]\nVersion=18446744073709551615\n"));
        expect_invalid("[Rule a]\nWhen=custom.y\n", "p.conf:1:7: rule 'a' has no Require=");
        expect_invalid("[Rule a]\nRequire=custom.y ==\n", "p.conf:2:20: expected a value, found the end");
        expect_invalid("[Rule a]\n  When =  custom.y <\nRequire=custom.y", "p.conf:2:21: expected a value, found the end");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy=a\tb\n",
                       "p.conf:3:8: the remedy is not UTF-8 text without control characters");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy=\xff\n",
                       "p.conf:3:8: the remedy is not UTF-8 text without control characters");
        expect_invalid("[Rule a]\nRequire=((((((((((((((((((((((((((((((((custom.y))))))))))))))))))))))))))))))))) or (\n",
                       "p.conf:2:81: expected 'and', 'or' or the end, found ')'");
        expect_error("[Rule a]\nRequire=(((((((((((((((((((((((((((((((((custom.y)))))))))))))))))))))))))))))))))\n",
                     BASE_ERROR_LIMIT_EXCEEDED, "p.conf:2:41: the expression is nested too deeply (at most 32)");
}

static void policy_load_buffer_of_broken_ini_says_where(void **state)
{
        expect_invalid("[Rule a\n", "p.conf:1:1: the section name has no closing ']'");
        expect_invalid("Require=custom.y\n", "p.conf:1:1: an entry stands before the first [Section]");
        expect_invalid("[Rule a]\nRequire=custom.y\nnonsense\n", "p.conf:3:1: expected \"Key=Value\" or \"[Section]\"");
}

static void policy_load_buffer_of_a_long_entry_keeps_the_limit(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(16384);

        base_buffer_printf(&text, "[Rule a]\nRequire=%0*d\n", 8193, 0);
        expect_error(base_buffer_c_string(&text), BASE_ERROR_LIMIT_EXCEEDED, "p.conf:2:1: the entry is longer than 8192 bytes");
        base_buffer_reset(&text);
        base_buffer_printf(&text, "[Rule a]\nRequire=custom.y == \"%0*d\"\n", POLICY_EXPRESSION_BYTES_MAX, 0);
        expect_error(base_buffer_c_string(&text), BASE_ERROR_LIMIT_EXCEEDED,
                     "p.conf:2:4105: the expression has too many bytes (at most 4096)");
}

static void policy_load_buffer_of_continued_lines_finds_the_place(void **state)
{
        /* A comment between the lines is dropped; the columns are those of the physical lines. */
        expect_invalid("[Rule a]\nRequire=custom.y and \\\n   custom.z = 1\n",
                       "p.conf:3:13: unexpected character '='; \"is equal\" is '=='");
        expect_invalid("[Rule a]\nRequire=custom.y and \\\n  # x\n ; y\n   custom.z and \\\n custom.w x\n",
                       "p.conf:6:11: expected 'and', 'or' or the end, found 'x'");
        expect_invalid("[Rule a]\nRequire= \\\n \\\n  x\n",
                       "p.conf:4:3: expected a fact, which has a dotted name as in os.id, found 'x'");
        expect_invalid("[Rule a]\nRequire=x \\\n  and custom.y\n",
                       "p.conf:2:9: expected a fact, which has a dotted name as in os.id, found 'x'");
        expect_invalid("[Rule a]\nRequire=custom.y and\\\ncustom.z and\n", "p.conf:3:13: expected a fact, found the end");
}

static void policy_load_buffer_of_an_unknown_fact_names_the_nearest(void **state)
{
        expect_invalid("[Rule a]\nRequire=os.i == debian\n", "p.conf:2:9: there is no fact 'os.i'; did you mean 'os.id'?");
        expect_invalid("[Rule a]\nRequire=os.id == x and \\\n  not disk.root_encrypt\n",
                       "p.conf:3:7: there is no fact 'disk.root_encrypt'; did you mean 'disk.root_encrypted'?");
        expect_invalid("[Rule a]\nRequire=os.id == x\nWhen=request.interactive and known(widow.focused)\n",
                       "p.conf:3:36: there is no fact 'widow.focused'; did you mean 'window.focused'?");
        expect_invalid("[Rule a]\nRequire=no.such\n",
                       "p.conf:2:9: there is no fact 'no.such'; facts of your own start with 'custom.'");
        expect_invalid("[Rule a]\nRequire=customs.x\n",
                       "p.conf:2:9: there is no fact 'customs.x'; facts of your own start with 'custom.'");
        policy_free(load("[Rule a]\nRequire=custom.any == 1 and request.any and pcr.sha256.7 == \"00\"\n"));
}

static void policy_load_buffer_of_a_value_of_another_type_says_where(void **state)
{
        expect_invalid("[Rule a]\nRequire=os.id\n", "p.conf:2:9: os.id is not true or false; compare it with a value");
        expect_invalid("[Rule a]\nRequire=os.build == 17\n",
                       "p.conf:2:21: os.build is a text; what looks like a number stands in double quotes");
        expect_invalid("[Rule a]\nRequire=os.id >= 12.5\n", "p.conf:2:9: os.id is a text, and texts have no order");
        expect_invalid("[Rule a]\nRequire=os.id in {1 2}\n",
                       "p.conf:2:19: os.id is a text; what looks like a number stands in double quotes");
        expect_invalid("[Rule a]\nRequire=kernel.taint == none\n",
                       "p.conf:2:25: kernel.taint is a number; compare it with one, as in 17, or with a time, as in 7d");
        expect_invalid("[Rule a]\nRequire=kernel.taint in {1 2.0}\n",
                       "p.conf:2:28: kernel.taint is a number; compare it with one, as in 17, or with a time, as in 7d");
        expect_invalid("[Rule a]\nRequire=boot.secure_boot == 1\n", "p.conf:2:29: boot.secure_boot is true or false");
        expect_invalid("[Rule a]\nRequire=os.version == bookworm\n",
                       "p.conf:2:23: os.version is a version; compare it with one, which starts with a digit");
        expect_invalid("[Rule a]\nRequire=os.version == true\n",
                       "p.conf:2:23: os.version is a version; compare it with one, which starts with a digit");
        policy_free(load("[Rule a]\nRequire=os.version >= 12 and os.version in {\"12.5\" \"12.6\"} and os.updates.age < 7d and "
                         "os.build == \"17\" and boot.secure_boot != false\n"));
}

static void policy_load_buffer_of_a_severity_keeps_it(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.y\nSeverity=warn\n[Rule b]\nRequire=custom.y\n"
                                                        "Severity=require\n[Rule c]\nRequire=custom.y\n[Rule d]\n"
                                                        "Severity=\nRequire=custom.y\n");
        static const enum policy_severity expected[] = { POLICY_SEVERITY_WARN, POLICY_SEVERITY_REQUIRE, POLICY_SEVERITY_REQUIRE,
                                                         POLICY_SEVERITY_REQUIRE };

        for (size_t i = 0; i < BASE_COUNT(expected); i++)
                assert_int_equal(policy->rules[i].severity, expected[i]);
        expect_invalid("[Rule a]\nRequire=custom.y\nSeverity=Warn\n", "p.conf:3:10: Severity= is 'require' or 'warn'");
        expect_invalid("[Rule a]\nRequire=custom.y\nSeverity=warn\nSeverity=warn\n",
                       "p.conf:4:1: Severity= stands in this rule twice");
        assert_false(equal_digests("[Rule a]\nRequire=custom.y\n", "[Rule a]\nRequire=custom.y\nSeverity=warn\n"));
}

static void policy_load_buffer_of_translations_sorts_them(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule a]\nRemedy[fr]=f\nRequire=custom.y\nRemedy[de]=d\nRemedy=r\nRemedy[de_AT]=a\nRemedy[xx]=\n");

        assert_int_equal(policy->rules[0].translation_count, 3);
        assert_string_equal(policy->rules[0].translations[0].locale, "de");
        assert_string_equal(policy->rules[0].translations[1].locale, "de_AT");
        assert_string_equal(policy->rules[0].translations[2].text, "f");
        assert_true(equal_digests("[Rule a]\nRequire=custom.y\nRemedy[a]=1\nRemedy[b]=2\n",
                                  "[Rule a]\nRequire=custom.y\nRemedy[b]=2\nRemedy[a]=1\n"));
        assert_false(equal_digests("[Rule a]\nRequire=custom.y\nRemedy[a]=1\n", "[Rule a]\nRequire=custom.y\nRemedy[b]=1\n"));
        assert_false(equal_digests("[Rule a]\nRequire=custom.y\nRemedy[a]=1\n", "[Rule a]\nRequire=custom.y\nRemedy[a]=2\n"));
}

static void policy_load_buffer_of_bad_translations_says_where(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(64 * 1024);

        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy[]=d\n",
                       "p.conf:3:1: the brackets hold no locale, as in Remedy[de] or Remedy[pt_BR]");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy[1]=d\n",
                       "p.conf:3:1: the brackets hold no locale, as in Remedy[de] or Remedy[pt_BR]");
        expect_invalid("[Rule a]\nRequire=custom.y\n Remedy[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]=d\n",
                       "p.conf:3:2: the brackets hold no locale, as in Remedy[de] or Remedy[pt_BR]");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy[=d\n", "p.conf:3:1: unknown key 'Remedy['; did you mean 'Remedy'?");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy[de]=d\nRemedy[de]=e\n",
                       "p.conf:4:1: Remedy[de]= stands in this rule twice");
        expect_invalid("[Rule a]\nRequire=custom.y\nRemedy[de]=\xff\n",
                       "p.conf:3:12: the remedy is not UTF-8 text without control characters");
        base_buffer_printf(&text, "[Rule a]\nRequire=custom.y\nRemedy[de]=%0513d\n", 0);
        expect_error(base_buffer_c_string(&text), BASE_ERROR_LIMIT_EXCEEDED,
                     "p.conf:3:524: the remedy is too long (at most 512 bytes)");
        base_buffer_reset(&text);
        base_buffer_put_string(&text, "[Rule a]\nRequire=custom.y\n");
        for (int i = 0; i <= POLICY_TRANSLATIONS_MAX; i++)
                base_buffer_printf(&text, "Remedy[l%d]=x\n", i);
        expect_error(base_buffer_c_string(&text), BASE_ERROR_LIMIT_EXCEEDED,
                     "p.conf:67:1: the remedy has too many translations (at most 64)");
}

static void policy_rule_remedy_of_a_locale_falls_back(void **state)
{
        static const struct {
                const char *locale;
                const char *remedy;
        } rows[] = {
                { NULL, "r" },
                { "", "r" },
                { "C", "r" },
                { "fr_FR.UTF-8", "r" },
                { "de", "d" },
                { "de_DE.UTF-8", "d" },
                { "de-CH", "d" },
                { "de_AT", "a" },
                { "de-AT", "a" },
                { "de_AT.UTF-8@euro", "a" },
                { "deu", "r" },
                { "sr@latin", "sl" },
                { "sr_RS.UTF-8@latin", "sl" },
                { "sr_RS", "s" },
                { "pt_BR.UTF-8", "b" },
                { "pt_PT", "r" },
                { "de_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "r" },
        };
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.y\nRemedy=r\nRemedy[de]=d\nRemedy[de_AT]=a\n"
                                                        "Remedy[sr]=s\nRemedy[sr@latin]=sl\nRemedy[pt-BR]=b\n");

        for (size_t i = 0; i < BASE_COUNT(rows); i++)
                assert_string_equal(policy_rule_remedy(&policy->rules[0], rows[i].locale), rows[i].remedy);
}

static void policy_load_buffer_of_a_long_remedy_keeps_the_limit(void **state)
{
        char text[POLICY_RULE_REMEDY_BYTES_MAX + 64];
        size_t len = (size_t) snprintf(text, sizeof(text), "[Rule a]\nRequire=custom.y\nRemedy=");

        memset(text + len, 'r', POLICY_RULE_REMEDY_BYTES_MAX + 1);
        text[len + POLICY_RULE_REMEDY_BYTES_MAX] = '\0';
        policy_free(load(text));
        text[len + POLICY_RULE_REMEDY_BYTES_MAX] = 'r';
        text[len + POLICY_RULE_REMEDY_BYTES_MAX + 1] = '\0';
        expect_error(text, BASE_ERROR_LIMIT_EXCEEDED, "p.conf:3:520: the remedy is too long (at most 512 bytes)");
}

static void policy_load_buffer_of_many_rules_keeps_the_limit(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(1024 * 1024);
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error;

        for (int i = 0; i < POLICY_RULES_MAX; i++)
                base_buffer_printf(&text, "[Rule r%d]\nRequire=custom.y\n", i);
        assert_true(policy_load_buffer("p.conf", base_buffer_bytes(&text), NULL, &policy, &error));
        assert_int_equal(policy->count, POLICY_RULES_MAX);
        base_buffer_put_string(&text, "[Rule one-more]\nRequire=custom.y\n");
        assert_false(policy_load_buffer("p.conf", base_buffer_bytes(&text), NULL, &policy, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_string_equal(error.message, "p.conf:2049:7: the policy has too many rules (at most 1024)");
}

static void policy_load_buffer_with_many_errors_lists_them_all(void **state)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct policy *policy = NULL;
        struct base_error error;
        static const char text[] =
                "[Policy]\nVersion=x\nOther=1\n[Rule a]\nRequire=custom.y = 1 or custom.z < "
                "yes\nWhen=(custom.y\n[Rules]\nKey=Value\n"
                "[Rule b]\nRemedy=r\n[Rule e]\nRequire=os.idd == debian and \\\n  kernel.taint and os.id in {1 2}\n"
                "[Rule c]\nRequire=x\nnonsense\n[Rule d]\n";
        static const char *const expected[] = {
                "p.conf:2:9: Version= is not an unsigned integer of 64 bits",
                "p.conf:3:1: unknown key 'Other'",
                "p.conf:5:18: unexpected character '='; \"is equal\" is '=='",
                "p.conf:5:36: texts have no order; a version starts with a digit",
                "p.conf:6:15: expected 'and', 'or' or ')', found the end",
                "p.conf:7:2: unknown section 'Rules'; did you mean 'Rule'?",
                "p.conf:12:9: there is no fact 'os.idd'; did you mean 'os.id'?",
                "p.conf:13:3: kernel.taint is not true or false; compare it with a value",
                "p.conf:13:30: os.id is a text; what looks like a number stands in double quotes",
                "p.conf:13:32: os.id is a text; what looks like a number stands in double quotes",
                "p.conf:15:9: expected a fact, which has a dotted name as in os.id, found 'x'",
                "p.conf:16:1: expected \"Key=Value\" or \"[Section]\"", /* the rest of the file is not read */
                "p.conf:9:7: rule 'b' has no Require=",
        };
        char printed[BASE_ERROR_TEXT_MAX];

        assert_non_null(diagnostics);
        assert_false(policy_load_buffer("p.conf", base_bytes_from_string(text), diagnostics, &policy, &error));
        assert_int_equal(diagnostics->count, BASE_COUNT(expected));
        for (size_t i = 0; i < BASE_COUNT(expected); i++) {
                policy_diagnostic_print(&diagnostics->items[i], printed, sizeof(printed));
                assert_string_equal(printed, expected[i]);
        }
        assert_string_equal(error.message, expected[0]);
        assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_load_buffer_of_a_policy_holds_its_rules),
                cmocka_unit_test(policy_load_buffer_of_nothing_is_an_empty_policy),
                cmocka_unit_test(policy_load_buffer_of_an_empty_require_removes_the_rule),
                cmocka_unit_test(policy_load_buffer_of_equal_rules_has_equal_digests),
                cmocka_unit_test(policy_load_buffer_of_the_empty_policy_has_the_documented_digest),
                cmocka_unit_test(policy_load_buffer_of_unknown_names_suggests_the_nearest),
                cmocka_unit_test(policy_load_buffer_of_bad_rule_names_is_refused),
                cmocka_unit_test(policy_load_buffer_of_duplicates_is_refused),
                cmocka_unit_test(policy_load_buffer_of_bad_values_says_where),
                cmocka_unit_test(policy_load_buffer_of_broken_ini_says_where),
                cmocka_unit_test(policy_load_buffer_of_a_long_entry_keeps_the_limit),
                cmocka_unit_test(policy_load_buffer_of_continued_lines_finds_the_place),
                cmocka_unit_test(policy_load_buffer_of_an_unknown_fact_names_the_nearest),
                cmocka_unit_test(policy_load_buffer_of_a_value_of_another_type_says_where),
                cmocka_unit_test(policy_load_buffer_of_a_severity_keeps_it),
                cmocka_unit_test(policy_load_buffer_of_translations_sorts_them),
                cmocka_unit_test(policy_load_buffer_of_bad_translations_says_where),
                cmocka_unit_test(policy_rule_remedy_of_a_locale_falls_back),
                cmocka_unit_test(policy_load_buffer_of_a_long_remedy_keeps_the_limit),
                cmocka_unit_test(policy_load_buffer_of_many_rules_keeps_the_limit),
                cmocka_unit_test(policy_load_buffer_with_many_errors_lists_them_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
