/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/status.h"
#include "base/dbus_text.h"

struct inquiry {
        struct agent *agent;
        struct agent_call *call;
        struct agent_waiter waiter;
};

static bool append_text(DBusMessageIter *dictionary, const char *name, const char *text)
{
        DBusMessageIter entry, variant;

        return dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) &&
               dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant) &&
               base_dbus_text_append(&variant, text) && dbus_message_iter_close_container(&entry, &variant) &&
               dbus_message_iter_close_container(dictionary, &entry);
}

/* What attesterd says of itself, or why it says nothing. */
static bool append_daemon(DBusMessageIter *to, const struct attester_status *status, const struct base_error *error)
{
        dbus_uint64_t policy_version;

        if (status == NULL)
                return append_text(to, "daemon", error->message);
        policy_version = status->policy_version;
        return append_text(to, "daemon", "ready") && append_text(to, "daemon-version", status->version) &&
               append_text(to, "tpm-state", status->tpm_state) && append_text(to, "seal-state", status->seal_state) &&
               client_bus_append_entry(to, "policy-version", DBUS_TYPE_UINT64, &policy_version);
}

static DBusMessage *status_message(const struct agent *agent, DBusMessage *call, const struct base_error *error)
{
        dbus_uint32_t tokens = agent->cache == NULL ? 0 : (dbus_uint32_t) agent_cache_token_count(agent->cache);
        dbus_bool_t caching = agent->cache != NULL;
        DBusMessage *reply = dbus_message_new_method_return(call);
        DBusMessageIter iterator, dictionary;

        if (reply == NULL)
                return NULL;
        dbus_message_iter_init_append(reply, &iterator);
        if (dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &dictionary) &&
            append_text(&dictionary, "version", AGENT_VERSION) &&
            append_daemon(&dictionary, agent_daemon_status(agent->daemon), error) &&
            client_bus_append_entry(&dictionary, "caching", DBUS_TYPE_BOOLEAN, &caching) &&
            client_bus_append_entry(&dictionary, "cached-tokens", DBUS_TYPE_UINT32, &tokens) &&
            (agent->last_refusal.code == BASE_ERROR_NONE ||
             (append_text(&dictionary, "last-refusal", base_error_name(agent->last_refusal.code)) &&
              append_text(&dictionary, "last-refusal-message", agent->last_refusal.message))) &&
            dbus_message_iter_close_container(&iterator, &dictionary))
                return reply;
        dbus_message_unref(reply);
        return NULL;
}

static void inquiry_free(void *work)
{
        struct inquiry *inquiry = work;

        agent_waiter_cancel(&inquiry->waiter);
        free(inquiry);
}

static void on_answer(void *context, const struct base_error *error)
{
        struct inquiry *inquiry = context;

        agent_call_reply(inquiry->call, status_message(inquiry->agent, inquiry->call->message, error));
        inquiry_free(inquiry);
}

void agent_status_start(struct agent *agent, struct agent_call *call)
{
        struct base_error error = BASE_ERROR_INIT;
        struct inquiry *inquiry;

        if (agent_daemon_status(agent->daemon) != NULL) {
                agent_call_reply(call, status_message(agent, call->message, NULL));
                return;
        }
        inquiry = calloc(1, sizeof(*inquiry));
        if (inquiry == NULL) {
                agent_call_reply(call, NULL);
                return;
        }
        *inquiry = (struct inquiry){ .agent = agent, .call = call };
        inquiry->waiter = (struct agent_waiter){ .done = on_answer, .context = inquiry };
        if (agent_daemon_ask_status(agent->daemon, &inquiry->waiter, &error))
                agent_call_keep(call, inquiry_free, inquiry);
        else
                on_answer(inquiry, &error);
}
