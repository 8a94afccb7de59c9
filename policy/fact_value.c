/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fact_value.h"

#include "policy/known_facts.h"
#include "policy/literal_token.h"

#include <inttypes.h>
#include <string.h>

#define SOURCE "a file of facts"

struct parser {
        struct base_bytes text;
        struct policy_lexer lexer;
        struct policy_token token; /* the next one, not yet taken */
        size_t *ret_offset;
        struct base_error *error;
};

static bool advance(struct parser *parser)
{
        return policy_lexer_next(&parser->lexer, &parser->token, parser->ret_offset, parser->error);
}

static bool at_word(const struct parser *parser, const char *word)
{
        return policy_token_is_word(parser->text, &parser->token, word);
}

static bool fail_expected(struct parser *parser, const char *what)
{
        char found[POLICY_TOKEN_TEXT_BYTES_MAX];

        policy_token_describe(parser->text, &parser->token, found);
        *parser->ret_offset = parser->token.offset;
        return base_error_set(parser->error, BASE_ERROR_POLICY_INVALID, "expected %s, found %s", what, found);
}

/* `unreadable`, and why. */
static bool take_unreadable(struct parser *parser, struct policy_literal *reason)
{
        if (!advance(parser))
                return false;
        if (parser->token.kind == POLICY_TOKEN_QUOTED)
                return policy_literal_from_token(parser->text, &parser->token, reason, parser->ret_offset, parser->error) &&
                       advance(parser);
        strcpy(reason->text, "not known");
        return true;
}

/* A literal, and the type that it is to have. */
static bool take_value(struct parser *parser, struct policy_literal *literal)
{
        if (!policy_literal_from_token(parser->text, &parser->token, literal, parser->ret_offset, parser->error) ||
            !advance(parser))
                return false;
        if (at_word(parser, "string"))
                literal->type = POLICY_FACT_STRING;
        else if (at_word(parser, "version"))
                literal->type = POLICY_FACT_VERSION;
        else
                return true;
        return advance(parser);
}

static bool take_provenance(struct parser *parser, enum policy_provenance *ret)
{
        if (parser->token.kind != POLICY_TOKEN_AT)
                return true;
        if (!advance(parser))
                return false;
        for (int i = 0; i < POLICY_PROVENANCE_COUNT; i++) {
                if (at_word(parser, policy_provenance_name((enum policy_provenance) i))) {
                        *ret = (enum policy_provenance) i;
                        return advance(parser);
                }
        }
        return fail_expected(parser, "reported, measured or hardware after '@'");
}

/* A known fact has the type that the programs give it. */
static bool fit_type(const char *name, struct policy_literal *literal, struct base_error *error)
{
        const struct policy_known_fact *known = policy_known_fact_find(name);
        bool numeral = literal->type == POLICY_FACT_INTEGER;

        if (known == NULL || known->type == literal->type)
                return true;
        if ((known->type == POLICY_FACT_STRING || known->type == POLICY_FACT_VERSION) &&
            (numeral || literal->type == POLICY_FACT_VERSION || literal->type == POLICY_FACT_STRING)) {
                literal->type = known->type;
                return true;
        }
        return base_error_set(error, BASE_ERROR_POLICY_INVALID, "%s is a fact of type %s, not %s", name,
                              policy_fact_type_name(known->type), policy_fact_type_name(literal->type));
}

static bool take_all(struct parser *parser, const char *name, struct policy_literal *literal, struct policy_origin *origin)
{
        if (!advance(parser))
                return false;
        if (at_word(parser, "unreadable")) {
                if (!take_unreadable(parser, literal))
                        return false;
                literal->type = POLICY_FACT_UNREADABLE;
        } else if (!take_value(parser, literal) || !fit_type(name, literal, parser->error)) {
                return false;
        }
        if (!take_provenance(parser, &origin->provenance))
                return false;
        return parser->token.kind == POLICY_TOKEN_END || fail_expected(parser, "'string', 'version', '@' or the end");
}

static bool check_name(const char *name, struct base_error *error)
{
        const char *nearest = policy_known_fact_nearest(name);

        if (policy_fact_name_valid(name) && (policy_fact_name_is_open(name) || policy_known_fact_find(name) != NULL))
                return true;
        return base_error_set(error, BASE_ERROR_POLICY_INVALID, "there is no fact '%.64s'%s%s%s", name,
                              nearest == NULL ? "; facts of your own start with 'custom.'" : "; did you mean '",
                              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

bool policy_fact_value_parse(const char *name, struct base_bytes text, struct policy_facts *to, size_t *ret_offset,
                             struct base_error *error)
{
        struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = SOURCE };
        struct policy_literal literal = { .type = POLICY_FACT_UNREADABLE };
        struct base_error own;
        struct parser parser = {
                .text = text,
                .lexer = { .text = text },
                .ret_offset = ret_offset,
                .error = error == NULL ? &own : error,
        };

        *ret_offset = 0;
        if (!check_name(name, parser.error))
                return false;
        if (!take_all(&parser, name, &literal, &origin)) {
                if (parser.error->code == BASE_ERROR_MALFORMED)
                        parser.error->code = BASE_ERROR_POLICY_INVALID;
                return false;
        }
        *ret_offset = 0;
        switch (literal.type) {
        case POLICY_FACT_BOOLEAN:
                return policy_facts_set_boolean(to, name, literal.boolean, origin, error);
        case POLICY_FACT_INTEGER:
                return policy_facts_set_integer(to, name, literal.integer, origin, error);
        case POLICY_FACT_STRING:
                return policy_facts_set_string(to, name, literal.text, origin, error);
        case POLICY_FACT_VERSION:
                return policy_facts_set_version(to, name, literal.text, origin, error);
        case POLICY_FACT_UNREADABLE:
        case POLICY_FACT_TYPE_COUNT:
                break;
        }
        return policy_facts_set_unreadable(to, name, literal.text, origin, error);
}

static void put_quoted(const char *text, struct base_buffer *to)
{
        base_buffer_put_u8(to, '"');
        for (; *text != '\0'; text++) {
                if (*text == '"' || *text == '\\')
                        base_buffer_put_u8(to, '\\');
                base_buffer_put_u8(to, (uint8_t) *text);
        }
        base_buffer_put_u8(to, '"');
}

void policy_fact_value_write(const struct policy_fact *fact, struct base_buffer *to)
{
        switch (fact->type) {
        case POLICY_FACT_BOOLEAN:
                base_buffer_put_string(to, fact->boolean ? "true" : "false");
                break;
        case POLICY_FACT_INTEGER:
                base_buffer_printf(to, "%" PRId64, fact->integer);
                break;
        case POLICY_FACT_STRING:
                put_quoted(fact->text, to);
                break;
        case POLICY_FACT_VERSION:
                put_quoted(fact->text, to);
                base_buffer_put_string(to, " version");
                break;
        case POLICY_FACT_UNREADABLE:
        case POLICY_FACT_TYPE_COUNT:
                base_buffer_put_string(to, "unreadable ");
                put_quoted(fact->text, to);
                break;
        }
        if (fact->provenance != POLICY_PROVENANCE_REPORTED)
                base_buffer_printf(to, " @%s", policy_provenance_name(fact->provenance));
}
