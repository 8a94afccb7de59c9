/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/key.h"

#include "tpm/approval.h"
#include "tpm/pcr_read.h"

#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>

#include <string.h>

static TPM2B_PUBLIC template_of(const uint8_t policy[static EVIDENCE_POLICY_DIGEST_LEN])
{
        TPM2B_PUBLIC template = {
                .publicArea = {
                        .type = TPM2_ALG_ECC,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                            TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA,
                        .authPolicy.size = EVIDENCE_POLICY_DIGEST_LEN,
                        .parameters.eccDetail = {
                                .symmetric.algorithm = TPM2_ALG_NULL,
                                .scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
                                .curveID = TPM2_ECC_NIST_P256,
                                .kdf.scheme = TPM2_ALG_NULL,
                        },
                },
        };

        memcpy(template.publicArea.authPolicy.buffer, policy, EVIDENCE_POLICY_DIGEST_LEN);
        return template;
}

static bool create(struct tpm_connection *connection, const struct tpm_srk *srk, ESYS_TR session, struct tpm_key_file *file,
                   struct base_error *error)
{
        static const TPM2B_SENSITIVE_CREATE no_secret = { 0 };
        static const TPM2B_DATA no_outside_info = { 0 };
        static const TPML_PCR_SELECTION no_pcrs = { 0 };
        tpm_auto_esys TPM2B_PRIVATE *private = NULL;
        tpm_auto_esys TPM2B_PUBLIC *public = NULL;
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];
        TPM2B_PUBLIC template;
        TSS2_RC rc;

        if (!tpm_key_file_policy(file, policy, error))
                return false;
        template = template_of(policy);
        rc = Esys_Create(connection->esys, srk->object, session, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, &template,
                         &no_outside_info, &no_pcrs, &private, &public, NULL, NULL, NULL);
        if (rc == TSS2_RC_SUCCESS)
                rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public, file->public_area, sizeof(file->public_area), &file->public_len);
        if (rc == TSS2_RC_SUCCESS)
                rc = Tss2_MU_TPM2B_PRIVATE_Marshal(private, file->private_area, sizeof(file->private_area), &file->private_len);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "make an attestation key", error);
        return true;
}

/* Audited, so that nobody on the bus can have the key sealed to PCR values of their choice. */
static bool seal_to_pcrs(struct tpm_connection *connection, const struct tpm_srk *srk, struct tpm_pcr_selection pcrs,
                         struct tpm_key_file *file, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;

        file->mode = TPM_SEAL_MODE_PCR;
        return tpm_session_start(connection, srk->object, TPM2_SE_HMAC, TPMA_SESSION_AUDIT, &session, error) &&
               tpm_pcrs_read(connection, pcrs, session.object, &file->sealed, error);
}

static bool seal_to_authority(const struct tpm_seal_config *seal, struct tpm_key_file *file, struct base_error *error)
{
        struct evidence_authority authority;

        file->mode = TPM_SEAL_MODE_SIGNED;
        if (!tpm_authority_load(seal, &authority, error))
                return false;
        memcpy(file->authority_area, authority.public_area, authority.public_len);
        file->authority_len = authority.public_len;
        file->policy_ref_len = strlen(seal->policy_ref);
        memcpy(file->policy_ref, seal->policy_ref, file->policy_ref_len);
        return true;
}

bool tpm_key_create(struct tpm_connection *connection, const struct tpm_srk *srk, struct tpm_pcr_selection pcrs,
                    const struct tpm_seal_config *seal, uint64_t now, struct tpm_key_file *ret, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT;
        struct tpm_key_file file = { .created = now };

        memcpy(file.parent_name, srk->name, srk->name_len);
        file.parent_name_len = srk->name_len;
        if (seal->mode == TPM_SEAL_MODE_SIGNED ? !seal_to_authority(seal, &file, error)
                                               : !seal_to_pcrs(connection, srk, pcrs, &file, error))
                return false;
        if (!tpm_session_start(connection, srk->object, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session,
                               error) ||
            !create(connection, srk, session.object, &file, error))
                return false;
        *ret = file;
        return true;
}

static bool foreign_key(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_NOT_ENROLLED,
                              "The attestation key was made by another TPM, or the TPM was cleared since. Make a new one with "
                              "\"attestctl reseal\" and enroll this device again.");
}

bool tpm_key_load(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_key_file *file,
                  struct tpm_handle *ret, struct base_error *error)
{
        tpm_auto_handle struct tpm_handle key = { .connection = connection, .object = ESYS_TR_NONE };
        TPM2B_PUBLIC public = { 0 };
        TPM2B_PRIVATE private = { 0 };
        size_t public_offset = 0, private_offset = 0;
        TSS2_RC rc;

        if (!base_bytes_equal(BASE_BYTES(file->parent_name, file->parent_name_len), BASE_BYTES(srk->name, srk->name_len)))
                return foreign_key(error);
        if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(file->public_area, file->public_len, &public_offset, &public) != TSS2_RC_SUCCESS ||
            Tss2_MU_TPM2B_PRIVATE_Unmarshal(file->private_area, file->private_len, &private_offset, &private) != TSS2_RC_SUCCESS)
                return base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "The key file " TPM_KEY_FILE_NAME " holds no key that a TPM could load. "
                                      "Restore it, or make a new key with \"attestctl reseal\".");
        /*
         * The SRK's password is empty, the blob is wrapped, and what is loaded is bound by its name to every later command: a
         * session here would cost a third of a quote and protect nothing.
         */
        rc = Esys_Load(connection->esys, srk->object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private, &public,
                       &key.object);
        if (tpm_rc_classify(rc) == TPM_RC_CLASS_INTEGRITY)
                return foreign_key(error);
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "load the attestation key", error);
        *ret = key;
        key = (struct tpm_handle) TPM_HANDLE_INIT;
        return true;
}

bool tpm_key_activate(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_ek *ek,
                      const struct tpm_handle *key, const TPM2B_ID_OBJECT *credential,
                      const TPM2B_ENCRYPTED_SECRET *encrypted_secret, uint8_t ret[static TPM_CREDENTIAL_SECRET_LEN],
                      struct base_error *error)
{
        tpm_auto_handle struct tpm_handle admin = TPM_HANDLE_INIT, user = TPM_HANDLE_INIT;
        tpm_auto_esys TPM2B_DIGEST *secret = NULL;
        enum tpm_rc_class class;
        bool fits;
        TSS2_RC rc;

        if (!tpm_ek_authorize(ek, srk, &user, error) ||
            !tpm_session_start(connection, srk->object, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT, &admin, error))
                return false;
        rc = Esys_ActivateCredential(connection->esys, key->object, ek->key.object, admin.object, user.object, ESYS_TR_NONE,
                                     credential, encrypted_secret, &secret);
        class = tpm_rc_classify(rc);
        if (class == TPM_RC_CLASS_INTEGRITY || class == TPM_RC_CLASS_VALUE || class == TPM_RC_CLASS_OTHER) {
                (void) base_error_set(error, BASE_ERROR_CRYPTO, "The verifier's credential is not for this device's keys: %s.",
                                      Tss2_RC_Decode(rc));
                return false;
        }
        if (rc != TSS2_RC_SUCCESS)
                return tpm_connection_fail(connection, rc, "open the credential", error);
        fits = secret->size == TPM_CREDENTIAL_SECRET_LEN;
        if (fits)
                memcpy(ret, secret->buffer, TPM_CREDENTIAL_SECRET_LEN);
        explicit_bzero(secret, sizeof(*secret));
        if (!fits)
                return base_error_set(error, BASE_ERROR_CRYPTO, "The verifier's credential does not hold a secret of %d bytes.",
                                      TPM_CREDENTIAL_SECRET_LEN);
        return true;
}
