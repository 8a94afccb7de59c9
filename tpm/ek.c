/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/hierarchy.h"

#include "evidence/ek_template.h"

#include <tss2/tss2_mu.h>

#include <string.h>

#define NV_READ_BYTES_MAX 512 /* every PC Client TPM reads at least this much at once */

static TPM2B_PUBLIC template_of(const struct evidence_ek_template *kind)
{
        TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = kind->aes_bits, .mode.aes = TPM2_ALG_CFB };
        TPM2B_PUBLIC template = { 0 };
        TPMT_PUBLIC *area = &template.publicArea;

        area->type = kind->type;
        area->nameAlg = kind->name_algorithm;
        area->objectAttributes = kind->attributes;
        area->authPolicy.size = (uint16_t) kind->policy.len;
        memcpy(area->authPolicy.buffer, kind->policy.data, kind->policy.len);
        if (kind->type == TPM2_ALG_RSA) {
                area->parameters.rsaDetail.symmetric = aes;
                area->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
                area->parameters.rsaDetail.keyBits = kind->size;
                area->unique.rsa.size = kind->unique_len;
        } else {
                area->parameters.eccDetail.symmetric = aes;
                area->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
                area->parameters.eccDetail.curveID = kind->size;
                area->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
                area->unique.ecc.x.size = kind->unique_len;
                area->unique.ecc.y.size = kind->unique_len;
        }
        return template;
}

/* Vendors pad the index: the certificate is as long as its outer SEQUENCE says (X.690, section 8.1.3). */
static bool trim_der(struct tpm_ek *ek, struct base_error *error)
{
        const uint8_t *at = ek->certificate;

        if (ek->certificate_len > 4 && at[0] == 0x30 && at[1] == 0x82) {
                size_t len = 4 + (((size_t) at[2] << 8) | at[3]);

                if (len <= ek->certificate_len) {
                        ek->certificate_len = len;
                        return true;
                }
        }
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "The endorsement certificate in the TPM's NV memory is not DER.");
}

static bool read_nv(struct tpm_connection *connection, ESYS_TR index, ESYS_TR session, size_t len, struct tpm_ek *ek,
                    struct base_error *error)
{
        for (size_t offset = 0; offset < len;) {
                tpm_auto_esys TPM2B_MAX_NV_BUFFER *data = NULL;
                size_t want = len - offset < NV_READ_BYTES_MAX ? len - offset : NV_READ_BYTES_MAX;
                TSS2_RC rc;

                rc = Esys_NV_Read(connection->esys, index, index, session, ESYS_TR_NONE, ESYS_TR_NONE, (uint16_t) want,
                                  (uint16_t) offset, &data);
                if (rc != TSS2_RC_SUCCESS)
                        return tpm_connection_fail(connection, rc, "read its endorsement certificate", error);
                if (data->size != want)
                        return base_error_set(error, BASE_ERROR_TPM_FAILED,
                                              "The TPM gave less of its endorsement certificate than asked.");
                memcpy(ek->certificate + offset, data->buffer, want);
                offset += want;
        }
        ek->certificate_len = len;
        return trim_der(ek, error);
}

/* No certificate of this kind: true, with certificate_len 0. */
static bool read_certificate(struct tpm_connection *connection, const struct tpm_srk *srk, TPM2_HANDLE nv_index,
                             struct tpm_ek *ek, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;
        tpm_auto_esys TPM2B_NV_PUBLIC *public = NULL;
        ESYS_TR index;
        TSS2_RC rc;
        bool done;

        rc = Esys_TR_FromTPMPublic(connection->esys, nv_index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &index);
        if (tpm_rc_classify(rc) == TPM_RC_CLASS_NO_HANDLE)
                return true;
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "look for its endorsement certificate", error);
        rc = Esys_NV_ReadPublic(connection->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL);
        if (rc != TSS2_RC_SUCCESS)
                done = tpm_connection_fail(connection, rc, "look for its endorsement certificate", error);
        else if (!(public->nvPublic.attributes & TPMA_NV_WRITTEN))
                done = true;
        else if (public->nvPublic.dataSize > sizeof(ek->certificate))
                done = base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "The endorsement certificate in the TPM's NV memory is too large.");
        else
                done = tpm_session_start(connection, srk->object, TPM2_SE_HMAC, 0, &session, error) &&
                       read_nv(connection, index, session.object, public->nvPublic.dataSize, ek, error);
        (void) Esys_TR_Close(connection->esys, &index);
        return done;
}

static bool create_ek(struct tpm_connection *connection, const struct tpm_srk *srk, const struct evidence_ek_template *kind,
                      struct tpm_ek *ek, struct base_error *error)
{
        static const TPM2B_SENSITIVE_CREATE no_secret = { 0 };
        static const TPM2B_DATA no_outside_info = { 0 };
        static const TPML_PCR_SELECTION no_pcrs = { 0 };
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;
        tpm_auto_esys TPM2B_PUBLIC *public = NULL;
        TPM2B_PUBLIC template = template_of(kind);
        TSS2_RC rc;

        if (!tpm_session_start(connection, srk->object, TPM2_SE_HMAC, 0, &session, error))
                return false;
        ek->key.connection = connection;
        ek->policy_only = (kind->attributes & TPMA_OBJECT_USERWITHAUTH) == 0;
        rc = Esys_CreatePrimary(connection->esys, ESYS_TR_RH_ENDORSEMENT, session.object, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret,
                                &template, &no_outside_info, &no_pcrs, &ek->key.object, &public, NULL, NULL, NULL);
        if (rc == TSS2_RC_SUCCESS)
                rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public, ek->public_area, sizeof(ek->public_area), &ek->public_len);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "make its endorsement key", error);
        return true;
}

bool tpm_ek_open(struct tpm_connection *connection, const struct tpm_srk *srk, struct tpm_ek *ret, struct base_error *error)
{
        const struct evidence_ek_template *kind = &evidence_ek_templates[0];
        struct tpm_ek ek = TPM_EK_INIT;

        for (size_t i = 0; i < EVIDENCE_EK_TEMPLATE_COUNT && ek.certificate_len == 0; i++) {
                if (!read_certificate(connection, srk, evidence_ek_templates[i].certificate_index, &ek, error))
                        return false;
                if (ek.certificate_len != 0)
                        kind = &evidence_ek_templates[i];
        }
        if (!create_ek(connection, srk, kind, &ek, error)) {
                tpm_handle_flush(&ek.key);
                return false;
        }
        *ret = ek;
        return true;
}

bool tpm_ek_authorize(const struct tpm_ek *ek, const struct tpm_srk *srk, struct tpm_handle *ret, struct base_error *error)
{
        struct tpm_connection *connection = ek->key.connection;
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT, endorsement = TPM_HANDLE_INIT;
        TSS2_RC rc;

        if (!tpm_session_start(connection, srk->object, ek->policy_only ? TPM2_SE_POLICY : TPM2_SE_HMAC, 0, &session, error))
                return false;
        if (ek->policy_only) {
                if (!tpm_session_start(connection, srk->object, TPM2_SE_HMAC, 0, &endorsement, error))
                        return false;
                rc = Esys_PolicySecret(connection->esys, ESYS_TR_RH_ENDORSEMENT, session.object, endorsement.object, ESYS_TR_NONE,
                                       ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
                if (rc != TSS2_RC_SUCCESS)
                        return tpm_connection_fail(connection, rc, "authorise the use of its endorsement key", error);
        }
        *ret = session;
        session = (struct tpm_handle) TPM_HANDLE_INIT;
        return true;
}
