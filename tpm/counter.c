/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/counter.h"

#define VALUE_LEN 8

/*
 * Anybody who may use the TPM may read and increment it, nobody can set it: a counter takes no TPM2_NV_Write. Without dictionary
 * attack protection, so that a lockout does not touch it.
 */
#define ATTRIBUTES                                                                                                               \
        (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD |                   \
         TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA)

struct counter {
        struct tpm_connection *connection;
        const struct tpm_srk *srk;
        ESYS_TR index; /* ESYS_TR_NONE: there is none */
        bool written;  /* it has a value */
};

static void counter_close(struct counter *counter)
{
        if (counter->index != ESYS_TR_NONE)
                (void) Esys_TR_Close(counter->connection->esys, &counter->index);
}

static bool look_at(struct counter *counter, struct base_error *error)
{
        tpm_auto_esys TPM2B_NV_PUBLIC *public = NULL;
        TSS2_RC rc = Esys_NV_ReadPublic(counter->connection->esys, counter->index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &public, NULL);

        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(counter->connection, rc, "look at its counter for policy bundles", error);
        if ((public->nvPublic.attributes & ~(TPMA_NV) TPMA_NV_WRITTEN) != ATTRIBUTES || public->nvPublic.dataSize != VALUE_LEN ||
            public->nvPublic.authPolicy.size != 0)
                return base_error_set(
                        error, BASE_ERROR_TPM_FAILED,
                        "The TPM's NV index 0x%08x, which counts policy bundles, is in use for something else; remove it "
                        "with tpm2_nvundefine if nobody needs it.",
                        TPM_COUNTER_INDEX);
        counter->written = (public->nvPublic.attributes & TPMA_NV_WRITTEN) != 0;
        return true;
}

static bool find(struct counter *counter, struct base_error *error)
{
        TSS2_RC rc = Esys_TR_FromTPMPublic(counter->connection->esys, TPM_COUNTER_INDEX, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                           &counter->index);

        if (rc == TSS2_RC_SUCCESS)
                return look_at(counter, error);
        counter->index = ESYS_TR_NONE;
        return tpm_rc_classify(rc) == TPM_RC_CLASS_NO_HANDLE ||
               tpm_connection_fail(counter->connection, rc, "look for its counter for policy bundles", error);
}

static bool define(struct counter *counter, ESYS_TR session, struct base_error *error)
{
        static const TPM2B_AUTH no_password = { 0 };
        TPM2B_NV_PUBLIC public = {
                .nvPublic = {
                        .nvIndex = TPM_COUNTER_INDEX,
                        .nameAlg = TPM2_ALG_SHA256,
                        .attributes = ATTRIBUTES,
                        .dataSize = VALUE_LEN,
                },
        };
        TSS2_RC rc = Esys_NV_DefineSpace(counter->connection->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                         &no_password, &public, &counter->index);

        if (rc == TSS2_RC_SUCCESS)
                return true;
        counter->index = ESYS_TR_NONE;
        return tpm_connection_fail(counter->connection, rc, "make its counter for policy bundles", error);
}

static bool increment(struct counter *counter, ESYS_TR session, struct base_error *error)
{
        TSS2_RC rc = Esys_NV_Increment(counter->connection->esys, counter->index, counter->index, session, ESYS_TR_NONE,
                                       ESYS_TR_NONE);

        counter->written = true;
        return rc == TSS2_RC_SUCCESS ||
               tpm_connection_fail(counter->connection, rc, "increment its counter for policy bundles", error);
}

static bool read_value(const struct counter *counter, ESYS_TR session, uint64_t *ret, struct base_error *error)
{
        tpm_auto_esys TPM2B_MAX_NV_BUFFER *data = NULL;
        struct base_reader reader;
        TSS2_RC rc = Esys_NV_Read(counter->connection->esys, counter->index, counter->index, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                  VALUE_LEN, 0, &data);

        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(counter->connection, rc, "read its counter for policy bundles", error);
        reader = base_reader_over(BASE_BYTES(data->buffer, data->size));
        return base_reader_get_u64(&reader, ret) ||
               base_error_set(error, BASE_ERROR_TPM_FAILED, "The TPM gave less of its counter than asked.");
}

bool tpm_counter_step(struct tpm_connection *connection, const struct tpm_srk *srk, enum tpm_counter_step step, uint64_t *ret,
                      struct base_error *error)
{
        BASE_CLEANUP(counter_close) struct counter counter = { .connection = connection, .srk = srk, .index = ESYS_TR_NONE };
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;

        if (!find(&counter, error))
                return false;
        if (step != TPM_COUNTER_PREPARE && !counter.written)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "The TPM has no counter for policy bundles.");
        if (!tpm_session_start(connection, srk->object, TPM2_SE_HMAC, 0, &session, error) ||
            (counter.index == ESYS_TR_NONE && !define(&counter, session.object, error)))
                return false;
        /* A new counter has no value before its first increment. */
        if ((step == TPM_COUNTER_INCREMENT || !counter.written) && !increment(&counter, session.object, error))
                return false;
        return read_value(&counter, session.object, ret, error);
}
