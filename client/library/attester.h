/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libattester: the client side of Private Access Tokens. A program that received an HTTP response with
 * `WWW-Authenticate: PrivateToken …` calls attester_authorize() and repeats its request with the Authorization value it
 * gets. Blinding happens here, in the caller's process: attesterd learns an issuer's name and blinded bytes, never the
 * website or the token (RFC 9576, section 4).
 *
 * This is the installed public header; it includes nothing else of the project. Functions block, up to a deadline; a program
 * with a loop of its own uses attester_authorize_start(), which does not. The library starts no thread or process, handles no
 * signal and keeps nothing outside of its objects. An object is for one thread at a time; several objects are independent.
 *
 * Strings are UTF-8 and NUL-terminated. Functions that can fail return 0, or -1 with `error` filled in (NULL: not wanted);
 * outputs are written on success only.
 */
#ifndef ATTESTER_H
#define ATTESTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTESTER_TIMEOUT_MS_DEFAULT 60000u

/* What went wrong. The numbers never change; attestctl(1) ends with them as its exit status. */
enum attester_error_code {
        ATTESTER_ERROR_NONE = 0,
        ATTESTER_ERROR_INTERNAL = 1,
        ATTESTER_ERROR_INVALID_ARGUMENT = 2,
        ATTESTER_ERROR_NO_MEMORY = 3,
        ATTESTER_ERROR_MALFORMED = 4, /* the website's header, or the daemon's answer, does not parse */
        ATTESTER_ERROR_LIMIT_EXCEEDED = 5,
        ATTESTER_ERROR_UNSUPPORTED = 6, /* no challenge in the header that this library can answer */
        ATTESTER_ERROR_IO = 7,
        ATTESTER_ERROR_NOT_FOUND = 8,
        ATTESTER_ERROR_TIMEOUT = 9,
        ATTESTER_ERROR_CANCELLED = 10,
        ATTESTER_ERROR_CONFIG_INVALID = 11,
        ATTESTER_ERROR_STATE_INVALID = 12,
        ATTESTER_ERROR_NOT_AUTHORIZED = 13, /* only an administrator may do this */
        ATTESTER_ERROR_RATE_LIMITED = 14,
        ATTESTER_ERROR_BUSY = 15,
        ATTESTER_ERROR_CRYPTO = 16,
        ATTESTER_ERROR_TPM_UNAVAILABLE = 17,
        ATTESTER_ERROR_TPM_FAILED = 18,
        ATTESTER_ERROR_SEALED = 19, /* the device booted into a state that its key was not sealed to */
        ATTESTER_ERROR_NOT_ENROLLED = 20,
        ATTESTER_ERROR_POLICY_INVALID = 21,
        ATTESTER_ERROR_POLICY_DENIED = 22,      /* the device does not meet the policy; the message has the remedy */
        ATTESTER_ERROR_POLICY_UNTRUSTED = 23,   /* a policy bundle that nobody signed who may */
        ATTESTER_ERROR_POLICY_ROLLED_BACK = 24, /* an older policy bundle than was in force */
        ATTESTER_ERROR_POLICY_OTHER_FLEET = 25, /* a policy bundle for other devices */
        ATTESTER_ERROR_POLICY_NOT_CURRENT = 26, /* a policy bundle that has expired, or is not valid yet */
        ATTESTER_ERROR_ISSUER_UNKNOWN = 30,     /* no challenge names an issuer that attesterd is configured for */
        ATTESTER_ERROR_ISSUER_UNREACHABLE = 31,
        ATTESTER_ERROR_ISSUER_REJECTED = 32,
        ATTESTER_ERROR_EVIDENCE_INVALID = 33,
        ATTESTER_ERROR_EVIDENCE_STALE = 34,
        ATTESTER_ERROR_TOKEN_INVALID = 40, /* the issuer's answer is not a signature over our request */
        ATTESTER_ERROR_TOKEN_SPENT = 41,
        ATTESTER_ERROR_ORIGIN_MISMATCH = 42,    /* the challenge asks for another website's token */
        ATTESTER_ERROR_KEY_MISMATCH = 43,       /* the challenge's key is not in the issuer's directory */
        ATTESTER_ERROR_DAEMON_UNREACHABLE = 50, /* the bus or attesterd does not answer */
};

struct attester_error {
        int code;          /* enum attester_error_code; a newer library may have more */
        char name[32];     /* "PolicyDenied": the last part of the D-Bus error name */
        char message[512]; /* one sentence or two for the person: what failed and what to do */
        char detail[512];  /* for a log; may be "" */
};

#define ATTESTER_ERROR_INIT                                                                                                      \
        {                                                                                                                        \
                ATTESTER_ERROR_NONE, "", "", ""                                                                                  \
        }

#define ATTESTER_OPERATIONS_MAX 64 /* of one object, at the same time */

/*
 * A connection to the system bus, by which attesterd is reached: a session is not needed. It is made again when it was lost,
 * at the next call.
 */
struct attester;

/*
 * Makes an object; connects at its first call. `bus_address` is a D-Bus address, or NULL for the system bus
 * (DBUS_SYSTEM_BUS_ADDRESS is honoured, except in programs that are setuid or setgid). Free with attester_free(), which accepts
 * NULL, and cancels what is under way. Errors: IO (no file descriptors), NO_MEMORY.
 */
int attester_new(const char *bus_address, struct attester **ret, struct attester_error *error);
void attester_free(struct attester *attester);

/* What attester_authorize() is doing, for programs that show it. Never carries a secret. */
enum attester_step {
        ATTESTER_STEP_CHALLENGE, /* a challenge was chosen; the text is its issuer's name */
        ATTESTER_STEP_KEY,       /* "type 0x0002, key id" and the id in hex */
        ATTESTER_STEP_BLINDED,   /* the request goes to attesterd now; its length */
        ATTESTER_STEP_RESPONSE,  /* attesterd answered */
        ATTESTER_STEP_TOKEN,     /* the token is unblinded and verified; its length */
};

struct attester_options {
        size_t size;         /* sizeof(struct attester_options), set by ATTESTER_OPTIONS_INIT */
        uint32_t timeout_ms; /* for the whole call; 0: ATTESTER_TIMEOUT_MS_DEFAULT, which is also the most */
        bool interactive;    /* a person is waiting: authorisation may ask, rules about the session apply */
        void (*trace)(enum attester_step step, const char *text, void *context); /* NULL: not wanted */
        void *trace_context;
};

#define ATTESTER_OPTIONS_INIT                                                                                                    \
        {                                                                                                                        \
                sizeof(struct attester_options), 0, false, NULL, NULL                                                            \
        }

struct attester_info {
        size_t size;      /* sizeof(struct attester_info), set by ATTESTER_INFO_INIT */
        char issuer[264]; /* whose token it is */
        uint16_t token_type;
        bool attested;            /* the daemon sent evidence of this device */
        uint32_t quote_shared_by; /* posts to issuers that the same TPM quote served; 0 if not said */
        uint32_t elapsed_ms;      /* the daemon's part; 0 if not said */
};

#define ATTESTER_INFO_INIT                                                                                                       \
        {                                                                                                                        \
                sizeof(struct attester_info), "", 0, false, 0, 0                                                                 \
        }

/*
 * Answers a challenge. `www_authenticate` is the field's value (several fields: joined with ", "); `origin` is the host of
 * the website that sent it, with ":port" unless 443. The first challenge is taken whose token type is built in, whose
 * issuer attesterd is configured for, and which allows `origin`. Its token-key must be one of the issuer's keys in the
 * daemon's copy of the directory, so that no website can mark a visitor by a key of its own.
 * `*ret_authorization` is the value of the Authorization field; free it with attester_string_free(), which wipes it. It
 * is good for one request. `options` and `ret_info` may be NULL.
 * Errors: INVALID_ARGUMENT (origin), MALFORMED, LIMIT_EXCEEDED, UNSUPPORTED, ISSUER_UNKNOWN, ORIGIN_MISMATCH,
 * KEY_MISMATCH, TOKEN_INVALID, TIMEOUT, DAEMON_UNREACHABLE, CRYPTO, NO_MEMORY, and what attesterd answers.
 * Source: RFC 9577, section 2; RFC 9578, sections 5 and 6.
 */
int attester_authorize(struct attester *attester, const char *www_authenticate, const char *origin,
                       const struct attester_options *options, char **ret_authorization, struct attester_info *ret_info,
                       struct attester_error *error);

void attester_string_free(char *string);

/*
 * Tells the outcome of attester_authorize_start(), once, from within attester_process(): either `error` is NULL, or
 * `authorization` and `info` are. All are valid during the call; the library then wipes `authorization`. The operation is gone:
 * it cannot be cancelled any more. The callback may use the object, start further operations and cancel others, and may free
 * the object.
 */
typedef void attester_authorize_callback(void *context, const char *authorization, const struct attester_info *info,
                                         const struct attester_error *error);

/* What attester_authorize_start() began, until its callback runs or it is cancelled. */
struct attester_operation;

/*
 * As attester_authorize(), without blocking but for the connect(2) to the bus, a local socket: the caller polls
 * attester_get_fd(), calls attester_process(), and gets the outcome by `callback` (not NULL). Up to ATTESTER_OPERATIONS_MAX
 * may be under way at a time; they end in any order, each by its deadline. `options` is copied; its trace function runs within
 * attester_process() and may not use the object. `ret` may be NULL if the operation will not be cancelled on its own.
 * Errors, after which no callback follows: INVALID_ARGUMENT (origin), MALFORMED, LIMIT_EXCEEDED, BUSY (too many under way),
 * DAEMON_UNREACHABLE (the bus), NO_MEMORY. All others come by the callback.
 */
int attester_authorize_start(struct attester *attester, const char *www_authenticate, const char *origin,
                             const struct attester_options *options, attester_authorize_callback *callback, void *context,
                             struct attester_operation **ret, struct attester_error *error);

/* Ends an operation whose callback has not run, and will not. NULL is fine. attesterd is not told; it drops the answer. */
void attester_operation_cancel(struct attester_operation *operation);

/*
 * The file descriptor to poll for POLLIN, and for nothing else; the same as long as the object lives, which owns it. Deadlines
 * make it readable, too: no timeout is needed beside it.
 */
int attester_get_fd(const struct attester *attester);

/*
 * Does what can be done without blocking, and calls back for what has ended. To be called when attester_get_fd() is readable;
 * harmless at any other time, and without effect from within a callback. A call that blocks may be made while operations are
 * under way: they go on meanwhile, and their callbacks wait for attester_process().
 */
void attester_process(struct attester *attester);

/* A configured issuer, and "enrolled", "not-enrolled" or "unattested". */
struct attester_issuer_state {
        char *name;
        char *enrollment;
};

struct attester_status {
        char *version;
        char *tpm_state;
        char *seal_state;
        uint64_t policy_version;
        char *policy_error; /* "" if the newest policy files are in force */
        struct attester_issuer_state *issuers;
        size_t issuer_count;
        char *config_error; /* "" if the newest configuration files are in force */
        /* How the last attempt to get the fleet's policy bundle from its URL failed: "", "" and 0 if it went well, or there was
         * none. */
        char *policy_fetch_name;         /* "IssuerUnreachable": the last part of the D-Bus error name */
        char *policy_fetch_error;        /* a sentence */
        uint64_t policy_fetch_failed_at; /* seconds since 1970 */
};

/* Free with attester_status_free(). Errors: TIMEOUT, DAEMON_UNREACHABLE, MALFORMED, NO_MEMORY. */
int attester_get_status(struct attester *attester, const struct attester_options *options, struct attester_status **ret,
                        struct attester_error *error);
void attester_status_free(struct attester_status *status);

struct attester_pcr {
        char *bank; /* "sha256" */
        uint32_t number;
        char *approved; /* value, in hex */
        char *present;
};

struct attester_seal {
        char *mode;                /* "pcr", "signed", or "" without an attestation key */
        struct attester_pcr *pcrs; /* mode "signed": of the approved state that differs least, if that is known */
        size_t pcr_count;
        char *authority; /* mode "signed": name of its key, in hex; else "" */
        char *policy_ref;
};

/*
 * What the attestation key is sealed to, compared with now. Free with attester_seal_free(). Errors: TPM_UNAVAILABLE, TPM_FAILED,
 * STATE_INVALID, TIMEOUT, DAEMON_UNREACHABLE, UNSUPPORTED (an older daemon), MALFORMED, NO_MEMORY.
 */
int attester_get_seal(struct attester *attester, const struct attester_options *options, struct attester_seal **ret,
                      struct attester_error *error);
void attester_seal_free(struct attester_seal *seal);

struct attester_key {
        uint16_t token_type;
        uint64_t not_before; /* seconds since 1970; 0: always */
        uint8_t *encoded;    /* as directory and token-key parameter carry it */
        size_t encoded_len;
        char id[65]; /* SHA-256 of it, in hex: the token key id */
};

struct attester_issuer {
        char *name;
        char *request_uri;
        bool attestation; /* it takes evidence */
        uint64_t fetched; /* when, in seconds since 1970 */
        struct attester_key *keys;
        size_t key_count;
        char *mirror; /* "agrees", or "unreachable: " and why; NULL: there is none, or an older attesterd */
};

/* The daemon's copy of a directory. Free with attester_issuer_free(). Errors: as above, and what attesterd answers. */
int attester_get_issuer(struct attester *attester, const char *issuer, const struct attester_options *options,
                        struct attester_issuer **ret, struct attester_error *error);
void attester_issuer_free(struct attester_issuer *issuer);

enum attester_value_type {
        ATTESTER_VALUE_UNREADABLE, /* `text` says why */
        ATTESTER_VALUE_BOOLEAN,
        ATTESTER_VALUE_INTEGER,
        ATTESTER_VALUE_STRING,
};

struct attester_fact {
        char *name;
        enum attester_value_type type;
        bool boolean;
        int64_t integer;
        char *text;       /* the value for people, of every type */
        char *provenance; /* "hardware", "measured" or "reported" */
        char *source;
        uint64_t age_s; /* seconds since the value was read, or since who knows it said so */
};

/* The device's posture. Free with attester_facts_free(). Errors: as above. */
int attester_get_facts(struct attester *attester, const struct attester_options *options, struct attester_fact **ret,
                       size_t *ret_count, struct attester_error *error);
void attester_facts_free(struct attester_fact *facts, size_t count);

struct attester_rule {
        char *name;
        char *outcome; /* "pass", "fail", "skipped", "warn" or "grace" */
        char *reason;
        char *remedy;
        /* Of attester_explain(); else NULL and 0. */
        char *when;    /* the expression of When=; "": the rule always applies */
        char *require; /* the expression of Require= */
        char **facts;  /* the names of the facts in these expressions, each once */
        size_t fact_count;
};

/*
 * Whether attesterd would ask `issuer` ("": rules that hold for all) for tokens now, and why. A policy that denies is a
 * result here. Free with attester_rules_free(). Errors: as above.
 */
int attester_evaluate(struct attester *attester, const char *issuer, const struct attester_options *options, bool *ret_passed,
                      struct attester_rule **ret, size_t *ret_count, struct attester_error *error);
void attester_rules_free(struct attester_rule *rules, size_t count);

/*
 * As attester_evaluate(), with what the outcomes follow from: the rules' expressions, and the facts that these name, as they
 * were when the rules were evaluated. A fact that is named and not among `*ret_facts` is one that the device does not have.
 * Free with attester_rules_free() and attester_facts_free(). Errors: as above, UNSUPPORTED (an older daemon).
 */
int attester_explain(struct attester *attester, const char *issuer, const struct attester_options *options, bool *ret_passed,
                     struct attester_rule **ret_rules, size_t *ret_rule_count, struct attester_fact **ret_facts,
                     size_t *ret_fact_count, struct attester_error *error);

/*
 * What an administrator asks for (org.attesterd.Admin1 says what each does). `*ret_device` is the identifier under which
 * the issuer knows this device; free it with attester_string_free(). Errors: NOT_AUTHORIZED, and what attesterd answers.
 */
int attester_enroll(struct attester *attester, const char *issuer, const struct attester_options *options, char **ret_device,
                    struct attester_error *error);
int attester_reload(struct attester *attester, const struct attester_options *options, struct attester_error *error);
/* A policy file (NUL-terminated text) under a name, and the bytes of a signed policy bundle, whose version is `*ret_version`. */
int attester_install_policy(struct attester *attester, const char *name, const char *content,
                            const struct attester_options *options, struct attester_error *error);
int attester_install_policy_bundle(struct attester *attester, const void *bundle, size_t len,
                                   const struct attester_options *options, uint64_t *ret_version, struct attester_error *error);
int attester_reseal(struct attester *attester, const struct attester_options *options, struct attester_error *error);

#ifdef __cplusplus
}
#endif

#endif
