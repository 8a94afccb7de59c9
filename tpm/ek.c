/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/hierarchy.h"

#include <tss2/tss2_mu.h>

#include <string.h>

#define NV_READ_BYTES_MAX 512 /* every PC Client TPM reads at least this much at once */

/* TPM2_PolicySecret(endorsement): EK Credential Profile, B.6.2 (PolicyA). */
static const uint8_t policy_a_sha256[] = {
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
        0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* TPM2_PolicyOR of PolicyA and an NV-held policy: B.6.5 (PolicyB). */
static const uint8_t policy_b_sha256[] = {
        0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3,
        0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0,
};
static const uint8_t policy_b_sha384[] = {
        0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a,
        0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
        0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12,
};

struct ek_kind {
        TPM2_HANDLE certificate_index;
        TPMI_ALG_PUBLIC type;
        TPMI_ALG_HASH name_algorithm;
        uint16_t aes_bits;
        uint16_t size;       /* a curve of ECC, bits of RSA */
        uint16_t unique_len; /* low range: this many zero bytes; high range: none */
        bool user_with_auth; /* high range */
        struct base_bytes policy;
};

#define POLICY(array)                                                                                                            \
        {                                                                                                                        \
                .data = (array), .len = sizeof(array)                                                                            \
        }

/* In order of preference: an ECC key takes a TPM milliseconds to derive, an RSA key may take seconds. */
static const struct ek_kind kinds[] = {
        { 0x01c0000a, TPM2_ALG_ECC, TPM2_ALG_SHA256, 128, TPM2_ECC_NIST_P256, 32, false, POLICY(policy_a_sha256) }, /* L-2 */
        { 0x01c00014, TPM2_ALG_ECC, TPM2_ALG_SHA256, 128, TPM2_ECC_NIST_P256, 0, true, POLICY(policy_b_sha256) },   /* H-2 */
        { 0x01c00016, TPM2_ALG_ECC, TPM2_ALG_SHA384, 256, TPM2_ECC_NIST_P384, 0, true, POLICY(policy_b_sha384) },   /* H-3 */
        { 0x01c00002, TPM2_ALG_RSA, TPM2_ALG_SHA256, 128, 2048, 256, false, POLICY(policy_a_sha256) },              /* L-1 */
        { 0x01c00012, TPM2_ALG_RSA, TPM2_ALG_SHA256, 128, 2048, 0, true, POLICY(policy_b_sha256) },                 /* H-1 */
        { 0x01c0001c, TPM2_ALG_RSA, TPM2_ALG_SHA384, 256, 3072, 0, true, POLICY(policy_b_sha384) },                 /* H-6 */
};

static TPM2B_PUBLIC template_of(const struct ek_kind *kind)
{
        TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = kind->aes_bits, .mode.aes = TPM2_ALG_CFB };
        TPM2B_PUBLIC template = { 0 };
        TPMT_PUBLIC *area = &template.publicArea;

        area->type = kind->type;
        area->nameAlg = kind->name_algorithm;
        area->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                 TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
                                 (kind->user_with_auth ? TPMA_OBJECT_USERWITHAUTH : 0);
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

static bool create_ek(struct tpm_connection *connection, const struct tpm_srk *srk, const struct ek_kind *kind, struct tpm_ek *ek,
                      struct base_error *error)
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
        ek->policy_only = !kind->user_with_auth;
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
        const struct ek_kind *kind = &kinds[0];
        struct tpm_ek ek = TPM_EK_INIT;

        for (size_t i = 0; i < BASE_COUNT(kinds) && ek.certificate_len == 0; i++) {
                if (!read_certificate(connection, srk, kinds[i].certificate_index, &ek, error))
                        return false;
                if (ek.certificate_len != 0)
                        kind = &kinds[i];
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
