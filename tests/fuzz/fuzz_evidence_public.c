/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM2B_PUBLIC; keys that parse are judged, and a credential is made for those that may endorse. */
#include "evidence/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer id_object = BASE_BUFFER_INIT(EVIDENCE_ID_OBJECT_BYTES_MAX);
        base_auto_buffer struct base_buffer encrypted = BASE_BUFFER_INIT(EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX);
        evidence_auto_public struct evidence_public *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        bool attests, endorses;

        if (!evidence_public_new(BASE_BYTES(data, size), &key, &error)) {
                if (error.code == BASE_ERROR_NONE || error.code == BASE_ERROR_CRYPTO)
                        abort();
                return 0;
        }
        attests = evidence_public_check_attestation_key(key, &error);
        endorses = evidence_public_check_endorsement_key(key, &error);
        if (attests && endorses)
                abort();
        if (endorses &&
            !evidence_credential_make(key, evidence_public_name(key), BASE_BYTES("x", 1), &id_object, &encrypted, &error) &&
            error.code != BASE_ERROR_CRYPTO)
                abort();
        return 0;
}
