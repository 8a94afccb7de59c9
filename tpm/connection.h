/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to the TPM through any TCTI, what its return codes mean, and handles in the TPM that flush themselves.
 * Runs on attesterd's TPM thread; may be included by tpm/ alone.
 */
#pragma once

#include "base/error.h"

#include <tss2/tss2_esys.h>

/* What a return code means for whoever sent the command. */
enum tpm_rc_class {
        TPM_RC_CLASS_SUCCESS,
        TPM_RC_CLASS_TRANSPORT,   /* nothing sensible came back: the connection is of no more use */
        TPM_RC_CLASS_NOT_STARTED, /* no TPM2_Startup, or failure mode: of no use until the machine restarts */
        TPM_RC_CLASS_RETRY,       /* the TPM asks to send it again */
        TPM_RC_CLASS_LOCKOUT,
        TPM_RC_CLASS_EXHAUSTED,   /* no slot for an object or a session */
        TPM_RC_CLASS_POLICY,      /* the policy session does not satisfy the key's policy */
        TPM_RC_CLASS_PCR_CHANGED, /* a PCR moved between TPM2_PolicyPCR and the command */
        TPM_RC_CLASS_NO_HANDLE,   /* nothing has that handle, or what had it is no longer loaded */
        TPM_RC_CLASS_AUTH,        /* a password or authorisation is wrong or missing */
        TPM_RC_CLASS_INTEGRITY,   /* a blob of another TPM or parent, or a damaged one */
        TPM_RC_CLASS_VALUE,       /* a parameter has a value that does not fit */
        TPM_RC_CLASS_OTHER,
};

enum tpm_rc_class tpm_rc_classify(TSS2_RC rc);

struct tpm_connection {
        TSS2_TCTI_CONTEXT *tcti;
        ESYS_CONTEXT *esys;
        enum tpm_rc_class failure; /* of the last tpm_connection_fail() */
        bool broken;               /* a TRANSPORT failure happened: close it */
};

/*
 * Opens. `tcti` is a TCTI string, as in "device:/dev/tpmrm0". The caller closes `ret`; no command has been sent yet.
 * Errors: TPM_UNAVAILABLE.
 */
bool tpm_connection_open(const char *tcti, struct tpm_connection *ret, struct base_error *error) BASE_MUST_CHECK;
void tpm_connection_close(struct tpm_connection *connection);
#define tpm_auto_connection BASE_CLEANUP(tpm_connection_close)

/*
 * Keeps tss2 from writing to stderr, unless the environment already says what it should write (TSS2_LOG). Changes the
 * environment, so call it before there are threads.
 */
void tpm_connection_silence(void);

/*
 * Sets `error` from a return code, with the TPM's own reason in words, and remembers its class. `what` continues the
 * sentence "The TPM could not …". Always returns false.
 */
bool tpm_connection_fail(struct tpm_connection *connection, TSS2_RC rc, const char *what, struct base_error *error);

/* A transient object or a session; flushed from the TPM when it goes out of scope. */
struct tpm_handle {
        struct tpm_connection *connection;
        ESYS_TR object;
};

#define TPM_HANDLE_INIT                                                                                                          \
        {                                                                                                                        \
                .object = ESYS_TR_NONE                                                                                           \
        }
void tpm_handle_flush(struct tpm_handle *handle);
#define tpm_auto_handle BASE_CLEANUP(tpm_handle_flush)

static inline void tpm_esys_free_p(void *p)
{
        void **pointer = p;

        Esys_Free(*pointer);
        *pointer = NULL;
}

/* Something that ESYS allocated. */
#define tpm_auto_esys BASE_CLEANUP(tpm_esys_free_p)

/*
 * Starts an HMAC or policy session, salted with `salt_key` (ESYS_TR_NONE: unsalted), SHA-256, AES-128-CFB, with these
 * attributes besides continueSession. Errors: TPM_UNAVAILABLE, TPM_FAILED.
 */
bool tpm_session_start(struct tpm_connection *connection, ESYS_TR salt_key, TPM2_SE type, TPMA_SESSION attributes,
                       struct tpm_handle *ret, struct base_error *error) BASE_MUST_CHECK;
