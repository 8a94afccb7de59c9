/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression_tree.h"
#include "policy/span.h"

#include <inttypes.h>
#include <string.h>

struct evaluation {
        const struct policy_expression *expression;
        const struct policy_facts *facts;
};

static const char *text_at(const struct evaluation *evaluation, uint16_t offset)
{
        return evaluation->expression->texts + offset;
}

static const struct policy_fact *fact_of(const struct evaluation *evaluation, const struct policy_node *node)
{
        return policy_facts_find(evaluation->facts, text_at(evaluation, node->fact));
}

/* Whether the fact has a value that the node may look at. */
static bool is_known(const struct policy_fact *fact, const struct policy_node *node)
{
        return fact != NULL && fact->type != POLICY_FACT_UNREADABLE && fact->provenance >= node->provenance;
}

static enum policy_truth truth_of(bool value)
{
        return value ? POLICY_TRUE : POLICY_FALSE;
}

static enum policy_truth negate(enum policy_truth truth)
{
        return truth == POLICY_UNKNOWN ? POLICY_UNKNOWN : truth_of(truth == POLICY_FALSE);
}

/* The order of a fact in debian() or rpm() and a value, which the parser has checked; false if it is no such version. */
static bool compare_packages(const struct policy_fact *fact, enum policy_version_order order, const char *value, int *ret)
{
        char number[24];
        const char *text = fact->text;

        if (fact->type == POLICY_FACT_BOOLEAN)
                return false;
        if (fact->type == POLICY_FACT_INTEGER) {
                (void) snprintf(number, sizeof(number), "%" PRId64, fact->integer);
                text = number;
        }
        if (!policy_version_valid(order, text))
                return false;
        *ret = policy_version_compare_in(order, text, value);
        return true;
}

/* The order of a fact and a value; false if their types do not compare. */
static bool compare(const struct evaluation *evaluation, const struct policy_node *node, const struct policy_fact *fact,
                    const struct policy_value *value, int *ret)
{
        if (node->order != POLICY_VERSION_PLAIN)
                return compare_packages(fact, node->order, text_at(evaluation, value->text), ret);
        if (fact->type == POLICY_FACT_VERSION && value->type != POLICY_FACT_BOOLEAN)
                *ret = policy_version_compare(fact->text, text_at(evaluation, value->text));
        else if (fact->type != value->type)
                return false;
        else if (fact->type == POLICY_FACT_BOOLEAN)
                *ret = fact->boolean - value->boolean;
        else if (fact->type == POLICY_FACT_INTEGER)
                *ret = (fact->integer > value->integer) - (fact->integer < value->integer);
        else
                *ret = strcmp(fact->text, text_at(evaluation, value->text));
        return true;
}

static bool order_satisfies(enum policy_token_kind comparison, int order)
{
        switch (comparison) {
        case POLICY_TOKEN_EQUAL:
                return order == 0;
        case POLICY_TOKEN_NOT_EQUAL:
                return order != 0;
        case POLICY_TOKEN_LESS:
                return order < 0;
        case POLICY_TOKEN_LESS_OR_EQUAL:
                return order <= 0;
        case POLICY_TOKEN_GREATER:
                return order > 0;
        default:
                return order >= 0;
        }
}

static enum policy_truth evaluate_set(const struct evaluation *evaluation, const struct policy_fact *fact,
                                      const struct policy_node *node)
{
        const struct policy_value *values = evaluation->expression->values + node->first_value;
        enum policy_truth truth = POLICY_FALSE;

        for (size_t i = 0; i < node->value_count; i++) {
                int order;

                if (!compare(evaluation, node, fact, &values[i], &order))
                        truth = POLICY_UNKNOWN;
                else if (order == 0)
                        return POLICY_TRUE;
        }
        return truth;
}

static enum policy_truth evaluate_term(const struct evaluation *evaluation, const struct policy_node *node)
{
        const struct policy_fact *fact = fact_of(evaluation, node);
        int order;

        if (node->kind == POLICY_NODE_KNOWN)
                return truth_of(is_known(fact, node));
        if (node->kind == POLICY_NODE_UNREADABLE)
                return truth_of(!is_known(fact, node));
        if (!is_known(fact, node))
                return POLICY_UNKNOWN;
        if (node->kind == POLICY_NODE_FACT)
                return fact->type == POLICY_FACT_BOOLEAN ? truth_of(fact->boolean) : POLICY_UNKNOWN;
        if (node->kind == POLICY_NODE_IN)
                return evaluate_set(evaluation, fact, node);
        if (!compare(evaluation, node, fact, &evaluation->expression->values[node->first_value], &order))
                return POLICY_UNKNOWN;
        return truth_of(order_satisfies(node->comparison, order));
}

static enum policy_truth evaluate(const struct evaluation *evaluation, uint16_t index);

/* `deciding` is the value that one child is enough for: FALSE for AND, TRUE for OR. */
static enum policy_truth evaluate_chain(const struct evaluation *evaluation, uint16_t child, enum policy_truth deciding)
{
        enum policy_truth result = negate(deciding);

        for (; child != POLICY_NODE_NONE; child = evaluation->expression->nodes[child].next) {
                enum policy_truth truth = evaluate(evaluation, child);

                if (truth == deciding)
                        return deciding;
                if (truth == POLICY_UNKNOWN)
                        result = POLICY_UNKNOWN;
        }
        return result;
}

static enum policy_truth evaluate(const struct evaluation *evaluation, uint16_t index)
{
        const struct policy_node *node = &evaluation->expression->nodes[index];

        switch (node->kind) {
        case POLICY_NODE_AND:
                return evaluate_chain(evaluation, node->first_child, POLICY_FALSE);
        case POLICY_NODE_OR:
                return evaluate_chain(evaluation, node->first_child, POLICY_TRUE);
        case POLICY_NODE_NOT:
                return negate(evaluate(evaluation, node->first_child));
        default:
                return evaluate_term(evaluation, node);
        }
}

static const char *type_phrase(enum policy_fact_type type)
{
        static const char *const phrases[POLICY_FACT_TYPE_COUNT] = {
                [POLICY_FACT_UNREADABLE] = "unreadable", [POLICY_FACT_BOOLEAN] = "true or false",
                [POLICY_FACT_INTEGER] = "a number",      [POLICY_FACT_STRING] = "a text",
                [POLICY_FACT_VERSION] = "a version",
        };

        return phrases[type];
}

/* Says why the fact has no usable value; false if it has one. */
static bool explain_unknown_fact(const struct policy_fact *fact, const struct policy_node *node, const char *name,
                                 struct policy_sentence *to)
{
        if (fact == NULL)
                policy_sentence_printf(to, "%s could not be read: no such fact", name);
        else if (fact->type == POLICY_FACT_UNREADABLE)
                policy_sentence_printf(to, "%s could not be read: %s", name, fact->text);
        else if (fact->provenance < node->provenance)
                policy_sentence_printf(to, "%s is only %s, needed %s", name, policy_provenance_name(fact->provenance),
                                       policy_provenance_name(node->provenance));
        else
                return false;
        return true;
}

static void explain_mismatch(const struct policy_fact *fact, const char *name, const char *printed, enum policy_fact_type needed,
                             struct policy_sentence *to)
{
        policy_sentence_printf(to, "%s is %s (%s), but the rule takes it for %s", name, type_phrase(fact->type), printed,
                               type_phrase(needed));
}

/* "needed >= 12.5", with the opposite operator where the term must not be true. */
static void explain_comparison(const struct evaluation *evaluation, const struct policy_node *node, bool wanted,
                               struct policy_sentence *to)
{
        static const struct {
                const char *if_wanted;
                const char *if_not;
        } phrases[] = {
                [POLICY_TOKEN_EQUAL] = { "", "anything but " }, [POLICY_TOKEN_NOT_EQUAL] = { "anything but ", "" },
                [POLICY_TOKEN_LESS] = { "< ", ">= " },          [POLICY_TOKEN_LESS_OR_EQUAL] = { "<= ", "> " },
                [POLICY_TOKEN_GREATER] = { "> ", "<= " },       [POLICY_TOKEN_GREATER_OR_EQUAL] = { ">= ", "< " },
        };
        const struct policy_value *values = evaluation->expression->values + node->first_value;

        if (node->kind == POLICY_NODE_COMPARE) {
                policy_sentence_put(to, ", needed ");
                policy_sentence_put(to, wanted ? phrases[node->comparison].if_wanted : phrases[node->comparison].if_not);
                policy_sentence_put(to, text_at(evaluation, values->text));
                return;
        }
        policy_sentence_printf(to, ", needed %s of", wanted ? "one" : "none");
        for (size_t i = 0; i < node->value_count; i++) {
                policy_sentence_put(to, " ");
                policy_sentence_put(to, text_at(evaluation, values[i].text));
        }
}

static void explain_term(const struct evaluation *evaluation, const struct policy_node *node, bool wanted,
                         struct policy_sentence *to)
{
        const struct policy_fact *fact = fact_of(evaluation, node);
        const char *name = text_at(evaluation, node->fact);
        char printed[POLICY_FACT_VALUE_TEXT_BYTES_MAX];
        const struct policy_value *value;
        int order;

        if (explain_unknown_fact(fact, node, name, to))
                return;
        policy_fact_print(fact, printed, sizeof(printed));
        if (node->kind == POLICY_NODE_KNOWN || node->kind == POLICY_NODE_UNREADABLE) {
                policy_sentence_printf(to, "%s could be read", name);
                return;
        }
        if (node->kind == POLICY_NODE_FACT) {
                if (fact->type != POLICY_FACT_BOOLEAN)
                        explain_mismatch(fact, name, printed, POLICY_FACT_BOOLEAN, to);
                else
                        policy_sentence_printf(to, "%s is %s, needed %s", name, printed, wanted ? "true" : "false");
                return;
        }
        value = &evaluation->expression->values[node->first_value];
        for (size_t i = 0; i < node->value_count; i++) {
                if (compare(evaluation, node, fact, &value[i], &order))
                        continue;
                if (node->order != POLICY_VERSION_PLAIN)
                        policy_sentence_printf(to, "%s is %s, which is no version for %s()", name, printed,
                                               policy_version_order_name(node->order));
                else
                        explain_mismatch(fact, name, printed, value[i].type, to);
                return;
        }
        policy_sentence_put(to, name);
        policy_sentence_put(to, " is ");
        policy_sentence_put(to, printed);
        if (fact->type == POLICY_FACT_INTEGER && node->order == POLICY_VERSION_PLAIN &&
            policy_span_is(text_at(evaluation, value->text))) {
                policy_span_print(fact->integer, printed, sizeof(printed));
                policy_sentence_printf(to, " (%s)", printed);
        }
        explain_comparison(evaluation, node, wanted, to);
}

static void explain(const struct evaluation *evaluation, uint16_t index, bool wanted, struct policy_sentence *to);

/* Every child would have to be `wanted`: names the first that is the opposite, or else the first that is unknown. */
static void explain_culprit(const struct evaluation *evaluation, uint16_t child, bool wanted, struct policy_sentence *to)
{
        uint16_t culprit = POLICY_NODE_NONE;

        for (; child != POLICY_NODE_NONE; child = evaluation->expression->nodes[child].next) {
                enum policy_truth truth = evaluate(evaluation, child);

                if (truth == truth_of(!wanted)) {
                        culprit = child;
                        break;
                }
                if (truth == POLICY_UNKNOWN && culprit == POLICY_NODE_NONE)
                        culprit = child;
        }
        explain(evaluation, culprit, wanted, to);
}

static bool is_guard(const struct evaluation *evaluation, uint16_t index)
{
        enum policy_node_kind kind = evaluation->expression->nodes[index].kind;

        return kind == POLICY_NODE_KNOWN || kind == POLICY_NODE_UNREADABLE;
}

/*
 * One child would have to be `wanted`, none is: names all of them, but not the guards in `unreadable(x) or x`, which say
 * nothing that the others do not.
 */
static void explain_all(const struct evaluation *evaluation, uint16_t first, bool wanted, struct policy_sentence *to)
{
        const struct policy_node *nodes = evaluation->expression->nodes;
        bool only_guards = true;
        const char *separator = "";

        for (uint16_t child = first; child != POLICY_NODE_NONE; child = nodes[child].next)
                only_guards = only_guards && is_guard(evaluation, child);
        for (uint16_t child = first; child != POLICY_NODE_NONE; child = nodes[child].next) {
                if (!only_guards && is_guard(evaluation, child))
                        continue;
                policy_sentence_put(to, separator);
                explain(evaluation, child, wanted, to);
                separator = "; ";
        }
}

/* Says why the node is not `wanted`. */
static void explain(const struct evaluation *evaluation, uint16_t index, bool wanted, struct policy_sentence *to)
{
        const struct policy_node *node = &evaluation->expression->nodes[index];

        if (node->kind == POLICY_NODE_NOT)
                explain(evaluation, node->first_child, !wanted, to);
        else if (node->kind != POLICY_NODE_AND && node->kind != POLICY_NODE_OR)
                explain_term(evaluation, node, wanted, to);
        else if ((node->kind == POLICY_NODE_AND) == wanted)
                explain_culprit(evaluation, node->first_child, wanted, to);
        else
                explain_all(evaluation, node->first_child, wanted, to);
}

enum policy_truth policy_expression_evaluate(const struct policy_expression *expression, const struct policy_facts *facts,
                                             char ret_reason[POLICY_REASON_BYTES_MAX])
{
        struct evaluation evaluation = { .expression = expression, .facts = facts };
        enum policy_truth truth = evaluate(&evaluation, expression->root);

        if (ret_reason != NULL) {
                struct policy_sentence sentence = policy_sentence_over(ret_reason, POLICY_REASON_BYTES_MAX);

                if (truth != POLICY_TRUE)
                        explain(&evaluation, expression->root, true, &sentence);
                policy_sentence_finish(&sentence);
        }
        return truth;
}

void policy_expression_visit_facts(const struct policy_expression *expression,
                                   void (*visitor)(const char *fact_name, void *context), void *context)
{
        for (size_t i = 0; i < expression->node_count; i++)
                if (expression->nodes[i].kind >= POLICY_NODE_FACT)
                        visitor(expression->texts + expression->nodes[i].fact, context);
}
