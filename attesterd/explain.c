/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/explain.h"

#include "base/dbus_text.h"

#include <string.h>

/* The facts that rules name, by their place in a set. */
struct named {
        const struct policy_facts *facts;
        bool is[POLICY_FACTS_MAX];
};

static bool append_value(DBusMessageIter *structure, const struct policy_fact *fact)
{
        dbus_bool_t boolean = fact->boolean;
        dbus_int64_t integer = fact->integer;
        DBusMessageIter variant, inner;

        switch (fact->type) {
        case POLICY_FACT_BOOLEAN:
                return dbus_message_iter_open_container(structure, DBUS_TYPE_VARIANT, "b", &variant) &&
                       dbus_message_iter_append_basic(&variant, DBUS_TYPE_BOOLEAN, &boolean) &&
                       dbus_message_iter_close_container(structure, &variant);
        case POLICY_FACT_INTEGER:
                return dbus_message_iter_open_container(structure, DBUS_TYPE_VARIANT, "x", &variant) &&
                       dbus_message_iter_append_basic(&variant, DBUS_TYPE_INT64, &integer) &&
                       dbus_message_iter_close_container(structure, &variant);
        case POLICY_FACT_STRING:
        case POLICY_FACT_VERSION:
                return dbus_message_iter_open_container(structure, DBUS_TYPE_VARIANT, "s", &variant) &&
                       base_dbus_text_append(&variant, fact->text) && dbus_message_iter_close_container(structure, &variant);
        case POLICY_FACT_UNREADABLE:
        case POLICY_FACT_TYPE_COUNT:
                break;
        }
        return dbus_message_iter_open_container(structure, DBUS_TYPE_VARIANT, "(s)", &variant) &&
               dbus_message_iter_open_container(&variant, DBUS_TYPE_STRUCT, NULL, &inner) &&
               base_dbus_text_append(&inner, fact->text) && dbus_message_iter_close_container(&variant, &inner) &&
               dbus_message_iter_close_container(structure, &variant);
}

static bool append_fact(DBusMessageIter *array, const struct policy_fact *fact, uint64_t now_ms)
{
        const char *provenance = policy_provenance_name(fact->provenance);
        dbus_uint64_t age_s = now_ms < fact->measured_ms ? 0 : (now_ms - fact->measured_ms) / 1000;
        DBusMessageIter structure;

        return dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &structure) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_STRING, &fact->name) && append_value(&structure, fact) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_STRING, &provenance) &&
               base_dbus_text_append(&structure, fact->source) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_UINT64, &age_s) &&
               dbus_message_iter_close_container(array, &structure);
}

static void note_fact(const char *name, void *context)
{
        struct named *named = context;
        const struct policy_fact *fact = policy_facts_find(named->facts, name);

        if (fact != NULL)
                named->is[fact - named->facts->items] = true;
}

bool attesterd_explain_append_facts(DBusMessageIter *to, const struct policy_facts *facts, const struct policy_results *results,
                                    uint64_t now_ms)
{
        struct named named = { .facts = facts };
        DBusMessageIter array;

        for (size_t i = 0; results != NULL && i < results->count; i++)
                policy_rule_visit_facts(results->items[i].rule, note_fact, &named);
        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, ATTESTERD_EXPLAIN_FACTS, &array))
                return false;
        for (size_t i = 0; i < facts->count; i++)
                if ((results == NULL || named.is[i]) && !append_fact(&array, &facts->items[i], now_ms))
                        return false;
        return dbus_message_iter_close_container(to, &array);
}

/* The names that a rule's expressions have, each once. */
struct names {
        const char *items[2 * POLICY_EXPRESSION_NODES_MAX];
        size_t count;
};

static void add_name(const char *name, void *context)
{
        struct names *names = context;

        for (size_t i = 0; i < names->count; i++)
                if (strcmp(names->items[i], name) == 0)
                        return;
        if (names->count < BASE_COUNT(names->items))
                names->items[names->count++] = name;
}

static bool append_names(DBusMessageIter *structure, const struct policy_rule *rule)
{
        struct names names = { .count = 0 };
        DBusMessageIter array;

        policy_rule_visit_facts(rule, add_name, &names);
        if (!dbus_message_iter_open_container(structure, DBUS_TYPE_ARRAY, "s", &array))
                return false;
        for (size_t i = 0; i < names.count; i++)
                if (!base_dbus_text_append(&array, names.items[i]))
                        return false;
        return dbus_message_iter_close_container(structure, &array);
}

static bool append_rule(DBusMessageIter *array, const struct policy_result *result, const char *locale)
{
        const struct policy_rule *rule = result->rule;
        DBusMessageIter structure;

        return dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &structure) &&
               base_dbus_text_append(&structure, rule->name) &&
               base_dbus_text_append(&structure, rule->when == NULL ? "" : rule->when) &&
               base_dbus_text_append(&structure, rule->require) &&
               base_dbus_text_append(&structure, policy_outcome_name(result->outcome)) &&
               base_dbus_text_append(&structure, result->reason == NULL ? "" : result->reason) &&
               base_dbus_text_append(&structure, policy_rule_remedy(rule, locale)) && append_names(&structure, rule) &&
               dbus_message_iter_close_container(array, &structure);
}

bool attesterd_explain_append_rules(DBusMessageIter *to, const struct policy_results *results, const char *locale)
{
        DBusMessageIter array;

        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, ATTESTERD_EXPLAIN_RULES, &array))
                return false;
        for (size_t i = 0; i < results->count; i++)
                if (!append_rule(&array, &results->items[i], locale))
                        return false;
        return dbus_message_iter_close_container(to, &array);
}
