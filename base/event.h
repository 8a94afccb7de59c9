/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an administrator looks for in the journal: events with a MESSAGE_ID (systemd.journal-fields(7)) and the fields that go
 * with them. The table in event.c is the source; packaging/systemd/attesterd.catalog explains each event to people, and
 * docs/journal.md lists events and fields. Used by every program that logs; may be included by every folder.
 */
#pragma once

#include "base/cleanup.h"
#include "base/log_level.h"

enum base_event {
        BASE_EVENT_NONE = 0, /* an entry without MESSAGE_ID */
        /* attesterd */
        BASE_EVENT_TPM_UNAVAILABLE,
        BASE_EVENT_TPM_RECOVERED,
        BASE_EVENT_SEALED,
        BASE_EVENT_KEY_REPLACED,
        BASE_EVENT_ENROLLED,
        BASE_EVENT_ENROLMENT_FAILED,
        BASE_EVENT_NOT_ENROLLED,
        BASE_EVENT_POLICY_DENIED,
        BASE_EVENT_POLICY_BROKEN,
        BASE_EVENT_POLICY_INSTALLED,
        BASE_EVENT_CONFIG_BROKEN,
        BASE_EVENT_ISSUER_UNREACHABLE,
        BASE_EVENT_ISSUER_REJECTED,
        BASE_EVENT_ISSUER_RECOVERED,
        BASE_EVENT_DIRECTORY_DIFFERS,
        BASE_EVENT_USER_LIMITED,
        BASE_EVENT_NET_ENDED,
        /* attester-issuer */
        BASE_EVENT_DEVICE_ENROLLED,
        BASE_EVENT_DEVICE_REFUSED,
        BASE_EVENT_DEVICE_COPIED,
        BASE_EVENT_QUOTA_REACHED,
        BASE_EVENT_ISSUER_FAULT,
        BASE_EVENT_RELOAD_FAILED,
        BASE_EVENT_ADMIN_CHANGE,
        BASE_EVENT_ADMIN_REFUSED,
        /* attester-gate */
        BASE_EVENT_TOKEN_SPENT,
        BASE_EVENT_GATE_KEYS_FAILED,
        BASE_EVENT_GATE_FAULT,
        BASE_EVENT_COUNT,
};

/* These and no others: a token, a challenge, an address or a user's name has no field. */
enum base_event_field_id {
        BASE_EVENT_FIELD_ISSUER,  /* its name */
        BASE_EVENT_FIELD_RULE,    /* of a policy; once for each */
        BASE_EVENT_FIELD_ERROR,   /* name of base/error.h */
        BASE_EVENT_FIELD_DEVICE,  /* the issuer's identifier of it */
        BASE_EVENT_FIELD_FILE,    /* of configuration or policy */
        BASE_EVENT_FIELD_UID,     /* of a local user */
        BASE_EVENT_FIELD_ORIGIN,  /* the gate's own website, as configured */
        BASE_EVENT_FIELD_OUTCOME, /* of the issuer's or the gate's decision */
        BASE_EVENT_FIELD_COUNT,
};

struct base_event_field {
        enum base_event_field_id id;
        const char *value; /* NULL or "": left out */
};

/* 32 lower-case hex digits; NULL for NONE. */
const char *base_event_message_id(enum base_event event);
/* As in "tpm-unavailable"; "" for NONE. */
const char *base_event_name(enum base_event event);
enum base_log_level base_event_level(enum base_event event);
/* As in "ATTESTERD_ISSUER". */
const char *base_event_field_name(enum base_event_field_id field);
