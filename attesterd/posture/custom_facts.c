/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/custom_facts.h"

#include "policy/literal.h"

#include <ctype.h>
#include <string.h>

#define PREFIX "custom."

struct parser {
        struct base_bytes line;
        unsigned number;
        const char *source;
        struct policy_facts *to;
};

static bool fail_at(const struct parser *parser, size_t offset, enum base_error_code code, const char *what,
                    struct base_error *error)
{
        return base_error_set(error, code, "%s:%u:%zu: %s", parser->source, parser->number, offset + 1, what);
}

static size_t skip_space(struct base_bytes line, size_t at)
{
        while (at < line.len && isspace(line.data[at]))
                at++;
        return at;
}

/* Writes PREFIX and the name before `equals`; false if that is no name of a fact. */
static bool take_name(const struct parser *parser, size_t start, size_t equals, char to[POLICY_FACT_NAME_BYTES_MAX + 1])
{
        size_t end = equals;

        while (end > start && isspace(parser->line.data[end - 1]))
                end--;
        if (strlen(PREFIX) + (end - start) > POLICY_FACT_NAME_BYTES_MAX ||
            memchr(parser->line.data + start, '\0', end - start) != NULL)
                return false;
        (void) snprintf(to, POLICY_FACT_NAME_BYTES_MAX + 1, PREFIX "%.*s", (int) (end - start),
                        (const char *) parser->line.data + start);
        return policy_fact_name_valid(to);
}

static bool set_fact(const struct parser *parser, const char *name, const struct policy_literal *value, struct base_error *error)
{
        struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = parser->source };

        switch (value->type) {
        case POLICY_FACT_BOOLEAN:
                return policy_facts_set_boolean(parser->to, name, value->boolean, origin, error);
        case POLICY_FACT_INTEGER:
                return policy_facts_set_integer(parser->to, name, value->integer, origin, error);
        case POLICY_FACT_VERSION:
                return policy_facts_set_version(parser->to, name, value->text, origin, error);
        default:
                return policy_facts_set_string(parser->to, name, value->text, origin, error);
        }
}

static bool parse_line(const struct parser *parser, struct base_error *error)
{
        struct base_bytes line = parser->line;
        size_t start = skip_space(line, 0);
        const uint8_t *equals = line.len == 0 ? NULL : memchr(line.data, '=', line.len);
        char name[POLICY_FACT_NAME_BYTES_MAX + 1];
        struct policy_literal value;
        struct base_error problem;
        size_t value_at;
        size_t offset;

        if (start == line.len || line.data[start] == '#' || line.data[start] == ';')
                return true;
        if (equals == NULL)
                return fail_at(parser, start, BASE_ERROR_CONFIG_INVALID, "expected \"name = value\"", error);
        if (!take_name(parser, start, (size_t) (equals - line.data), name))
                return fail_at(parser, start, BASE_ERROR_CONFIG_INVALID,
                               "a name is small letters, digits, '_', '-' and '.', at most 57 bytes", error);
        if (policy_facts_find(parser->to, name) != NULL)
                return fail_at(parser, start, BASE_ERROR_CONFIG_INVALID, "the name stands in this file twice", error);
        if (parser->to->count == POSTURE_CUSTOM_FACTS_MAX)
                return fail_at(parser, start, BASE_ERROR_LIMIT_EXCEEDED, "there are too many custom facts (at most 64)", error);
        value_at = (size_t) (equals - line.data) + 1;
        if (!policy_literal_parse(BASE_BYTES(line.data + value_at, line.len - value_at), &value, &offset, &problem))
                return fail_at(parser, value_at + offset,
                               problem.code == BASE_ERROR_MALFORMED ? BASE_ERROR_CONFIG_INVALID : problem.code, problem.message,
                               error);
        return set_fact(parser, name, &value, error);
}

bool posture_custom_facts_parse(struct base_bytes text, const char *source, struct policy_facts *to, struct base_error *error)
{
        struct parser parser = { .source = source, .to = to };

        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                size_t len = newline == NULL ? text.len : (size_t) (newline - text.data);
                size_t taken = newline == NULL ? len : len + 1;

                parser.line = BASE_BYTES(text.data, len);
                parser.number++;
                if (!parse_line(&parser, error))
                        return false;
                text = BASE_BYTES(text.data + taken, text.len - taken);
        }
        return true;
}
