/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/event.h"

/* An identifier never changes its meaning and is never used again: `journalctl --new-id128` makes one for a new row. */
static const struct {
        const char *message_id;
        const char *name;
        enum base_log_level level;
} rows[BASE_EVENT_COUNT] = {
        [BASE_EVENT_NONE] = { NULL, "", BASE_LOG_INFO },
        [BASE_EVENT_TPM_UNAVAILABLE] = { "a440554bea294f79bd779748fe58baf8", "tpm-unavailable", BASE_LOG_WARNING },
        [BASE_EVENT_TPM_RECOVERED] = { "a0f5f283cb0749d296b9735ad405c65d", "tpm-recovered", BASE_LOG_NOTICE },
        [BASE_EVENT_SEALED] = { "fc575f44b1d444369611c50e27559f71", "sealed", BASE_LOG_WARNING },
        [BASE_EVENT_KEY_REPLACED] = { "d4a4d7219acb4d3a9bb1f1e645138181", "key-replaced", BASE_LOG_NOTICE },
        [BASE_EVENT_ENROLLED] = { "05bd4b48838c43f1b217615f6d2f7d0b", "enrolled", BASE_LOG_NOTICE },
        [BASE_EVENT_ENROLMENT_FAILED] = { "63f14263e35b4d18abd4f8dee7867cf3", "enrolment-failed", BASE_LOG_WARNING },
        [BASE_EVENT_NOT_ENROLLED] = { "d2fc2c405a744b12af4c55256b3219eb", "not-enrolled", BASE_LOG_WARNING },
        [BASE_EVENT_POLICY_DENIED] = { "b7ceeb443144405e966f73d861a39d58", "policy-denied", BASE_LOG_NOTICE },
        [BASE_EVENT_POLICY_BROKEN] = { "e57215b208f743b59020783c06f148bf", "policy-broken", BASE_LOG_ERROR },
        [BASE_EVENT_POLICY_INSTALLED] = { "8b6bf02b8fa8425da09249a39b5a9893", "policy-installed", BASE_LOG_NOTICE },
        [BASE_EVENT_CONFIG_BROKEN] = { "9292ce883fb345a58de66332bf185847", "config-broken", BASE_LOG_ERROR },
        [BASE_EVENT_ISSUER_UNREACHABLE] = { "38c3df64ba234bc5935db0bceae81cf3", "issuer-unreachable", BASE_LOG_WARNING },
        [BASE_EVENT_ISSUER_REJECTED] = { "dea374855b714a13bd15dcb04c38a234", "issuer-rejected", BASE_LOG_WARNING },
        [BASE_EVENT_ISSUER_RECOVERED] = { "3126af5a20ff457da01ef25532ac32f1", "issuer-recovered", BASE_LOG_NOTICE },
        [BASE_EVENT_DIRECTORY_DIFFERS] = { "81661e51ff83442d9a9ebc6bfb18bbc1", "directory-differs", BASE_LOG_WARNING },
        [BASE_EVENT_USER_LIMITED] = { "e0c5b153a5de49d9845b71629eec8c65", "user-limited", BASE_LOG_NOTICE },
        [BASE_EVENT_NET_ENDED] = { "6be0c1999f4b4023b3ec2f5e8f98e3ca", "net-ended", BASE_LOG_WARNING },
        [BASE_EVENT_DEVICE_ENROLLED] = { "0eef9473b22a4b00a2dade1e0930cb4f", "device-enrolled", BASE_LOG_NOTICE },
        [BASE_EVENT_DEVICE_REFUSED] = { "e8604a4b03da47139de09e46866055cd", "device-refused", BASE_LOG_NOTICE },
        [BASE_EVENT_DEVICE_COPIED] = { "0ebd800d9f2446258a25df9d44d97190", "device-copied", BASE_LOG_WARNING },
        [BASE_EVENT_QUOTA_REACHED] = { "0b0bc0c2bd024c7e9a5ffe26271e72ab", "quota-reached", BASE_LOG_NOTICE },
        [BASE_EVENT_ISSUER_FAULT] = { "c8153baee7a9472b9cf83caf368e9e53", "issuer-fault", BASE_LOG_ERROR },
        [BASE_EVENT_RELOAD_FAILED] = { "c3b7e29148774a07bc7225216905e2ac", "reload-failed", BASE_LOG_ERROR },
        [BASE_EVENT_ADMIN_CHANGE] = { "07edb5963e69447a884888bb79b2558b", "admin-change", BASE_LOG_NOTICE },
        [BASE_EVENT_ADMIN_REFUSED] = { "da8934969a2c46b08b435c6c86fa632d", "admin-refused", BASE_LOG_WARNING },
        [BASE_EVENT_TOKEN_SPENT] = { "2cf9f2a1456647d3824548da91964a49", "token-spent", BASE_LOG_NOTICE },
        [BASE_EVENT_GATE_KEYS_FAILED] = { "0519c7db01f841f3ad6c82303a57d54b", "gate-keys-failed", BASE_LOG_WARNING },
        [BASE_EVENT_GATE_FAULT] = { "7acfc7cf7e494e0c9d2bfd6115fcb3a7", "gate-fault", BASE_LOG_ERROR },
};

static const char *const field_names[BASE_EVENT_FIELD_COUNT] = {
        [BASE_EVENT_FIELD_ISSUER] = "ATTESTERD_ISSUER", [BASE_EVENT_FIELD_RULE] = "ATTESTERD_RULE",
        [BASE_EVENT_FIELD_ERROR] = "ATTESTERD_ERROR",   [BASE_EVENT_FIELD_DEVICE] = "ATTESTERD_DEVICE",
        [BASE_EVENT_FIELD_FILE] = "ATTESTERD_FILE",     [BASE_EVENT_FIELD_UID] = "ATTESTERD_UID",
        [BASE_EVENT_FIELD_ORIGIN] = "ATTESTERD_ORIGIN", [BASE_EVENT_FIELD_OUTCOME] = "ATTESTERD_OUTCOME",
};

const char *base_event_message_id(enum base_event event)
{
        return rows[event].message_id;
}

const char *base_event_name(enum base_event event)
{
        return rows[event].name;
}

enum base_log_level base_event_level(enum base_event event)
{
        return rows[event].level;
}

const char *base_event_field_name(enum base_event_field_id field)
{
        return field_names[field];
}
