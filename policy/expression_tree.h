/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parsed expression: what the expression's parser writes and its evaluation reads. Nodes, values and texts stand in
 * three arrays and refer to each other by index, so that an expression is small and is freed at once.
 */
#pragma once

#include "policy/expression.h"
#include "policy/lexer.h"
#include "policy/version.h"

enum policy_node_kind {
        POLICY_NODE_AND,        /* two or more children */
        POLICY_NODE_OR,         /* two or more children */
        POLICY_NODE_NOT,        /* one child */
        POLICY_NODE_FACT,       /* a boolean fact alone */
        POLICY_NODE_COMPARE,    /* fact, comparison, one value */
        POLICY_NODE_IN,         /* fact, values */
        POLICY_NODE_KNOWN,      /* known(fact) */
        POLICY_NODE_UNREADABLE, /* unreadable(fact) */
};

#define POLICY_NODE_NONE UINT16_MAX

struct policy_node {
        enum policy_node_kind kind;
        enum policy_token_kind comparison; /* of COMPARE */
        enum policy_provenance provenance; /* the least that the fact must have */
        enum policy_version_order order;   /* of COMPARE, IN: not PLAIN if the fact stands in debian() or rpm() */
        uint16_t first_child;              /* of AND, OR, NOT */
        uint16_t next;                     /* sibling, or NONE */
        uint16_t first_value;              /* of COMPARE, IN */
        uint16_t value_count;
        uint16_t fact;        /* where its name stands in the texts */
        uint16_t fact_offset; /* and in the expression's own text */
};

struct policy_value {
        enum policy_fact_type type;
        bool boolean;
        int64_t integer;
        uint16_t text;   /* as written, without quotes */
        uint16_t offset; /* where it stands in the expression's own text */
};

struct policy_expression {
        struct policy_node *nodes; /* in the order of the text, children before parents */
        struct policy_value *values;
        char *texts; /* terminated strings */
        size_t node_count;
        size_t value_count;
        size_t text_len;
        uint16_t root;
};
