/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression_tree.h"
#include "policy/known_facts.h"

#include <stdarg.h>
#include <stdio.h>

struct checker {
        const struct policy_expression *expression;
        policy_expression_reporter *report;
        void *context;
        bool sound;
};

static void BASE_PRINTF(3, 4) report(struct checker *checker, size_t offset, const char *format, ...)
{
        char what[POLICY_EXPRESSION_PROBLEM_BYTES_MAX];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        checker->sound = false;
        checker->report(offset, what, checker->context);
}

static void report_unknown(struct checker *checker, size_t offset, const char *name)
{
        const char *nearest = policy_known_fact_nearest(name);

        if (nearest == NULL)
                report(checker, offset, "there is no fact '%s'; facts of your own start with 'custom.'", name);
        else
                report(checker, offset, "there is no fact '%s'; did you mean '%s'?", name, nearest);
}

/* What a value must be to compare with a fact of that type; NULL if this one is. */
static const char *mismatch(enum policy_fact_type type, const struct policy_value *value, const char *text)
{
        switch (type) {
        case POLICY_FACT_BOOLEAN:
                return value->type == POLICY_FACT_BOOLEAN ? NULL : "is true or false";
        case POLICY_FACT_INTEGER:
                return value->type == POLICY_FACT_INTEGER
                               ? NULL
                               : "is a number; compare it with one, as in 17, or with a time, as in 7d";
        case POLICY_FACT_STRING:
                return value->type == POLICY_FACT_STRING ? NULL : "is a text; what looks like a number stands in double quotes";
        default:
                /* A version may stand in quotes. */
                if (value->type == POLICY_FACT_BOOLEAN || text[0] < '0' || text[0] > '9')
                        return "is a version; compare it with one, which starts with a digit";
                return NULL;
        }
}

static void check_values(struct checker *checker, const struct policy_node *node, const struct policy_known_fact *known)
{
        const struct policy_expression *expression = checker->expression;

        for (size_t i = 0; i < node->value_count; i++) {
                const struct policy_value *value = &expression->values[node->first_value + i];
                const char *what = mismatch(known->type, value, expression->texts + value->text);

                if (what != NULL)
                        report(checker, value->offset, "%s %s", known->name, what);
        }
}

static void check_node(struct checker *checker, const struct policy_node *node)
{
        const char *name = checker->expression->texts + node->fact;
        const struct policy_known_fact *known = policy_known_fact_find(name);

        if (policy_fact_name_is_open(name))
                return;
        if (known == NULL) {
                report_unknown(checker, node->fact_offset, name);
        } else if (node->kind == POLICY_NODE_FACT && known->type != POLICY_FACT_BOOLEAN) {
                report(checker, node->fact_offset, "%s is not true or false; compare it with a value", name);
        } else if (node->order != POLICY_VERSION_PLAIN) {
                if (known->type != POLICY_FACT_VERSION && known->type != POLICY_FACT_STRING)
                        report(checker, node->fact_offset, "%s is no version, which %s() compares", name,
                               policy_version_order_name(node->order));
        } else if (node->kind == POLICY_NODE_COMPARE && known->type == POLICY_FACT_STRING &&
                   node->comparison >= POLICY_TOKEN_LESS) {
                report(checker, node->fact_offset, "%s is a text, and texts have no order", name);
        } else {
                check_values(checker, node, known);
        }
}

bool policy_expression_check(const struct policy_expression *expression, policy_expression_reporter *reporter, void *context)
{
        struct checker checker = { .expression = expression, .report = reporter, .context = context, .sound = true };

        for (size_t i = 0; i < expression->node_count; i++)
                if (expression->nodes[i].kind >= POLICY_NODE_FACT)
                        check_node(&checker, &expression->nodes[i]);
        return checker.sound;
}
