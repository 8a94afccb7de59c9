/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/hierarchy.h"

#include <string.h>

/* The template of an ECC P-256 EK, but with a password (an empty one) in place of the policy. */
static const TPM2B_PUBLIC srk_template = {
        .publicArea = {
                .type = TPM2_ALG_ECC,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                .parameters.eccDetail = {
                        .symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
                        .scheme.scheme = TPM2_ALG_NULL,
                        .curveID = TPM2_ECC_NIST_P256,
                        .kdf.scheme = TPM2_ALG_NULL,
                },
                .unique.ecc = { .x.size = 32, .y.size = 32 },
        },
};

/* There is no key yet to salt a session with; nothing secret crosses the bus. */
static bool create_srk(struct tpm_connection *connection, struct tpm_srk *srk, struct base_error *error)
{
        static const TPM2B_SENSITIVE_CREATE no_secret = { 0 };
        static const TPM2B_DATA no_outside_info = { 0 };
        static const TPML_PCR_SELECTION no_pcrs = { 0 };
        TSS2_RC rc;

        srk->transient.connection = connection;
        rc = Esys_CreatePrimary(connection->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret,
                                &srk_template, &no_outside_info, &no_pcrs, &srk->transient.object, NULL, NULL, NULL, NULL);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "create its storage root key", error);
        rc = Esys_EvictControl(connection->esys, ESYS_TR_RH_OWNER, srk->transient.object, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                               ESYS_TR_NONE, TPM_SRK_HANDLE, &srk->object);
        if (rc == TSS2_RC_SUCCESS)
                tpm_handle_flush(&srk->transient);
        else if (tpm_rc_classify(rc) == TPM_RC_CLASS_TRANSPORT)
                return tpm_connection_fail(connection, rc, "keep its storage root key", error);
        else
                srk->object = srk->transient.object;
        return true;
}

bool tpm_srk_open(struct tpm_connection *connection, struct tpm_srk *ret, struct base_error *error)
{
        BASE_CLEANUP(tpm_srk_close) struct tpm_srk srk = TPM_SRK_INIT;
        tpm_auto_esys TPM2B_NAME *name = NULL;
        TSS2_RC rc;

        rc = Esys_TR_FromTPMPublic(connection->esys, TPM_SRK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &srk.object);
        if (tpm_rc_classify(rc) == TPM_RC_CLASS_NO_HANDLE) {
                if (!create_srk(connection, &srk, error))
                        return false;
        } else if (rc != TSS2_RC_SUCCESS) {
                return tpm_connection_fail(connection, rc, "read its storage root key", error);
        }
        rc = Esys_TR_GetName(connection->esys, srk.object, &name);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "name its storage root key", error);
        if (name->size > sizeof(srk.name))
                return base_error_set(error, BASE_ERROR_TPM_FAILED, "The name of the TPM's storage root key is too long.");
        memcpy(srk.name, name->name, name->size);
        srk.name_len = name->size;
        *ret = srk;
        srk = (struct tpm_srk) TPM_SRK_INIT;
        return true;
}

void tpm_srk_close(struct tpm_srk *srk)
{
        tpm_handle_flush(&srk->transient);
        *srk = (struct tpm_srk) TPM_SRK_INIT;
}
