/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy bundle: what parses has one encoding, and its keys, certificates and policy are looked at. */
#include "policy/bundle_trust.h"

static void check_encoding(struct policy_bundle *bundle, struct base_bytes input)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);

        if (!policy_bundle_put_content(bundle, &again, NULL) ||
            !policy_bundle_put_signatures(bundle->signatures, bundle->signature_count, &again, NULL) ||
            !base_bytes_equal(base_buffer_bytes(&again), input))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;
        char signer[POLICY_SIGNER_BYTES_MAX];
        struct policy_bundle bundle;

        if (!policy_bundle_parse(BASE_BYTES(data, size), &bundle, &error)) {
                if (error.code != BASE_ERROR_POLICY_INVALID && error.code != BASE_ERROR_LIMIT_EXCEEDED)
                        abort();
                return 0;
        }
        check_encoding(&bundle, BASE_BYTES(data, size));
        if (!policy_bundle_signatures_check(&bundle, signer, &error) && error.code != BASE_ERROR_POLICY_UNTRUSTED)
                abort();
        (void) !policy_bundle_load(&bundle, NULL, &policy, &error);
        return 0;
}
