/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression_tree.h"
#include "policy/known_facts.h"

#include <string.h>

static bool fail_unknown(const char *name, struct base_error *error)
{
        const char *nearest = policy_known_fact_nearest(name);

        if (nearest == NULL)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID,
                                      "there is no fact '%s'; facts of your own start with 'custom.'", name);
        return base_error_set(error, BASE_ERROR_POLICY_INVALID, "there is no fact '%s'; did you mean '%s'?", name, nearest);
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

static bool check_node(const struct policy_expression *expression, const struct policy_node *node, size_t *ret_offset,
                       struct base_error *error)
{
        const char *name = expression->texts + node->fact;
        const struct policy_known_fact *known = policy_known_fact_find(name);

        *ret_offset = node->fact_offset;
        if (policy_fact_name_is_open(name))
                return true;
        if (known == NULL)
                return fail_unknown(name, error);
        if (node->kind == POLICY_NODE_FACT && known->type != POLICY_FACT_BOOLEAN)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "%s is not true or false; compare it with a value", name);
        if (node->order != POLICY_VERSION_PLAIN)
                return known->type == POLICY_FACT_VERSION || known->type == POLICY_FACT_STRING ||
                       base_error_set(error, BASE_ERROR_POLICY_INVALID, "%s is no version, which %s() compares", name,
                                      policy_version_order_name(node->order));
        if (node->kind == POLICY_NODE_COMPARE && known->type == POLICY_FACT_STRING && node->comparison >= POLICY_TOKEN_LESS)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "%s is a text, and texts have no order", name);
        for (size_t i = 0; i < node->value_count; i++) {
                const struct policy_value *value = &expression->values[node->first_value + i];
                const char *what = mismatch(known->type, value, expression->texts + value->text);

                if (what == NULL)
                        continue;
                *ret_offset = value->offset;
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "%s %s", name, what);
        }
        return true;
}

bool policy_expression_check(const struct policy_expression *expression, size_t *ret_offset, struct base_error *error)
{
        for (size_t i = 0; i < expression->node_count; i++)
                if (expression->nodes[i].kind >= POLICY_NODE_FACT &&
                    !check_node(expression, &expression->nodes[i], ret_offset, error))
                        return false;
        return true;
}
