/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/facts.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_CAPACITY 32

void policy_facts_init(struct policy_facts *facts)
{
        *facts = (struct policy_facts) POLICY_FACTS_INIT;
}

/* A fact's strings stand in one block that starts with the name. */
static void free_strings(struct policy_fact *fact)
{
        free((char *) fact->name);
}

void policy_facts_clear(struct policy_facts *facts)
{
        if (facts == NULL)
                return;
        for (size_t i = 0; i < facts->count; i++)
                free_strings(&facts->items[i]);
        free(facts->items);
        policy_facts_init(facts);
}

static bool is_lower(char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool policy_fact_name_valid(const char *name)
{
        const char *at = name;

        if (strnlen(name, POLICY_FACT_NAME_BYTES_MAX + 1) > POLICY_FACT_NAME_BYTES_MAX || !is_lower(*at))
                return false;
        while (is_lower(*at) || is_digit(*at) || *at == '_')
                at++;
        if (*at != '.')
                return false;
        while (*at == '.') {
                const char *segment = ++at;

                while (is_lower(*at) || is_digit(*at) || *at == '_' || *at == '-')
                        at++;
                if (at == segment)
                        return false;
        }
        return *at == '\0';
}

/* Where `name` stands (true) or would have to be inserted (false). */
static bool find_index(const struct policy_facts *facts, const char *name, size_t *ret)
{
        size_t low = 0;
        size_t high = facts->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(name, facts->items[middle].name);

                if (order == 0) {
                        *ret = middle;
                        return true;
                }
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        *ret = low;
        return false;
}

const struct policy_fact *policy_facts_find(const struct policy_facts *facts, const char *name)
{
        size_t index;

        return find_index(facts, name, &index) ? &facts->items[index] : NULL;
}

static bool check_text(const char *name, const char *what, const char *text, size_t limit, struct base_error *error)
{
        if (strnlen(text, limit + 1) > limit)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the %s of fact %s is longer than %zu bytes", what, name,
                                      limit);
        if (!policy_text_valid(text))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "the %s of fact %s is not UTF-8 text without control characters", what, name);
        return true;
}

static bool has_text(enum policy_fact_type type)
{
        return type == POLICY_FACT_STRING || type == POLICY_FACT_VERSION || type == POLICY_FACT_UNREADABLE;
}

static bool check_fact(const struct policy_fact *fact, struct base_error *error)
{
        if (!policy_fact_name_valid(fact->name))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a fact's name is not of the form \"family.name\"");
        if ((unsigned) fact->type >= POLICY_FACT_TYPE_COUNT || (unsigned) fact->provenance >= POLICY_PROVENANCE_COUNT ||
            has_text(fact->type) != (fact->text != NULL))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "fact %s has no known type and provenance", fact->name);
        if (fact->text != NULL && !check_text(fact->name, "value", fact->text, POLICY_FACT_TEXT_BYTES_MAX, error))
                return false;
        return check_text(fact->name, "source", fact->source, POLICY_FACT_SOURCE_BYTES_MAX, error);
}

static char *append(char **end, const char *text)
{
        char *start = *end;

        *end = stpcpy(start, text) + 1;
        return start;
}

/* Copies `fact` with strings of its own. */
static bool duplicate(const struct policy_fact *fact, struct policy_fact *ret, struct base_error *error)
{
        size_t text_size = fact->text == NULL ? 0 : strlen(fact->text) + 1;
        char *end = malloc(strlen(fact->name) + 1 + text_size + strlen(fact->source) + 1);

        if (end == NULL)
                return base_error_set_no_memory(error);
        *ret = *fact;
        ret->name = append(&end, fact->name);
        ret->text = fact->text == NULL ? NULL : append(&end, fact->text);
        ret->source = append(&end, fact->source);
        return true;
}

static bool reserve(struct policy_facts *facts, struct base_error *error)
{
        size_t capacity = facts->capacity == 0 ? FIRST_CAPACITY : facts->capacity * 2;
        struct policy_fact *items;

        if (facts->count < facts->capacity)
                return true;
        if (facts->count >= POLICY_FACTS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a device has at most %d facts", POLICY_FACTS_MAX);
        items = reallocarray(facts->items, capacity, sizeof(*items));
        if (items == NULL)
                return base_error_set_no_memory(error);
        facts->items = items;
        facts->capacity = capacity;
        return true;
}

bool policy_facts_set(struct policy_facts *facts, const struct policy_fact *fact, struct base_error *error)
{
        struct policy_fact copy;
        size_t index;

        if (!check_fact(fact, error))
                return false;
        if (find_index(facts, fact->name, &index)) {
                if (!duplicate(fact, &copy, error))
                        return false;
                free_strings(&facts->items[index]);
        } else {
                if (!reserve(facts, error) || !duplicate(fact, &copy, error))
                        return false;
                memmove(&facts->items[index + 1], &facts->items[index], (facts->count - index) * sizeof(*facts->items));
                facts->count++;
        }
        facts->items[index] = copy;
        return true;
}

static struct policy_fact fact_of(const char *name, enum policy_fact_type type, struct policy_origin origin)
{
        return (struct policy_fact){
                .name = name,
                .type = type,
                .provenance = origin.provenance,
                .source = origin.source == NULL ? "" : origin.source,
                .measured_ms = origin.measured_ms,
        };
}

bool policy_facts_set_boolean(struct policy_facts *facts, const char *name, bool value, struct policy_origin origin,
                              struct base_error *error)
{
        struct policy_fact fact = fact_of(name, POLICY_FACT_BOOLEAN, origin);

        fact.boolean = value;
        return policy_facts_set(facts, &fact, error);
}

bool policy_facts_set_integer(struct policy_facts *facts, const char *name, int64_t value, struct policy_origin origin,
                              struct base_error *error)
{
        struct policy_fact fact = fact_of(name, POLICY_FACT_INTEGER, origin);

        fact.integer = value;
        return policy_facts_set(facts, &fact, error);
}

bool policy_facts_set_string(struct policy_facts *facts, const char *name, const char *value, struct policy_origin origin,
                             struct base_error *error)
{
        struct policy_fact fact = fact_of(name, POLICY_FACT_STRING, origin);

        fact.text = value;
        return policy_facts_set(facts, &fact, error);
}

bool policy_facts_set_version(struct policy_facts *facts, const char *name, const char *value, struct policy_origin origin,
                              struct base_error *error)
{
        struct policy_fact fact = fact_of(name, POLICY_FACT_VERSION, origin);

        fact.text = value;
        return policy_facts_set(facts, &fact, error);
}

bool policy_facts_set_unreadable(struct policy_facts *facts, const char *name, const char *reason, struct policy_origin origin,
                                 struct base_error *error)
{
        struct policy_fact fact = fact_of(name, POLICY_FACT_UNREADABLE, origin);
        char cleaned[POLICY_FACT_TEXT_BYTES_MAX + 1];

        policy_text_clean(cleaned, sizeof(cleaned), reason);
        fact.text = cleaned;
        return policy_facts_set(facts, &fact, error);
}

bool policy_facts_merge(struct policy_facts *to, const struct policy_facts *from, struct base_error *error)
{
        for (size_t i = 0; i < from->count; i++)
                if (!policy_facts_set(to, &from->items[i], error))
                        return false;
        return true;
}

void policy_facts_stamp(struct policy_facts *facts, uint64_t measured_ms)
{
        for (size_t i = 0; i < facts->count; i++)
                if (facts->items[i].measured_ms == 0)
                        facts->items[i].measured_ms = measured_ms;
}

void policy_fact_print(const struct policy_fact *fact, char *ret, size_t ret_size)
{
        struct policy_sentence sentence = policy_sentence_over(ret, ret_size);

        switch (fact->type) {
        case POLICY_FACT_BOOLEAN:
                policy_sentence_put(&sentence, fact->boolean ? "true" : "false");
                break;
        case POLICY_FACT_INTEGER:
                policy_sentence_printf(&sentence, "%" PRId64, fact->integer);
                break;
        case POLICY_FACT_STRING:
        case POLICY_FACT_VERSION:
                policy_sentence_put(&sentence, fact->text);
                break;
        case POLICY_FACT_UNREADABLE:
        case POLICY_FACT_TYPE_COUNT:
                policy_sentence_printf(&sentence, "unreadable: %s", fact->text);
                break;
        }
        policy_sentence_finish(&sentence);
}

const char *policy_fact_type_name(enum policy_fact_type type)
{
        static const char *const names[POLICY_FACT_TYPE_COUNT] = {
                [POLICY_FACT_UNREADABLE] = "unreadable", [POLICY_FACT_BOOLEAN] = "boolean", [POLICY_FACT_INTEGER] = "integer",
                [POLICY_FACT_STRING] = "string",         [POLICY_FACT_VERSION] = "version",
        };

        return names[type];
}

static const char *const provenance_names[POLICY_PROVENANCE_COUNT] = {
        [POLICY_PROVENANCE_REPORTED] = "reported",
        [POLICY_PROVENANCE_MEASURED] = "measured",
        [POLICY_PROVENANCE_HARDWARE] = "hardware",
};

const char *policy_provenance_name(enum policy_provenance provenance)
{
        return provenance_names[provenance];
}

bool policy_provenance_from_name(const char *name, enum policy_provenance *ret)
{
        for (size_t i = 0; i < POLICY_PROVENANCE_COUNT; i++) {
                if (strcmp(name, provenance_names[i]) == 0) {
                        *ret = (enum policy_provenance) i;
                        return true;
                }
        }
        return false;
}
