/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts, and what the policy makes of them. */
#include "client/library/object.h"
#include "client/library/reply.h"

#include <inttypes.h>
#include <string.h>

struct facts {
        struct attester_fact *items;
        size_t count;
};

struct rules {
        struct attester_rule *items;
        size_t count;
};

void attester_facts_free(struct attester_fact *facts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(facts[i].name);
                free(facts[i].text);
                free(facts[i].provenance);
                free(facts[i].source);
        }
        free(facts);
}

void attester_rules_free(struct attester_rule *rules, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(rules[i].name);
                free(rules[i].outcome);
                free(rules[i].reason);
                free(rules[i].remedy);
                free(rules[i].when);
                free(rules[i].require);
                for (size_t fact = 0; fact < rules[i].fact_count; fact++)
                        free(rules[i].facts[fact]);
                free(rules[i].facts);
        }
        free(rules);
}

static void facts_clear(struct facts *facts)
{
        attester_facts_free(facts->items, facts->count);
}

static void rules_clear(struct rules *rules)
{
        attester_rules_free(rules->items, rules->count);
}

/* Reads a fact's value: b, x or s; (s), a structure holding the reason, if the fact is unreadable. */
static bool value_read(DBusMessageIter *value, struct attester_fact *fact, struct base_error *error)
{
        char number[24];
        const char *text = number;
        dbus_bool_t boolean = FALSE;
        dbus_int64_t integer = 0;

        switch (dbus_message_iter_get_arg_type(value)) {
        case DBUS_TYPE_BOOLEAN:
                dbus_message_iter_get_basic(value, &boolean);
                fact->type = ATTESTER_VALUE_BOOLEAN;
                fact->boolean = boolean;
                text = boolean ? "true" : "false";
                break;
        case DBUS_TYPE_INT64:
                dbus_message_iter_get_basic(value, &integer);
                fact->type = ATTESTER_VALUE_INTEGER;
                fact->integer = integer;
                (void) snprintf(number, sizeof(number), "%" PRId64, (int64_t) integer);
                break;
        case DBUS_TYPE_STRING:
                fact->type = ATTESTER_VALUE_STRING;
                return client_reply_take_string(value, &fact->text, error);
        default: {
                DBusMessageIter reason;

                if (!client_reply_check_type(fact->name, value, "(s)", error))
                        return false;
                dbus_message_iter_recurse(value, &reason);
                fact->type = ATTESTER_VALUE_UNREADABLE;
                return client_reply_take_string(&reason, &fact->text, error);
        }
        }
        fact->text = strdup(text);
        return fact->text != NULL || base_error_set_no_memory(error);
}

static bool facts_read(DBusMessageIter *array, struct facts *facts, struct base_error *error)
{
        DBusMessageIter elements;

        if (!client_reply_enter_array(array, sizeof(*facts->items), &elements, &facts->items, &facts->count, error))
                return false;
        for (size_t i = 0; i < facts->count; i++, (void) dbus_message_iter_next(&elements)) {
                struct attester_fact *fact = &facts->items[i];
                DBusMessageIter fields, value;

                dbus_message_iter_recurse(&elements, &fields);
                if (!client_reply_take_string(&fields, &fact->name, error))
                        return false;
                dbus_message_iter_recurse(&fields, &value);
                if (!value_read(&value, fact, error))
                        return false;
                (void) dbus_message_iter_next(&fields);
                if (!client_reply_take_string(&fields, &fact->provenance, error) ||
                    !client_reply_take_string(&fields, &fact->source, error))
                        return false;
                client_reply_take_basic(&fields, &fact->age_s);
        }
        return true;
}

static bool names_read(DBusMessageIter *array, struct attester_rule *rule, struct base_error *error)
{
        DBusMessageIter elements;

        if (!client_reply_enter_array(array, sizeof(*rule->facts), &elements, &rule->facts, &rule->fact_count, error))
                return false;
        for (size_t i = 0; i < rule->fact_count; i++)
                if (!client_reply_take_string(&elements, &rule->facts[i], error))
                        return false;
        return true;
}

/* The fields of one rule: (ssss), or with what it follows from (ssssssas). */
static bool rule_read(DBusMessageIter *fields, bool explained, struct attester_rule *rule, struct base_error *error)
{
        return client_reply_take_string(fields, &rule->name, error) &&
               (!explained || (client_reply_take_string(fields, &rule->when, error) &&
                               client_reply_take_string(fields, &rule->require, error))) &&
               client_reply_take_string(fields, &rule->outcome, error) &&
               client_reply_take_string(fields, &rule->reason, error) && client_reply_take_string(fields, &rule->remedy, error) &&
               (!explained || names_read(fields, rule, error));
}

static bool rules_read(DBusMessageIter *array, bool explained, struct rules *rules, struct base_error *error)
{
        DBusMessageIter elements;

        if (!client_reply_enter_array(array, sizeof(*rules->items), &elements, &rules->items, &rules->count, error))
                return false;
        for (size_t i = 0; i < rules->count; i++, (void) dbus_message_iter_next(&elements)) {
                DBusMessageIter fields;

                dbus_message_iter_recurse(&elements, &fields);
                if (!rule_read(&fields, explained, &rules->items[i], error))
                        return false;
        }
        return true;
}

int attester_get_facts(struct attester *attester, const struct attester_options *options, struct attester_fact **ret,
                       size_t *ret_count, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        BASE_CLEANUP(facts_clear) struct facts facts = { 0 };
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_ATTESTER, "GetFacts", &message, &failure) ||
            !client_object_call(attester, &call, message, "a(svsst)", &reply, &failure))
                return client_error_export(&failure, error);
        (void) dbus_message_iter_init(reply, &iterator);
        if (!facts_read(&iterator, &facts, &failure))
                return client_error_export(&failure, error);
        *ret_count = facts.count;
        *ret = facts.items;
        facts = (struct facts){ 0 };
        return 0;
}

/* Asks for a verdict; `facts` NULL: by Evaluate, else by Explain. */
static bool judge(struct attester *attester, const struct client_call *call, const char *issuer, bool *ret_passed,
                  struct rules *rules, struct facts *facts, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;
        DBusMessageIter iterator;
        dbus_bool_t passed = FALSE;

        if (!client_bus_method(CLIENT_BUS_ATTESTER, facts == NULL ? "Evaluate" : "Explain", &message, error))
                return false;
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, issuer, error) || !client_bus_append_options(&iterator, call, NULL, error) ||
            !client_object_call(attester, call, message, facts == NULL ? "ba(ssss)" : "ba(ssssssas)a(svsst)", &reply, error))
                return false;
        (void) dbus_message_iter_init(reply, &iterator);
        client_reply_take_basic(&iterator, &passed);
        if (!rules_read(&iterator, facts != NULL, rules, error))
                return false;
        (void) dbus_message_iter_next(&iterator);
        if (facts != NULL && !facts_read(&iterator, facts, error))
                return false;
        *ret_passed = passed;
        return true;
}

int attester_evaluate(struct attester *attester, const char *issuer, const struct attester_options *options, bool *ret_passed,
                      struct attester_rule **ret, size_t *ret_count, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        BASE_CLEANUP(rules_clear) struct rules rules = { 0 };

        if (!judge(attester, &call, issuer, ret_passed, &rules, NULL, &failure))
                return client_error_export(&failure, error);
        *ret_count = rules.count;
        *ret = rules.items;
        rules = (struct rules){ 0 };
        return 0;
}

int attester_explain(struct attester *attester, const char *issuer, const struct attester_options *options, bool *ret_passed,
                     struct attester_rule **ret_rules, size_t *ret_rule_count, struct attester_fact **ret_facts,
                     size_t *ret_fact_count, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        BASE_CLEANUP(rules_clear) struct rules rules = { 0 };
        BASE_CLEANUP(facts_clear) struct facts facts = { 0 };

        if (!judge(attester, &call, issuer, ret_passed, &rules, &facts, &failure))
                return client_error_export(&failure, error);
        *ret_rule_count = rules.count;
        *ret_rules = rules.items;
        rules = (struct rules){ 0 };
        *ret_fact_count = facts.count;
        *ret_facts = facts.items;
        facts = (struct facts){ 0 };
        return 0;
}
