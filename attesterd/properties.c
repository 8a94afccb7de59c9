/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/properties.h"

#include "attesterd/daemon.h"
#include "base/dbus_text.h"

#include <string.h>

#define STATE_BYTES_MAX (BASE_ERROR_TEXT_MAX + 32)

static bool append_version(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        (void) daemon;
        return base_dbus_text_append(to, ATTESTERD_VERSION);
}

static bool append_tpm_state(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        const struct tpm_status *status = tpm_worker_known_status(daemon->worker);
        char text[STATE_BYTES_MAX];

        switch (status->state) {
        case TPM_STATE_CONNECTING:
                return base_dbus_text_append(to, "connecting");
        case TPM_STATE_READY:
                return base_dbus_text_append(to, "ready");
        case TPM_STATE_UNAVAILABLE:
                break;
        }
        (void) snprintf(text, sizeof(text), "unavailable: %s", status->reason.message);
        return base_dbus_text_append(to, text);
}

static bool append_seal_state(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        const struct tpm_status *status = tpm_worker_known_status(daemon->worker);
        char text[STATE_BYTES_MAX];

        switch (status->seal) {
        case TPM_SEAL_UNKNOWN:
                return base_dbus_text_append(to, "unknown");
        case TPM_SEAL_NONE:
                return base_dbus_text_append(to, "none");
        case TPM_SEAL_OPEN:
                return base_dbus_text_append(to, "open");
        case TPM_SEAL_SEALED:
                break;
        }
        (void) snprintf(text, sizeof(text), "sealed: %s", status->seal_reason.message);
        return base_dbus_text_append(to, text);
}

static bool append_policy_version(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        dbus_uint64_t version = daemon->policy == NULL ? 0 : daemon->policy->version;

        return dbus_message_iter_append_basic(to, DBUS_TYPE_UINT64, &version);
}

static bool append_policy_error(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        return base_dbus_text_append(to, daemon->policy_error.message);
}

static bool append_policy_fetch_error(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        const struct attesterd_bundle_failure *failure = &daemon->policy_fetch_failure;
        dbus_uint64_t at = failure->at;
        DBusMessageIter structure;

        return dbus_message_iter_open_container(to, DBUS_TYPE_STRUCT, NULL, &structure) &&
               base_dbus_text_append(&structure,
                                     failure->error.code == BASE_ERROR_NONE ? "" : base_error_dbus_name(failure->error.code)) &&
               base_dbus_text_append(&structure, failure->error.message) &&
               dbus_message_iter_append_basic(&structure, DBUS_TYPE_UINT64, &at) &&
               dbus_message_iter_close_container(to, &structure);
}

static bool append_config_error(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        return base_dbus_text_append(to, daemon->config_error.message);
}

static bool append_issuers(const struct attesterd_daemon *daemon, DBusMessageIter *to)
{
        DBusMessageIter array, structure;

        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "(ss)", &array))
                return false;
        for (size_t i = 0; i < daemon->issuer_count; i++) {
                const struct attesterd_issuer *issuer = daemon->issuers[i];
                bool attested = issuer->config.attest && (issuer->directory == NULL || issuer->directory->has_attestation);

                if (!dbus_message_iter_open_container(&array, DBUS_TYPE_STRUCT, NULL, &structure) ||
                    !base_dbus_text_append(&structure, issuer->config.name) ||
                    !base_dbus_text_append(&structure, issuer->enrolment.enrolled ? "enrolled"
                                                       : attested                 ? "not-enrolled"
                                                                                  : "unattested") ||
                    !dbus_message_iter_close_container(&array, &structure))
                        return false;
        }
        return dbus_message_iter_close_container(to, &array);
}

const struct attesterd_property attesterd_property_table[] = {
        { "Version", "s", append_version },
        { "TpmState", "s", append_tpm_state },
        { "SealState", "s", append_seal_state },
        { "PolicyVersion", "t", append_policy_version },
        { "PolicyError", "s", append_policy_error },
        { "PolicyFetchError", "(sst)", append_policy_fetch_error },
        { "ConfigError", "s", append_config_error },
        { "Issuers", "a(ss)", append_issuers },
        { NULL, NULL, NULL },
};

#define PROPERTY_COUNT (BASE_COUNT(attesterd_property_table) - 1)

/* A value in its marshalled form, to be compared. */
struct value {
        char *data;
        int len;
};

struct attesterd_properties {
        const struct attesterd_daemon *daemon;
        struct value announced[PROPERTY_COUNT];
        uint8_t policy_digest[BASE_SHA256_LEN]; /* of the policy announced last; zero: of none */
};

bool attesterd_properties_new(const struct attesterd_daemon *daemon, struct attesterd_properties **ret, struct base_error *error)
{
        struct attesterd_properties *properties = calloc(1, sizeof(*properties));

        if (properties == NULL)
                return base_error_set_no_memory(error);
        properties->daemon = daemon;
        *ret = properties;
        return true;
}

void attesterd_properties_free(struct attesterd_properties *properties)
{
        if (properties == NULL)
                return;
        for (size_t i = 0; i < PROPERTY_COUNT; i++)
                dbus_free(properties->announced[i].data);
        free(properties);
}

static bool append_variant(const struct attesterd_properties *properties, size_t i, DBusMessageIter *to)
{
        const struct attesterd_property *property = &attesterd_property_table[i];
        DBusMessageIter variant;

        return dbus_message_iter_open_container(to, DBUS_TYPE_VARIANT, property->signature, &variant) &&
               property->append(properties->daemon, &variant) && dbus_message_iter_close_container(to, &variant);
}

static bool append_entry(const struct attesterd_properties *properties, size_t i, DBusMessageIter *to)
{
        DBusMessageIter entry;

        return dbus_message_iter_open_container(to, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               base_dbus_text_append(&entry, attesterd_property_table[i].name) && append_variant(properties, i, &entry) &&
               dbus_message_iter_close_container(to, &entry);
}

static bool append_all(const struct attesterd_properties *properties, DBusMessageIter *to, const bool *which)
{
        DBusMessageIter array;

        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &array))
                return false;
        for (size_t i = 0; i < PROPERTY_COUNT; i++)
                if ((which == NULL || which[i]) && !append_entry(properties, i, &array))
                        return false;
        return dbus_message_iter_close_container(to, &array);
}

static DBusMessage *finished(DBusMessage *message, bool complete)
{
        if (message != NULL && complete)
                return message;
        if (message != NULL)
                dbus_message_unref(message);
        return NULL;
}

/* `name` NULL: all of them. */
static DBusMessage *answer_get(const struct attesterd_properties *properties, DBusMessage *message, const char *name)
{
        DBusMessage *reply;
        DBusMessageIter to;
        size_t i = 0;

        while (name != NULL && i < PROPERTY_COUNT && strcmp(attesterd_property_table[i].name, name) != 0)
                i++;
        if (i == PROPERTY_COUNT)
                return dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_PROPERTY, "there is no such property");
        reply = dbus_message_new_method_return(message);
        if (reply == NULL)
                return NULL;
        dbus_message_iter_init_append(reply, &to);
        return finished(reply, name == NULL ? append_all(properties, &to, NULL) : append_variant(properties, i, &to));
}

DBusMessage *attesterd_properties_answer(const struct attesterd_properties *properties, DBusMessage *message)
{
        const char *member = dbus_message_get_member(message), *interface = "", *name = NULL;
        bool get = strcmp(member, "Get") == 0 && dbus_message_has_signature(message, "ss");
        bool get_all = strcmp(member, "GetAll") == 0 && dbus_message_has_signature(message, "s");
        bool set = strcmp(member, "Set") == 0 && dbus_message_has_signature(message, "ssv");
        DBusMessageIter iter;

        if (!get && !get_all && !set)
                return dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_METHOD, "there is no such method");
        (void) dbus_message_iter_init(message, &iter);
        dbus_message_iter_get_basic(&iter, &interface);
        if (dbus_message_iter_next(&iter))
                dbus_message_iter_get_basic(&iter, &name);
        if (strcmp(interface, ATTESTERD_INTERFACE) != 0)
                return dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_INTERFACE, "the interface has no properties");
        if (set)
                return dbus_message_new_error(message, DBUS_ERROR_PROPERTY_READ_ONLY, "properties here cannot be set");
        return answer_get(properties, message, name);
}

/* Marshals a value into `ret`; false without memory. */
static bool marshal(const struct attesterd_properties *properties, size_t i, struct value *ret)
{
        DBusMessage *message = dbus_message_new_signal(ATTESTERD_OBJECT_PATH, DBUS_INTERFACE_PROPERTIES, "Value");
        DBusMessageIter to;
        bool done;

        if (message == NULL)
                return false;
        dbus_message_iter_init_append(message, &to);
        done = append_variant(properties, i, &to);
        dbus_message_set_serial(message, 1);
        done = done && dbus_message_marshal(message, &ret->data, &ret->len);
        dbus_message_unref(message);
        return done;
}

static bool has_changed(struct attesterd_properties *properties, size_t i)
{
        struct value *announced = &properties->announced[i], now = { 0 };

        if (!marshal(properties, i, &now))
                return false;
        if (announced->len == now.len && memcmp(announced->data, now.data, (size_t) now.len) == 0) {
                dbus_free(now.data);
                return false;
        }
        dbus_free(announced->data);
        *announced = now;
        return true;
}

/* Other rules under the same version are another policy: whoever keeps what rests on it has to hear of that. */
static bool policy_has_changed(struct attesterd_properties *properties)
{
        static const uint8_t none[BASE_SHA256_LEN];
        const struct policy *policy = properties->daemon->policy;
        const uint8_t *digest = policy == NULL ? none : policy->digest;

        if (memcmp(properties->policy_digest, digest, BASE_SHA256_LEN) == 0)
                return false;
        memcpy(properties->policy_digest, digest, BASE_SHA256_LEN);
        return true;
}

DBusMessage *attesterd_properties_changes(struct attesterd_properties *properties)
{
        bool other_policy = policy_has_changed(properties);
        bool changed[PROPERTY_COUNT], any = false;
        DBusMessageIter to, invalidated;
        DBusMessage *signal;

        for (size_t i = 0; i < PROPERTY_COUNT; i++) {
                changed[i] = has_changed(properties, i) ||
                             (other_policy && attesterd_property_table[i].append == append_policy_version);
                any = any || changed[i];
        }
        if (!any)
                return NULL;
        signal = dbus_message_new_signal(ATTESTERD_OBJECT_PATH, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged");
        if (signal == NULL)
                return NULL;
        dbus_message_iter_init_append(signal, &to);
        return finished(signal, base_dbus_text_append(&to, ATTESTERD_INTERFACE) && append_all(properties, &to, changed) &&
                                        dbus_message_iter_open_container(&to, DBUS_TYPE_ARRAY, "s", &invalidated) &&
                                        dbus_message_iter_close_container(&to, &invalidated));
}
