/* SPDX-License-Identifier: BSD-2-Clause */
/* How failures, facts and rules are shown. */
#include "client/attestctl/command.h"
#include "client/attestctl/http.h"
#include "client/attestctl/table.h"
#include "policy/span.h"

#include <string.h>
#include <time.h>

void attestctl_time_text(uint64_t seconds, char ret[static ATTESTCTL_TIME_BYTES])
{
        time_t when = (time_t) seconds;
        struct tm broken_down;

        if (gmtime_r(&when, &broken_down) == NULL || strftime(ret, ATTESTCTL_TIME_BYTES, "%Y-%m-%d %H:%M:%SZ", &broken_down) == 0)
                (void) snprintf(ret, ATTESTCTL_TIME_BYTES, "?");
}

json_t *attestctl_json_string(const char *text)
{
        json_t *string = json_string(text);
        char *copy;

        if (string != NULL)
                return string;
        copy = strdup(text);
        if (copy == NULL)
                return NULL;
        for (char *p = copy; *p != '\0'; p++)
                if ((unsigned char) *p >= 0x80)
                        *p = '?';
        string = json_string(copy);
        free(copy);
        return string;
}

int attestctl_print_json(json_t *document)
{
        int result;

        if (document == NULL) {
                (void) fputs("attestctl: out of memory\n", stderr);
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        }
        result = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        (void) fputc('\n', stdout);
        json_decref(document);
        return result == 0 ? 0 : base_error_exit_status(BASE_ERROR_IO);
}

static json_t *value_json(const struct attester_fact *fact)
{
        switch (fact->type) {
        case ATTESTER_VALUE_BOOLEAN:
                return json_boolean(fact->boolean);
        case ATTESTER_VALUE_INTEGER:
                return json_integer((json_int_t) fact->integer);
        case ATTESTER_VALUE_STRING:
                return attestctl_json_string(fact->text);
        case ATTESTER_VALUE_UNREADABLE:
                break;
        }
        return json_null();
}

json_t *attestctl_json_facts(const struct attester_fact *facts, size_t count)
{
        json_t *array = json_array();

        for (size_t i = 0; i < count; i++) {
                json_t *fact = json_pack("{s:o, s:o, s:o, s:o, s:I}", "name", attestctl_json_string(facts[i].name), "value",
                                         value_json(&facts[i]), "provenance", attestctl_json_string(facts[i].provenance),
                                         "source", attestctl_json_string(facts[i].source), "age_s", (json_int_t) facts[i].age_s);

                if (facts[i].type == ATTESTER_VALUE_UNREADABLE)
                        (void) json_object_set_new(fact, "unreadable", attestctl_json_string(facts[i].text));
                (void) json_array_append_new(array, fact);
        }
        return array;
}

void attestctl_print_facts(FILE *to, bool color, int indent, const struct attester_fact *facts, size_t count)
{
        static const char *const headings[] = { "FACT", "VALUE", "PROVENANCE", "AGE", "SOURCE" };
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, BASE_COUNT(headings));
        table.indent = indent;
        for (size_t i = 0; i < BASE_COUNT(headings); i++)
                attestctl_table_add(&table, ATTESTCTL_HEADING, headings[i]);
        for (size_t i = 0; i < count; i++) {
                bool unreadable = facts[i].type == ATTESTER_VALUE_UNREADABLE;
                char text[512];
                char age[24];

                (void) snprintf(text, sizeof(text), "%s%s", unreadable ? "unreadable: " : "", facts[i].text);
                policy_span_print((int64_t) facts[i].age_s, age, sizeof(age));
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].name);
                attestctl_table_add(&table, unreadable ? ATTESTCTL_WARN : ATTESTCTL_PLAIN, text);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].provenance);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, age);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, facts[i].source);
        }
        attestctl_table_print(&table, to, color);
}

static json_t *json_rules(const struct attester_rule *rules, size_t count)
{
        json_t *array = json_array();

        for (size_t i = 0; i < count; i++)
                (void) json_array_append_new(array,
                                             json_pack("{s:o, s:o, s:o, s:o}", "rule", attestctl_json_string(rules[i].name),
                                                       "outcome", attestctl_json_string(rules[i].outcome), "reason",
                                                       attestctl_json_string(rules[i].reason), "remedy",
                                                       attestctl_json_string(rules[i].remedy)));
        return array;
}

enum attestctl_color attestctl_outcome_color(const char *outcome)
{
        if (strcmp(outcome, "pass") == 0)
                return ATTESTCTL_GOOD;
        return strcmp(outcome, "fail") == 0 ? ATTESTCTL_BAD : ATTESTCTL_WARN;
}

/* A table and, for those that failed, what to do. */
static void print_rules(FILE *to, bool color, const struct attester_rule *rules, size_t count)
{
        attestctl_auto_table struct attestctl_table table;
        bool heading = false;

        attestctl_table_init(&table, 3);
        attestctl_table_add(&table, ATTESTCTL_HEADING, "RULE");
        attestctl_table_add(&table, ATTESTCTL_HEADING, "OUTCOME");
        attestctl_table_add(&table, ATTESTCTL_HEADING, "WHY");
        for (size_t i = 0; i < count; i++) {
                attestctl_table_add(&table, ATTESTCTL_PLAIN, rules[i].name);
                attestctl_table_add(&table, attestctl_outcome_color(rules[i].outcome), rules[i].outcome);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, rules[i].reason);
        }
        attestctl_table_print(&table, to, color);
        for (size_t i = 0; i < count; i++) {
                bool to_mend = strcmp(rules[i].outcome, "pass") != 0 && strcmp(rules[i].outcome, "skipped") != 0;

                if (!to_mend || rules[i].remedy[0] == '\0')
                        continue;
                if (!heading)
                        (void) fputs("\nWhat to do:\n", to);
                heading = true;
                (void) fputs("  ", to);
                attestctl_print(to, color, ATTESTCTL_HEADING, rules[i].name);
                (void) fputs(": ", to);
                attestctl_print(to, color, ATTESTCTL_PLAIN, rules[i].remedy);
                (void) fputc('\n', to);
        }
}

static json_t *error_json(const struct attester_error *error)
{
        return json_pack("{s:o, s:i, s:o, s:o}", "name", attestctl_json_string(error->name), "status", error->code, "message",
                         attestctl_json_string(error->message), "detail", attestctl_json_string(error->detail));
}

static void error_print(const struct attestctl *ctl, const struct attester_error *error)
{
        if (ctl->silent)
                return;
        (void) fputs("attestctl: ", stderr);
        attestctl_print(stderr, ctl->color_err, ATTESTCTL_BAD, error->name);
        (void) fputs(": ", stderr);
        attestctl_print(stderr, ctl->color_err, ATTESTCTL_PLAIN, error->message);
        (void) fputc('\n', stderr);
}

int attestctl_fail(struct attestctl *ctl, const struct attester_error *error)
{
        if (ctl->json)
                (void) attestctl_print_json(json_pack("{s:o}", "error", error_json(error)));
        else
                error_print(ctl, error);
        return error->code;
}

int attestctl_fail_own(struct attestctl *ctl, const struct base_error *error)
{
        return attestctl_fail_as(ctl, error, base_error_exit_status(error->code));
}

int attestctl_fail_as(struct attestctl *ctl, const struct base_error *error, int status)
{
        struct attester_error own = { .code = status };

        (void) snprintf(own.name, sizeof(own.name), "%s", base_error_name(error->code));
        (void) snprintf(own.message, sizeof(own.message), "%s", error->message);
        (void) snprintf(own.detail, sizeof(own.detail), "%s", error->detail);
        return attestctl_fail(ctl, &own);
}

void attestctl_narrate(const struct attestctl *ctl, const char *format, ...)
{
        char text[ATTESTCTL_HTTP_URL_MAX + 256];
        va_list arguments;

        if (!ctl->verbose)
                return;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void) fputs("* ", stderr);
        attestctl_print(stderr, false, ATTESTCTL_PLAIN, text);
        (void) fputc('\n', stderr);
}

void attestctl_trace(enum attester_step step, const char *text, void *context)
{
        static const char *const steps[] = {
                [ATTESTER_STEP_CHALLENGE] = "challenge: issuer",
                [ATTESTER_STEP_KEY] = "issuer key:",
                [ATTESTER_STEP_BLINDED] = "blinded request:",
                [ATTESTER_STEP_RESPONSE] = "response:",
                [ATTESTER_STEP_TOKEN] = "token unblinded and verified:",
        };
        struct attestctl *ctl = context;

        if (step == ATTESTER_STEP_CHALLENGE)
                (void) snprintf(ctl->issuer, sizeof(ctl->issuer), "%s", text);
        attestctl_narrate(ctl, "%s %s", steps[step], text);
}

const char *attestctl_token_type_name(uint16_t token_type)
{
        switch (token_type) {
        case 0x0001:
                return "VOPRF (P-384, SHA-384)";
        case 0x0002:
                return "Blind RSA (2048-bit)";
        default:
                return "unknown";
        }
}

int attestctl_fail_token(struct attestctl *ctl, const struct attester_error *error)
{
        struct attester_rule *rules = NULL;
        size_t count = 0;
        bool passed = false;

        if (error->code != ATTESTER_ERROR_POLICY_DENIED ||
            attester_evaluate(ctl->attester, ctl->issuer, &ctl->options, &passed, &rules, &count, NULL) < 0)
                return attestctl_fail(ctl, error);
        if (ctl->json) {
                (void) attestctl_print_json(
                        json_pack("{s:o, s:o}", "error", error_json(error), "rules", json_rules(rules, count)));
        } else if (!ctl->silent) {
                error_print(ctl, error);
                (void) fputc('\n', stderr);
                print_rules(stderr, ctl->color_err, rules, count);
        }
        attester_rules_free(rules, count);
        return error->code;
}
