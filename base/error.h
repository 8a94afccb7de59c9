/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one error type. It is set where a failure happens, given context on the way up, and logged once, at the top.
 * Fixed size, so that reporting an error cannot itself fail. Used by every program; may be included by every folder.
 *
 * Expected outcomes (a policy that denies, a cache that is empty) are results and not errors; the codes for them exist
 * because at the D-Bus boundary they become error names.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum base_error_code {
        BASE_ERROR_NONE = 0,
        BASE_ERROR_INTERNAL, /* a bug or an unexpected failure of a library */
        BASE_ERROR_NO_MEMORY,
        BASE_ERROR_INVALID_ARGUMENT, /* the caller passed something that the interface does not take */
        BASE_ERROR_MALFORMED,        /* bytes from outside that do not parse */
        BASE_ERROR_LIMIT_EXCEEDED,   /* well-formed, but larger or more than a named limit */
        BASE_ERROR_UNSUPPORTED,      /* a version, type or algorithm that is not built in */
        BASE_ERROR_IO,               /* a system call failed */
        BASE_ERROR_NOT_FOUND,
        BASE_ERROR_TIMEOUT,
        BASE_ERROR_CANCELLED,      /* the requester went away, or the program is stopping */
        BASE_ERROR_CONFIG_INVALID, /* a configuration file, named with its line */
        BASE_ERROR_STATE_INVALID,  /* a state file is damaged */
        BASE_ERROR_NOT_AUTHORIZED,
        BASE_ERROR_RATE_LIMITED,
        BASE_ERROR_BUSY,               /* a bounded queue is full */
        BASE_ERROR_CRYPTO,             /* a key is unusable, or a primitive failed */
        BASE_ERROR_TPM_UNAVAILABLE,    /* the TPM cannot be reached or refuses to work now */
        BASE_ERROR_TPM_FAILED,         /* the TPM answered a command with an error */
        BASE_ERROR_SEALED,             /* the key does not sign in this boot state */
        BASE_ERROR_NOT_ENROLLED,       /* no key yet, or the issuer does not know it */
        BASE_ERROR_POLICY_INVALID,     /* a policy file, named with line and column */
        BASE_ERROR_POLICY_DENIED,      /* the device does not meet the policy */
        BASE_ERROR_POLICY_UNTRUSTED,   /* a policy bundle that nobody signed who may */
        BASE_ERROR_POLICY_ROLLED_BACK, /* an older policy bundle than was in force, or a state that the TPM's counter has left
                                          behind */
        BASE_ERROR_POLICY_OTHER_FLEET, /* a policy bundle for other devices */
        BASE_ERROR_POLICY_NOT_CURRENT, /* a policy bundle that has expired, or is not valid yet */
        BASE_ERROR_ISSUER_UNKNOWN,     /* no such issuer is configured */
        BASE_ERROR_ISSUER_UNREACHABLE,
        BASE_ERROR_ISSUER_REJECTED,    /* the issuer answered, and refused or answered nonsense */
        BASE_ERROR_EVIDENCE_INVALID,   /* attestation evidence that does not verify */
        BASE_ERROR_EVIDENCE_STALE,     /* the verifier's nonce is missing, old or used */
        BASE_ERROR_TOKEN_INVALID,      /* a token, response or signature that does not verify */
        BASE_ERROR_TOKEN_SPENT,        /* a token presented a second time */
        BASE_ERROR_ORIGIN_MISMATCH,    /* a challenge that asks for another website's token */
        BASE_ERROR_KEY_MISMATCH,       /* an issuer key that is not in the directory all users of the machine see */
        BASE_ERROR_DAEMON_UNREACHABLE, /* the bus or attesterd does not answer */
        BASE_ERROR_CODE_COUNT,
};

#define BASE_ERROR_TEXT_MAX 512

struct base_error {
        enum base_error_code code;
        char message[BASE_ERROR_TEXT_MAX]; /* for the person or the caller: what failed and what to do; no secret */
        char detail[BASE_ERROR_TEXT_MAX];  /* for the log: errno, TSS2_RC text, OpenSSL's reason; no secret */
};

#define BASE_ERROR_INIT                                                                                                          \
        {                                                                                                                        \
                .code = BASE_ERROR_NONE                                                                                          \
        }

/*
 * Sets code and message and clears the detail. A NULL `error` is allowed everywhere below and means "not wanted".
 * Always returns false, so that a failing function can end with `return base_error_set(...)`.
 */
bool base_error_set(struct base_error *error, enum base_error_code code, const char *format, ...) BASE_PRINTF(3, 4);

/* Sets or replaces the detail; keeps code and message. */
void base_error_set_detail(struct base_error *error, const char *format, ...) BASE_PRINTF(2, 3);

/* As base_error_set() with BASE_ERROR_IO (ENOMEM: NO_MEMORY) and the text of `error_number` appended to both texts. */
bool base_error_set_errno(struct base_error *error, int error_number, const char *format, ...) BASE_PRINTF(3, 4);

/* Out of memory: returns false. */
bool base_error_set_no_memory(struct base_error *error);

/* Puts "context: " in front of the message; code and detail stay. Always returns false. */
bool base_error_prefix(struct base_error *error, const char *format, ...) BASE_PRINTF(2, 3);

/* Copies; `to` may be NULL. Always returns false. */
bool base_error_copy(struct base_error *to, const struct base_error *from);

/* The code's CamelCase name, as in "Sealed"; never NULL. */
const char *base_error_name(enum base_error_code code);

/* "org.attesterd.Error." followed by the name; never NULL. */
const char *base_error_dbus_name(enum base_error_code code);

/* The inverse of base_error_dbus_name(); BASE_ERROR_INTERNAL for a name that is not ours. */
enum base_error_code base_error_from_dbus_name(const char *name);

/* The exit status of a program that ends with this code: 0 for NONE, else 1–125 and documented in attestctl(1). */
int base_error_exit_status(enum base_error_code code);
