/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define DBUS_PREFIX "org.attesterd.Error."

struct error_row {
        const char *dbus_name;
        int exit_status;
};

/*
 * The one map from code to D-Bus name and exit status. Statuses are grouped: 1 general, 2 usage, 1x this device,
 * 2x policy, 3x issuer, 4x tokens.
 */
static const struct error_row rows[BASE_ERROR_CODE_COUNT] = {
        [BASE_ERROR_NONE] = { DBUS_PREFIX "None", 0 },
        [BASE_ERROR_INTERNAL] = { DBUS_PREFIX "Internal", 1 },
        [BASE_ERROR_NO_MEMORY] = { DBUS_PREFIX "NoMemory", 3 },
        [BASE_ERROR_INVALID_ARGUMENT] = { DBUS_PREFIX "InvalidArgument", 2 },
        [BASE_ERROR_MALFORMED] = { DBUS_PREFIX "Malformed", 4 },
        [BASE_ERROR_LIMIT_EXCEEDED] = { DBUS_PREFIX "LimitExceeded", 5 },
        [BASE_ERROR_UNSUPPORTED] = { DBUS_PREFIX "Unsupported", 6 },
        [BASE_ERROR_IO] = { DBUS_PREFIX "Io", 7 },
        [BASE_ERROR_NOT_FOUND] = { DBUS_PREFIX "NotFound", 8 },
        [BASE_ERROR_TIMEOUT] = { DBUS_PREFIX "Timeout", 9 },
        [BASE_ERROR_CANCELLED] = { DBUS_PREFIX "Cancelled", 10 },
        [BASE_ERROR_CONFIG_INVALID] = { DBUS_PREFIX "ConfigInvalid", 11 },
        [BASE_ERROR_STATE_INVALID] = { DBUS_PREFIX "StateInvalid", 12 },
        [BASE_ERROR_NOT_AUTHORIZED] = { DBUS_PREFIX "NotAuthorized", 13 },
        [BASE_ERROR_RATE_LIMITED] = { DBUS_PREFIX "RateLimited", 14 },
        [BASE_ERROR_BUSY] = { DBUS_PREFIX "Busy", 15 },
        [BASE_ERROR_CRYPTO] = { DBUS_PREFIX "Crypto", 16 },
        [BASE_ERROR_TPM_UNAVAILABLE] = { DBUS_PREFIX "TpmUnavailable", 17 },
        [BASE_ERROR_TPM_FAILED] = { DBUS_PREFIX "TpmFailed", 18 },
        [BASE_ERROR_SEALED] = { DBUS_PREFIX "Sealed", 19 },
        [BASE_ERROR_NOT_ENROLLED] = { DBUS_PREFIX "NotEnrolled", 20 },
        [BASE_ERROR_POLICY_INVALID] = { DBUS_PREFIX "PolicyInvalid", 21 },
        [BASE_ERROR_POLICY_DENIED] = { DBUS_PREFIX "PolicyDenied", 22 },
        [BASE_ERROR_POLICY_UNTRUSTED] = { DBUS_PREFIX "PolicyUntrusted", 23 },
        [BASE_ERROR_POLICY_ROLLED_BACK] = { DBUS_PREFIX "PolicyRolledBack", 24 },
        [BASE_ERROR_POLICY_OTHER_FLEET] = { DBUS_PREFIX "PolicyOtherFleet", 25 },
        [BASE_ERROR_POLICY_NOT_CURRENT] = { DBUS_PREFIX "PolicyNotCurrent", 26 },
        [BASE_ERROR_ISSUER_UNKNOWN] = { DBUS_PREFIX "IssuerUnknown", 30 },
        [BASE_ERROR_ISSUER_UNREACHABLE] = { DBUS_PREFIX "IssuerUnreachable", 31 },
        [BASE_ERROR_ISSUER_REJECTED] = { DBUS_PREFIX "IssuerRejected", 32 },
        [BASE_ERROR_EVIDENCE_INVALID] = { DBUS_PREFIX "EvidenceInvalid", 33 },
        [BASE_ERROR_EVIDENCE_STALE] = { DBUS_PREFIX "EvidenceStale", 34 },
        [BASE_ERROR_TOKEN_INVALID] = { DBUS_PREFIX "TokenInvalid", 40 },
        [BASE_ERROR_TOKEN_SPENT] = { DBUS_PREFIX "TokenSpent", 41 },
        [BASE_ERROR_ORIGIN_MISMATCH] = { DBUS_PREFIX "OriginMismatch", 42 },
        [BASE_ERROR_KEY_MISMATCH] = { DBUS_PREFIX "KeyMismatch", 43 },
        [BASE_ERROR_DAEMON_UNREACHABLE] = { DBUS_PREFIX "DaemonUnreachable", 50 },
};

static const struct error_row *row_of(enum base_error_code code)
{
        if (code < 0 || code >= BASE_ERROR_CODE_COUNT || rows[code].dbus_name == NULL)
                return &rows[BASE_ERROR_INTERNAL];
        return &rows[code];
}

bool base_error_set(struct base_error *error, enum base_error_code code, const char *format, ...)
{
        va_list arguments;

        if (error == NULL)
                return false;
        error->code = code;
        error->detail[0] = '\0';
        va_start(arguments, format);
        (void) vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
        return false;
}

void base_error_set_detail(struct base_error *error, const char *format, ...)
{
        va_list arguments;

        if (error == NULL)
                return;
        va_start(arguments, format);
        (void) vsnprintf(error->detail, sizeof(error->detail), format, arguments);
        va_end(arguments);
}

bool base_error_set_errno(struct base_error *error, int error_number, const char *format, ...)
{
        char text[BASE_ERROR_TEXT_MAX / 2];
        va_list arguments;

        if (error == NULL)
                return false;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void) base_error_set(error, error_number == ENOMEM ? BASE_ERROR_NO_MEMORY : BASE_ERROR_IO, "%s: %s", text,
                              strerrordesc_np(error_number) ? strerrordesc_np(error_number) : "unknown error");
        base_error_set_detail(error, "%s: errno %d", text, error_number);
        return false;
}

bool base_error_set_no_memory(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_NO_MEMORY, "out of memory");
}

bool base_error_prefix(struct base_error *error, const char *format, ...)
{
        char prefix[BASE_ERROR_TEXT_MAX / 2];
        char message[BASE_ERROR_TEXT_MAX];
        va_list arguments;

        if (error == NULL)
                return false;
        va_start(arguments, format);
        (void) vsnprintf(prefix, sizeof(prefix), format, arguments);
        va_end(arguments);
        (void) memcpy(message, error->message, sizeof(message));
        (void) snprintf(error->message, sizeof(error->message), "%s: %.*s", prefix,
                        (int) (sizeof(error->message) - strlen(prefix) - 3), message);
        return false;
}

bool base_error_copy(struct base_error *to, const struct base_error *from)
{
        if (to != NULL)
                *to = *from;
        return false;
}

const char *base_error_name(enum base_error_code code)
{
        return row_of(code)->dbus_name + strlen(DBUS_PREFIX);
}

const char *base_error_dbus_name(enum base_error_code code)
{
        return row_of(code)->dbus_name;
}

enum base_error_code base_error_from_dbus_name(const char *name)
{
        for (int code = 0; code < BASE_ERROR_CODE_COUNT; code++)
                if (strcmp(rows[code].dbus_name, name) == 0)
                        return (enum base_error_code) code;
        return BASE_ERROR_INTERNAL;
}

int base_error_exit_status(enum base_error_code code)
{
        return row_of(code)->exit_status;
}
