/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression_tree.h"
#include "policy/literal_token.h"

#include <string.h>

/*
 * expression = conjunction *("or" conjunction)
 * conjunction = negation *("and" negation)
 * negation = "not" negation / primary
 * primary = "(" expression ")" / ("known" / "unreadable") "(" fact ")" / fact [comparison]
 *           / ("debian" / "rpm") "(" fact ")" comparison
 * comparison = operator value / "in" "{" 1*value "}"
 * fact = name ["@" provenance]
 */
struct parser {
        struct base_bytes text;
        struct policy_lexer lexer;
        struct policy_token token; /* the next one, not yet taken */
        size_t node_capacity;
        size_t value_capacity;
        size_t text_capacity;
        struct policy_expression *expression;
        size_t *ret_offset;
        struct base_error *error;
        policy_expression_reporter *reporter; /* NULL: the first problem ends it */
        void *context;
        unsigned problems;
        size_t problem_offset; /* of the last one */
        unsigned open;         /* parentheses of the present term that are not closed yet */
        bool broken;           /* `token` is where the lexer failed; `error` says how */
};

static bool fail_at(struct parser *parser, size_t offset, const char *what)
{
        *parser->ret_offset = offset;
        return base_error_set(parser->error, BASE_ERROR_POLICY_INVALID, "%s", what);
}

static bool fail_expected(struct parser *parser, const char *what)
{
        char found[POLICY_TOKEN_TEXT_BYTES_MAX];

        if (parser->broken)
                return false;
        policy_token_describe(parser->text, &parser->token, found);
        *parser->ret_offset = parser->token.offset;
        return base_error_set(parser->error, BASE_ERROR_POLICY_INVALID, "expected %s, found %s", what, found);
}

static bool fail_limit(struct parser *parser, size_t offset, const char *what, int limit)
{
        *parser->ret_offset = offset;
        return base_error_set(parser->error, BASE_ERROR_LIMIT_EXCEEDED, "%s (at most %d)", what, limit);
}

/* Where the parser goes on behind problems, one of the lexer is met where its token is looked at. */
static bool advance(struct parser *parser)
{
        parser->broken = !policy_lexer_next(&parser->lexer, &parser->token, parser->ret_offset, parser->error);
        if (!parser->broken)
                return true;
        parser->token = (struct policy_token){ .kind = POLICY_TOKEN_AT, .offset = parser->lexer.position };
        return parser->reporter != NULL;
}

static bool at_word(const struct parser *parser, const char *word)
{
        return policy_token_is_word(parser->text, &parser->token, word);
}

static bool take(struct parser *parser, enum policy_token_kind kind, const char *what)
{
        return parser->token.kind == kind ? advance(parser) : fail_expected(parser, what);
}

/* Room for one more item in an array that starts small and doubles. */
static bool reserve(void **items, size_t count, size_t *capacity, size_t item_size, struct base_error *error)
{
        size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
        void *grown;

        if (count < *capacity)
                return true;
        grown = reallocarray(*items, wanted, item_size);
        if (grown == NULL)
                return base_error_set_no_memory(error);
        *items = grown;
        *capacity = wanted;
        return true;
}

static bool add_node(struct parser *parser, struct policy_node node, size_t offset, uint16_t *ret)
{
        struct policy_expression *expression = parser->expression;

        if (expression->node_count == POLICY_EXPRESSION_NODES_MAX)
                return fail_limit(parser, offset, "the expression has too many terms", POLICY_EXPRESSION_NODES_MAX);
        if (!reserve((void **) &expression->nodes, expression->node_count, &parser->node_capacity, sizeof(node), parser->error))
                return false;
        node.next = POLICY_NODE_NONE;
        *ret = (uint16_t) expression->node_count;
        expression->nodes[expression->node_count++] = node;
        return true;
}

/* The texts of an expression are together shorter than twice its own text, which is far below 64 KiB. */
static bool add_text(struct parser *parser, const void *text, size_t len, uint16_t *ret)
{
        struct policy_expression *expression = parser->expression;

        while (parser->text_capacity < expression->text_len + len + 1)
                if (!reserve((void **) &expression->texts, parser->text_capacity, &parser->text_capacity, 1, parser->error))
                        return false;
        *ret = (uint16_t) expression->text_len;
        memcpy(expression->texts + expression->text_len, text, len);
        expression->texts[expression->text_len + len] = '\0';
        expression->text_len += len + 1;
        return true;
}

static bool add_value(struct parser *parser, const struct policy_literal *literal, size_t offset)
{
        struct policy_expression *expression = parser->expression;
        struct policy_value value = {
                .type = literal->type,
                .boolean = literal->boolean,
                .integer = literal->integer,
                .offset = (uint16_t) offset,
        };

        if (!reserve((void **) &expression->values, expression->value_count, &parser->value_capacity, sizeof(value),
                     parser->error) ||
            !add_text(parser, literal->text, strlen(literal->text), &value.text))
                return false;
        expression->values[expression->value_count++] = value;
        return true;
}

/* ---- going on behind a problem ---- */

/* The next token that there is, whatever stands before it. */
static void skip_token(struct parser *parser)
{
        struct policy_lexer *lexer = &parser->lexer;
        struct base_error ignored;
        size_t offset;

        while (!policy_lexer_next(lexer, &parser->token, &offset, &ignored))
                lexer->position = lexer->text.data[lexer->position] == '"' ? lexer->text.len : lexer->position + 1;
        parser->broken = false;
}

/* Up to the `and`, `or` or ')' behind what is wrong, or to the end; parentheses between are skipped whole. */
static void skip_to_boundary(struct parser *parser)
{
        unsigned open = parser->open;

        if (parser->broken)
                skip_token(parser);
        while (parser->token.kind != POLICY_TOKEN_END) {
                bool closes = parser->token.kind == POLICY_TOKEN_CLOSE;

                if (open == 0 && (closes || at_word(parser, "and") || at_word(parser, "or")))
                        break;
                open = open + (parser->token.kind == POLICY_TOKEN_OPEN) - closes;
                skip_token(parser);
        }
        parser->open = 0;
}

/* Reports the problem, but for the first, and finds where to go on; false if that is not wanted or possible. */
static bool recover(struct parser *parser)
{
        enum base_error_code code = parser->error->code;

        if (parser->reporter == NULL || (code != BASE_ERROR_POLICY_INVALID && code != BASE_ERROR_MALFORMED) ||
            parser->problems == POLICY_EXPRESSION_PROBLEMS_MAX - 1)
                return false;
        /* The end where a term should be, and several ')' before it, is one problem. */
        if (parser->problems == 0 || *parser->ret_offset != parser->problem_offset) {
                parser->problem_offset = *parser->ret_offset;
                if (parser->problems++ > 0)
                        parser->reporter(parser->problem_offset, parser->error->message, parser->context);
        }
        skip_to_boundary(parser);
        return true;
}

/* ---- the grammar ---- */

/* A parenthesis of a term, as in known(…). */
static bool take_open(struct parser *parser)
{
        if (!take(parser, POLICY_TOKEN_OPEN, "'('"))
                return false;
        parser->open++;
        return true;
}

static bool take_close(struct parser *parser)
{
        if (!take(parser, POLICY_TOKEN_CLOSE, "')'"))
                return false;
        parser->open--;
        return true;
}

static bool take_provenance(struct parser *parser, enum policy_provenance *ret)
{
        for (int i = 0; i < POLICY_PROVENANCE_COUNT; i++) {
                if (at_word(parser, policy_provenance_name((enum policy_provenance) i))) {
                        *ret = (enum policy_provenance) i;
                        return advance(parser);
                }
        }
        return fail_expected(parser, "reported, measured or hardware after '@'");
}

static bool take_fact(struct parser *parser, struct policy_node *node)
{
        struct policy_token token = parser->token;
        const char *start = (const char *) parser->text.data + token.offset;
        char name[POLICY_FACT_NAME_BYTES_MAX + 1];

        if (token.kind != POLICY_TOKEN_WORD || policy_token_is_keyword(parser->text, &token))
                return fail_expected(parser, "a fact");
        if (token.len > POLICY_FACT_NAME_BYTES_MAX)
                return fail_limit(parser, token.offset, "the fact's name is too long", POLICY_FACT_NAME_BYTES_MAX);
        memcpy(name, start, token.len);
        name[token.len] = '\0';
        if (!policy_fact_name_valid(name))
                return fail_expected(parser, "a fact, which has a dotted name as in os.id");
        node->fact_offset = (uint16_t) token.offset;
        if (!add_text(parser, name, token.len, &node->fact) || !advance(parser))
                return false;
        if (parser->broken || parser->token.kind != POLICY_TOKEN_AT)
                return true;
        return advance(parser) && take_provenance(parser, &node->provenance);
}

static bool take_literal(struct parser *parser, struct policy_literal *ret)
{
        return !parser->broken &&
               policy_literal_from_token(parser->text, &parser->token, ret, parser->ret_offset, parser->error) && advance(parser);
}

static bool is_comparison(enum policy_token_kind kind)
{
        return kind >= POLICY_TOKEN_EQUAL && kind <= POLICY_TOKEN_GREATER_OR_EQUAL;
}

/* A value that the fact in debian() or rpm() is compared with. */
static bool check_package(struct parser *parser, enum policy_version_order order, struct policy_literal *literal, size_t offset)
{
        if (literal->type == POLICY_FACT_BOOLEAN || !policy_version_valid(order, literal->text)) {
                *parser->ret_offset = offset;
                return base_error_set(parser->error, BASE_ERROR_POLICY_INVALID, "'%.40s' is no version for %s()", literal->text,
                                      policy_version_order_name(order));
        }
        literal->type = POLICY_FACT_VERSION;
        return true;
}

static bool take_comparison(struct parser *parser, struct policy_node *node)
{
        bool orders = parser->token.kind >= POLICY_TOKEN_LESS;
        struct policy_literal literal;
        size_t offset;

        node->kind = POLICY_NODE_COMPARE;
        node->comparison = parser->token.kind;
        node->first_value = (uint16_t) parser->expression->value_count;
        node->value_count = 1;
        if (!advance(parser))
                return false;
        offset = parser->token.offset;
        if (!take_literal(parser, &literal))
                return false;
        if (node->order != POLICY_VERSION_PLAIN)
                return check_package(parser, node->order, &literal, offset) && add_value(parser, &literal, offset);
        if (orders && literal.type == POLICY_FACT_BOOLEAN)
                return fail_at(parser, offset, "true and false have no order; compare them with == or !=");
        if (orders && literal.type == POLICY_FACT_STRING) {
                /* A version that needs quotes, as in "1:2.3" with its colon first or one with spaces, still starts with a digit.
                 */
                if (literal.text[0] < '0' || literal.text[0] > '9')
                        return fail_at(parser, offset, "texts have no order; a version starts with a digit");
                literal.type = POLICY_FACT_VERSION;
        }
        return add_value(parser, &literal, offset);
}

/* An element must be of the kind of the elements before it; numbers and versions mix. */
static bool check_element(struct parser *parser, const struct policy_literal *literal, const struct policy_value *first,
                          size_t offset)
{
        if (literal->type == POLICY_FACT_BOOLEAN)
                return fail_at(parser, offset, "a set holds texts, numbers or versions");
        if (first != NULL && (first->type == POLICY_FACT_STRING) != (literal->type == POLICY_FACT_STRING))
                return fail_at(parser, offset, "a set holds either texts or numbers, not both");
        return true;
}

static bool take_set(struct parser *parser, struct policy_node *node)
{
        const struct policy_expression *expression = parser->expression;
        struct policy_literal literal;

        node->kind = POLICY_NODE_IN;
        node->first_value = (uint16_t) expression->value_count;
        if (!advance(parser) || !take(parser, POLICY_TOKEN_OPEN_SET, "'{'"))
                return false;
        do {
                size_t offset = parser->token.offset;
                const struct policy_value *first = node->value_count == 0 ? NULL : &expression->values[node->first_value];

                if (node->value_count == POLICY_EXPRESSION_SET_MAX)
                        return fail_limit(parser, offset, "the set has too many elements", POLICY_EXPRESSION_SET_MAX);
                if (!take_literal(parser, &literal) ||
                    (node->order != POLICY_VERSION_PLAIN && !check_package(parser, node->order, &literal, offset)) ||
                    !check_element(parser, &literal, first, offset) || !add_value(parser, &literal, offset))
                        return false;
                node->value_count++;
        } while (parser->token.kind != POLICY_TOKEN_CLOSE_SET);
        return advance(parser);
}

static bool take_function(struct parser *parser, struct policy_node *node)
{
        node->kind = at_word(parser, "known") ? POLICY_NODE_KNOWN : POLICY_NODE_UNREADABLE;
        return advance(parser) && take_open(parser) && take_fact(parser, node) && take_close(parser);
}

/* Whether debian( or rpm( is next: as texts both words may stand elsewhere. */
static bool at_order(const struct parser *parser, enum policy_version_order *ret)
{
        struct policy_lexer ahead = parser->lexer;
        struct policy_token token;
        size_t offset;

        for (int i = POLICY_VERSION_PLAIN + 1; i < POLICY_VERSION_ORDER_COUNT; i++) {
                *ret = (enum policy_version_order) i;
                if (at_word(parser, policy_version_order_name(*ret)))
                        return policy_lexer_next(&ahead, &token, &offset, NULL) && token.kind == POLICY_TOKEN_OPEN;
        }
        return false;
}

static bool take_package(struct parser *parser, struct policy_node *node)
{
        if (!advance(parser) || !take_open(parser) || !take_fact(parser, node) || !take_close(parser))
                return false;
        if (is_comparison(parser->token.kind))
                return take_comparison(parser, node);
        return at_word(parser, "in") ? take_set(parser, node) : fail_expected(parser, "a comparison with a version");
}

static bool take_term(struct parser *parser, uint16_t *ret)
{
        struct policy_node node = { .kind = POLICY_NODE_FACT };
        size_t offset = parser->token.offset;
        enum policy_version_order order;
        bool ok;

        parser->open = 0;
        if (at_word(parser, "known") || at_word(parser, "unreadable")) {
                ok = take_function(parser, &node);
        } else if (at_order(parser, &order)) {
                node.order = order;
                ok = take_package(parser, &node);
        } else if (!take_fact(parser, &node)) {
                ok = false;
        } else if (is_comparison(parser->token.kind)) {
                ok = take_comparison(parser, &node);
        } else {
                ok = at_word(parser, "in") ? take_set(parser, &node) : true;
        }
        return (ok || recover(parser)) && add_node(parser, node, offset, ret);
}

static bool take_chain(struct parser *parser, enum policy_node_kind kind, unsigned depth, uint16_t *ret);

/* An expression up to the token that ends it, which is not taken; `what` says what else could stand there. */
static bool take_whole(struct parser *parser, enum policy_token_kind end, const char *what, unsigned depth, uint16_t *ret)
{
        for (;;) {
                if (!take_chain(parser, POLICY_NODE_OR, depth, ret))
                        return false;
                if (parser->token.kind == end && !parser->broken)
                        return true;
                (void) fail_expected(parser, what);
                if (!recover(parser))
                        return false;
                if (parser->token.kind == end || parser->token.kind == POLICY_TOKEN_END)
                        return true;
                /* A ')' that nothing opened, or an operator; behind both an operand may follow. */
                if (parser->token.kind == POLICY_TOKEN_CLOSE)
                        skip_token(parser);
                if (parser->token.kind == end)
                        return true;
                if ((at_word(parser, "and") || at_word(parser, "or")) && !advance(parser))
                        return false;
        }
}

static bool take_negation(struct parser *parser, unsigned depth, uint16_t *ret)
{
        struct policy_node node = { .kind = POLICY_NODE_NOT };
        size_t offset = parser->token.offset;
        bool opens = parser->token.kind == POLICY_TOKEN_OPEN;

        if (!opens && !at_word(parser, "not"))
                return take_term(parser, ret);
        if (depth == POLICY_EXPRESSION_DEPTH_MAX)
                return fail_limit(parser, offset, "the expression is nested too deeply", POLICY_EXPRESSION_DEPTH_MAX);
        if (!advance(parser))
                return false;
        if (opens)
                return take_whole(parser, POLICY_TOKEN_CLOSE, "'and', 'or' or ')'", depth + 1, ret) &&
                       (parser->token.kind == POLICY_TOKEN_END || advance(parser));
        return take_negation(parser, depth + 1, &node.first_child) && add_node(parser, node, offset, ret);
}

static bool take_operand(struct parser *parser, enum policy_node_kind kind, unsigned depth, uint16_t *ret)
{
        return kind == POLICY_NODE_OR ? take_chain(parser, POLICY_NODE_AND, depth, ret) : take_negation(parser, depth, ret);
}

/* One or more operands of the same operator; a chain is one node, so that only parentheses and `not` make depth. */
static bool take_chain(struct parser *parser, enum policy_node_kind kind, unsigned depth, uint16_t *ret)
{
        const char *word = kind == POLICY_NODE_OR ? "or" : "and";
        struct policy_node node = { .kind = kind };
        size_t offset = parser->token.offset;
        uint16_t last;

        if (!take_operand(parser, kind, depth, &node.first_child))
                return false;
        if (!at_word(parser, word)) {
                *ret = node.first_child;
                return true;
        }
        last = node.first_child;
        while (at_word(parser, word)) {
                uint16_t operand;

                if (!advance(parser) || !take_operand(parser, kind, depth, &operand))
                        return false;
                parser->expression->nodes[last].next = operand;
                last = operand;
        }
        return add_node(parser, node, offset, ret);
}

/* Gives back the memory that doubling took too much of. */
static void shrink(struct policy_expression *expression)
{
        struct policy_node *nodes = reallocarray(expression->nodes, expression->node_count, sizeof(*nodes));
        char *texts = realloc(expression->texts, expression->text_len);

        expression->nodes = nodes == NULL ? expression->nodes : nodes;
        expression->texts = texts == NULL ? expression->texts : texts;
}

static bool take_all(struct parser *parser)
{
        if (parser->text.len > POLICY_EXPRESSION_BYTES_MAX)
                return fail_limit(parser, POLICY_EXPRESSION_BYTES_MAX, "the expression has too many bytes",
                                  POLICY_EXPRESSION_BYTES_MAX);
        return advance(parser) && take_whole(parser, POLICY_TOKEN_END, "'and', 'or' or the end", 0, &parser->expression->root);
}

bool policy_expression_parse(struct base_bytes text, struct policy_expression **ret, size_t *ret_offset, struct base_error *error)
{
        policy_auto_expression struct policy_expression *expression = calloc(1, sizeof(*expression));
        struct base_error own = BASE_ERROR_INIT;
        struct parser parser = {
                .text = text,
                .lexer = { .text = text },
                .expression = expression,
                .ret_offset = ret_offset,
                .error = error == NULL ? &own : error,
        };

        *ret_offset = 0;
        if (expression == NULL)
                return base_error_set_no_memory(error);
        if (!take_all(&parser)) {
                /* To the lexer it is malformed, to the reader of a policy the policy is wrong. */
                if (parser.error->code == BASE_ERROR_MALFORMED)
                        parser.error->code = BASE_ERROR_POLICY_INVALID;
                return false;
        }
        shrink(expression);
        *ret = BASE_STEAL(expression);
        return true;
}

void policy_expression_report_others(struct base_bytes text, policy_expression_reporter *reporter, void *context)
{
        policy_auto_expression struct policy_expression *expression = calloc(1, sizeof(*expression));
        struct base_error error = BASE_ERROR_INIT;
        size_t offset = 0;
        struct parser parser = {
                .text = text,
                .lexer = { .text = text },
                .expression = expression,
                .ret_offset = &offset,
                .error = &error,
                .reporter = reporter,
                .context = context,
        };

        /* What ends it is a limit, or one problem too many to go on. */
        if (expression != NULL && !take_all(&parser) && parser.problems > 0 && error.code != BASE_ERROR_NO_MEMORY)
                reporter(offset, error.message, context);
}

void policy_expression_free(struct policy_expression *expression)
{
        if (expression == NULL)
                return;
        free(expression->nodes);
        free(expression->values);
        free(expression->texts);
        free(expression);
}
