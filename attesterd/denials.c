/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/denials.h"

#include "base/buffer.h"
#include "base/dbus_text.h"

#include <string.h>

static void denial_clear(struct attesterd_denial *denial)
{
        free(denial->rule);
        free(denial->reason);
        free(denial->remedy);
}

void attesterd_denials_clear(struct attesterd_denials *denials)
{
        for (size_t i = 0; i < denials->count; i++)
                denial_clear(&denials->items[i]);
        denials->count = 0;
}

static char *copy_clean(const char *text)
{
        return strdup(text != NULL && policy_text_valid(text) ? text : "");
}

bool attesterd_denials_add(struct attesterd_denials *denials, const char *rule, const char *reason, const char *remedy,
                           struct base_error *error)
{
        struct attesterd_denial denial;

        if (denials->count == ATTESTERD_DENIALS_MAX)
                return true;
        denial = (struct attesterd_denial){ copy_clean(rule), copy_clean(reason), copy_clean(remedy) };
        if (denial.rule == NULL || denial.reason == NULL || denial.remedy == NULL) {
                denial_clear(&denial);
                return base_error_set_no_memory(error);
        }
        denials->items[denials->count++] = denial;
        return true;
}

bool attesterd_denials_add_results(struct attesterd_denials *denials, const struct policy_results *results, const char *locale,
                                   struct base_error *error)
{
        for (size_t i = 0; i < results->count; i++) {
                const struct policy_result *result = &results->items[i];

                if (result->outcome == POLICY_OUTCOME_FAIL &&
                    !attesterd_denials_add(denials, result->rule->name, result->reason, policy_rule_remedy(result->rule, locale),
                                           error))
                        return false;
        }
        return true;
}

/* A sentence's end, unless the text has one. */
static const char *stop_after(const char *text)
{
        size_t len = strlen(text);

        return len == 0 || text[len - 1] == '.' ? "" : ".";
}

bool attesterd_denials_error(const struct attesterd_denials *denials, const char *who, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ATTESTERD_DENIALS_MAX * 1024);

        for (size_t i = 0; i < denials->count; i++) {
                const struct attesterd_denial *denial = &denials->items[i];

                base_buffer_printf(&text, " %s: %s%s", denial->rule, denial->reason, stop_after(denial->reason));
                if (denial->remedy[0] != '\0')
                        base_buffer_printf(&text, " %s%s", denial->remedy, stop_after(denial->remedy));
        }
        return base_error_set(error, BASE_ERROR_POLICY_DENIED, "%s%.*s", who, (int) text.len, (const char *) text.data);
}

bool attesterd_rule_append(DBusMessageIter *array, const char *rule, const char *outcome, const char *reason, const char *remedy)
{
        DBusMessageIter structure;

        return dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &structure) &&
               base_dbus_text_append(&structure, rule) && base_dbus_text_append(&structure, outcome) &&
               base_dbus_text_append(&structure, reason) && base_dbus_text_append(&structure, remedy) &&
               dbus_message_iter_close_container(array, &structure);
}

static bool append_all(const struct attesterd_denials *denials, DBusMessage *message)
{
        DBusMessageIter top, array;

        dbus_message_iter_init_append(message, &top);
        if (!dbus_message_iter_open_container(&top, DBUS_TYPE_ARRAY, "(ssss)", &array))
                return false;
        for (size_t i = 0; i < denials->count; i++) {
                const struct attesterd_denial *denial = &denials->items[i];

                if (!attesterd_rule_append(&array, denial->rule, policy_outcome_name(POLICY_OUTCOME_FAIL), denial->reason,
                                           denial->remedy))
                        return false;
        }
        return dbus_message_iter_close_container(&top, &array);
}

DBusMessage *attesterd_denials_message(const struct attesterd_denials *denials, DBusMessage *call, const struct base_error *error)
{
        DBusMessage *message = base_dbus_text_error(call, error);

        if (message != NULL && !append_all(denials, message)) {
                dbus_message_unref(message);
                return NULL;
        }
        return message;
}
