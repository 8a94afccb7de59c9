/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/counter.h"

#include <string.h>

#define VALUE_LEN 8
#define MARK_LEN  (BASE_SHA256_LEN + 8)

/* Anybody who may use the TPM may read and write them. Without dictionary attack protection, so that a lockout does not touch
 * them. */
#define ATTRIBUTES (TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE | TPMA_NV_NO_DA)

struct kind {
        TPM2_HANDLE handle;
        TPMA_NV attributes;
        uint16_t len;
        const char *does;
};

/* Nobody can set it: a counter takes no TPM2_NV_Write. */
static const struct kind counting = {
        .handle = TPM_COUNTER_INDEX,
        .attributes = ATTRIBUTES | TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT,
        .len = VALUE_LEN,
        .does = "counts policy bundles",
};
static const struct kind marking = {
        .handle = TPM_COUNTER_MARK_INDEX,
        .attributes = ATTRIBUTES | TPM2_NT_ORDINARY << TPMA_NV_TPM2_NT_SHIFT,
        .len = MARK_LEN,
        .does = "remembers the newest policy bundle",
};

struct counter {
        struct tpm_connection *connection;
        const struct kind *kind;
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
        if ((public->nvPublic.attributes & ~(TPMA_NV) TPMA_NV_WRITTEN) != counter->kind->attributes ||
            public->nvPublic.dataSize != counter->kind->len || public->nvPublic.authPolicy.size != 0)
                return base_error_set(error, BASE_ERROR_TPM_FAILED,
                                      "The TPM's NV index 0x%08x, which %s, is in use for something else; remove it "
                                      "with tpm2_nvundefine if nobody needs it.",
                                      counter->kind->handle, counter->kind->does);
        counter->written = (public->nvPublic.attributes & TPMA_NV_WRITTEN) != 0;
        return true;
}

static bool find(struct counter *counter, struct base_error *error)
{
        TSS2_RC rc = Esys_TR_FromTPMPublic(counter->connection->esys, counter->kind->handle, ESYS_TR_NONE, ESYS_TR_NONE,
                                           ESYS_TR_NONE, &counter->index);

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
                        .nvIndex = counter->kind->handle,
                        .nameAlg = TPM2_ALG_SHA256,
                        .attributes = counter->kind->attributes,
                        .dataSize = counter->kind->len,
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

static bool read_bytes(const struct counter *counter, ESYS_TR session, struct base_buffer *to, struct base_error *error)
{
        tpm_auto_esys TPM2B_MAX_NV_BUFFER *data = NULL;
        TSS2_RC rc = Esys_NV_Read(counter->connection->esys, counter->index, counter->index, session, ESYS_TR_NONE, ESYS_TR_NONE,
                                  counter->kind->len, 0, &data);

        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(counter->connection, rc, "read its counter for policy bundles", error);
        if (data->size != counter->kind->len)
                return base_error_set(error, BASE_ERROR_TPM_FAILED, "The TPM gave less of its counter than asked.");
        base_buffer_put(to, data->buffer, data->size);
        return true;
}

static bool read_value(const struct counter *counter, ESYS_TR session, uint64_t *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(VALUE_LEN);
        struct base_reader reader;

        if (!read_bytes(counter, session, &bytes, error))
                return false;
        reader = base_reader_over(base_buffer_bytes(&bytes));
        return base_reader_get_u64(&reader, ret) || base_error_set_no_memory(error);
}

static bool read_mark(const struct counter *mark, ESYS_TR session, struct tpm_counter_mark *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(MARK_LEN);
        struct base_bytes fleet;
        struct base_reader reader;

        if (!read_bytes(mark, session, &bytes, error))
                return false;
        reader = base_reader_over(base_buffer_bytes(&bytes));
        if (!base_reader_get_bytes(&reader, sizeof(ret->fleet), &fleet) || !base_reader_get_u64(&reader, &ret->version))
                return base_error_set_no_memory(error);
        memcpy(ret->fleet, fleet.data, fleet.len);
        return true;
}

static bool write_mark(struct counter *mark, ESYS_TR session, const struct tpm_counter_mark *value, struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(MARK_LEN);
        TPM2B_MAX_NV_BUFFER data = { .size = MARK_LEN };
        TSS2_RC rc;

        base_buffer_put(&bytes, value->fleet, sizeof(value->fleet));
        base_buffer_put_u64(&bytes, value->version);
        if (!base_buffer_ok(&bytes))
                return base_error_set_no_memory(error);
        memcpy(data.buffer, bytes.data, MARK_LEN);
        rc = Esys_NV_Write(mark->connection->esys, mark->index, mark->index, session, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0);
        return rc == TSS2_RC_SUCCESS || tpm_connection_fail(mark->connection, rc, "remember the newest policy bundle", error);
}

/* Of INCREMENT: before the counter goes up, so that what was counted has always been remembered. */
static bool step_mark(struct counter *mark, ESYS_TR session, enum tpm_counter_step step, const struct tpm_counter_mark *new,
                      struct tpm_counter *ret, struct base_error *error)
{
        bool write = step == TPM_COUNTER_INCREMENT && new != NULL;

        if (mark->index == ESYS_TR_NONE && step != TPM_COUNTER_READ && !define(mark, session, error))
                return false;
        ret->marked = mark->written;
        if (mark->written && !read_mark(mark, session, &ret->mark, error))
                return false;
        if (!write || (ret->marked && memcmp(&ret->mark, new, sizeof(*new)) == 0))
                return true;
        if (!write_mark(mark, session, new, error))
                return false;
        ret->marked = true;
        ret->mark = *new;
        return true;
}

bool tpm_counter_step(struct tpm_connection *connection, const struct tpm_srk *srk, enum tpm_counter_step step,
                      const struct tpm_counter_mark *new, struct tpm_counter *ret, struct base_error *error)
{
        BASE_CLEANUP(counter_close) struct counter counter = { connection, &counting, ESYS_TR_NONE, false };
        BASE_CLEANUP(counter_close) struct counter mark = { connection, &marking, ESYS_TR_NONE, false };
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;
        struct tpm_counter found = { .value = 0 };

        if (!find(&counter, error) || !find(&mark, error))
                return false;
        if (step != TPM_COUNTER_PREPARE && !counter.written)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "The TPM has no counter for policy bundles.");
        if (!tpm_session_start(connection, srk->object, TPM2_SE_HMAC, 0, &session, error) ||
            (counter.index == ESYS_TR_NONE && !define(&counter, session.object, error)) ||
            !step_mark(&mark, session.object, step, new, &found, error))
                return false;
        /* A new counter has no value before its first increment. */
        if ((step == TPM_COUNTER_INCREMENT || !counter.written) && !increment(&counter, session.object, error))
                return false;
        if (!read_value(&counter, session.object, &found.value, error))
                return false;
        *ret = found;
        return true;
}
