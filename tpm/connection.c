/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/connection.h"

#include "tpm/openssl_context.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

/* A format-one code without the bits that say which parameter, handle or session it is about (part 2, section 6.6). */
#define FORMAT_ONE_MASK (TPM2_RC_FMT1 | 0x3f)

struct rc_row {
        TSS2_RC rc;
        enum tpm_rc_class class;
};

/* REFERENCE_H0 to H6 and S0 to S6: a handle or session that is not loaded (any more). */
#define IS_REFERENCE(code)                                                                                                       \
        (((code) >= TPM2_RC_REFERENCE_H0 && (code) <= TPM2_RC_REFERENCE_H6) ||                                                   \
         ((code) >= TPM2_RC_REFERENCE_S0 && (code) <= TPM2_RC_REFERENCE_S6))

static const struct rc_row rc_rows[] = {
        { TPM2_RC_INITIALIZE, TPM_RC_CLASS_NOT_STARTED },
        { TPM2_RC_FAILURE, TPM_RC_CLASS_NOT_STARTED },
        { TPM2_RC_UPGRADE, TPM_RC_CLASS_NOT_STARTED },
        { TPM2_RC_REBOOT, TPM_RC_CLASS_NOT_STARTED },
        { TPM2_RC_RETRY, TPM_RC_CLASS_RETRY },
        { TPM2_RC_YIELDED, TPM_RC_CLASS_RETRY },
        { TPM2_RC_TESTING, TPM_RC_CLASS_RETRY },
        { TPM2_RC_NV_RATE, TPM_RC_CLASS_RETRY },
        { TPM2_RC_NV_UNAVAILABLE, TPM_RC_CLASS_RETRY },
        { TPM2_RC_CANCELED, TPM_RC_CLASS_RETRY },
        { TPM2_RC_LOCKOUT, TPM_RC_CLASS_LOCKOUT },
        { TPM2_RC_CONTEXT_GAP, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_OBJECT_MEMORY, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_SESSION_MEMORY, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_MEMORY, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_SESSION_HANDLES, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_OBJECT_HANDLES, TPM_RC_CLASS_EXHAUSTED },
        { TPM2_RC_POLICY, TPM_RC_CLASS_POLICY },
        { TPM2_RC_POLICY_FAIL, TPM_RC_CLASS_POLICY },
        { TPM2_RC_PCR_CHANGED, TPM_RC_CLASS_PCR_CHANGED },
        { TPM2_RC_HANDLE, TPM_RC_CLASS_NO_HANDLE },
        { TPM2_RC_AUTH_UNAVAILABLE, TPM_RC_CLASS_AUTH },
        { TPM2_RC_AUTH_MISSING, TPM_RC_CLASS_AUTH },
        { TPM2_RC_AUTH_FAIL, TPM_RC_CLASS_AUTH },
        { TPM2_RC_BAD_AUTH, TPM_RC_CLASS_AUTH },
        { TPM2_RC_INTEGRITY, TPM_RC_CLASS_INTEGRITY },
        { TPM2_RC_VALUE, TPM_RC_CLASS_VALUE },
};

/* Advice by class, and the code under which it is reported. */
struct class_row {
        enum base_error_code code;
        const char *advice;
};

static const struct class_row class_rows[] = {
        [TPM_RC_CLASS_TRANSPORT] = { BASE_ERROR_TPM_UNAVAILABLE,
                                     " Check that the machine has a TPM 2.0, enabled in its firmware." },
        [TPM_RC_CLASS_NOT_STARTED] = { BASE_ERROR_TPM_UNAVAILABLE, " Restart the machine." },
        [TPM_RC_CLASS_RETRY] = { BASE_ERROR_TPM_UNAVAILABLE, " It is busy; try again in a moment." },
        [TPM_RC_CLASS_LOCKOUT] = { BASE_ERROR_TPM_UNAVAILABLE, " It is locked out after too many wrong passwords; wait, or reset "
                                                               "it with tpm2_dictionarylockout." },
        [TPM_RC_CLASS_EXHAUSTED] = { BASE_ERROR_TPM_UNAVAILABLE,
                                     " Other programs use all of its slots; use a resource manager, such as /dev/tpmrm0." },
        [TPM_RC_CLASS_POLICY] = { BASE_ERROR_TPM_FAILED, "" },
        [TPM_RC_CLASS_PCR_CHANGED] = { BASE_ERROR_TPM_FAILED, " The PCRs keep changing; try again." },
        [TPM_RC_CLASS_NO_HANDLE] = { BASE_ERROR_TPM_FAILED, "" },
        [TPM_RC_CLASS_AUTH] = { BASE_ERROR_TPM_FAILED, " The TPM's owner or endorsement hierarchy may have a password." },
        [TPM_RC_CLASS_INTEGRITY] = { BASE_ERROR_TPM_FAILED, "" },
        [TPM_RC_CLASS_VALUE] = { BASE_ERROR_TPM_FAILED, "" },
        [TPM_RC_CLASS_OTHER] = { BASE_ERROR_TPM_FAILED, "" },
};

enum tpm_rc_class tpm_rc_classify(TSS2_RC rc)
{
        TSS2_RC layer = rc & TSS2_RC_LAYER_MASK, code = rc & ~TSS2_RC_LAYER_MASK;

        if (rc == TSS2_RC_SUCCESS)
                return TPM_RC_CLASS_SUCCESS;
        if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER && layer != TSS2_RESMGR_RC_LAYER)
                return TPM_RC_CLASS_TRANSPORT;
        if (code & TPM2_RC_FMT1)
                code &= FORMAT_ONE_MASK;
        else if (IS_REFERENCE(code))
                return TPM_RC_CLASS_NO_HANDLE;
        for (size_t i = 0; i < BASE_COUNT(rc_rows); i++) {
                if (rc_rows[i].rc == code)
                        return rc_rows[i].class;
        }
        return TPM_RC_CLASS_OTHER;
}

bool tpm_connection_fail(struct tpm_connection *connection, TSS2_RC rc, const char *what, struct base_error *error)
{
        connection->failure = tpm_rc_classify(rc);
        if (connection->failure == TPM_RC_CLASS_TRANSPORT)
                connection->broken = true;
        (void) base_error_set(error, class_rows[connection->failure].code, "The TPM could not %s: %s.%s", what,
                              Tss2_RC_Decode(rc), class_rows[connection->failure].advice);
        base_error_set_detail(error, "TSS2_RC 0x%08x", rc);
        return false;
}

void tpm_connection_silence(void)
{
        (void) setenv("TSS2_LOG", "all+NONE", 0);
}

bool tpm_connection_open(const char *tcti, struct tpm_connection *ret, struct base_error *error)
{
        tpm_auto_connection struct tpm_connection opened = { 0 };
        TSS2_RC rc;

        tpm_openssl_context_prepare();
        rc = Tss2_TctiLdr_Initialize(tcti, &opened.tcti);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_Initialize(&opened.esys, opened.tcti, NULL);
        if (rc != TSS2_RC_SUCCESS) {
                (void) base_error_set(
                        error, BASE_ERROR_TPM_UNAVAILABLE,
                        "The TPM cannot be reached through \"%s\": %s. Check that the machine has a TPM 2.0, enabled in its "
                        "firmware.",
                        tcti, Tss2_RC_Decode(rc));
                base_error_set_detail(error, "TSS2_RC 0x%08x", rc);
                return false;
        }
        *ret = opened;
        opened = (struct tpm_connection){ 0 };
        return true;
}

void tpm_connection_close(struct tpm_connection *connection)
{
        Esys_Finalize(&connection->esys);
        Tss2_TctiLdr_Finalize(&connection->tcti);
        *connection = (struct tpm_connection){ 0 };
}

void tpm_handle_flush(struct tpm_handle *handle)
{
        /* If the TPM is gone then so is what it held; if it refuses there is nothing more to do. */
        if (handle->object != ESYS_TR_NONE && handle->connection != NULL)
                (void) Esys_FlushContext(handle->connection->esys, handle->object);
        *handle = (struct tpm_handle) TPM_HANDLE_INIT;
}

bool tpm_session_start(struct tpm_connection *connection, ESYS_TR salt_key, TPM2_SE type, TPMA_SESSION attributes,
                       struct tpm_handle *ret, struct base_error *error)
{
        static const TPMT_SYM_DEF aes_128_cfb = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB };
        tpm_auto_handle struct tpm_handle session = { .connection = connection, .object = ESYS_TR_NONE };
        TSS2_RC rc;

        rc = Esys_StartAuthSession(connection->esys, salt_key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, type,
                                   &aes_128_cfb, TPM2_ALG_SHA256, &session.object);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_TRSess_SetAttributes(connection->esys, session.object, TPMA_SESSION_CONTINUESESSION | attributes, 0xff);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "start a session", error);
        *ret = session;
        session = (struct tpm_handle) TPM_HANDLE_INIT;
        return true;
}
