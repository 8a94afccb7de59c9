/* SPDX-License-Identifier: BSD-2-Clause */
/* The PEM file of BundleKey=. */
#include "policy/bundle_trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        policy_auto_trust struct policy_trust *trust = NULL;
        struct base_error error = BASE_ERROR_INIT;
        size_t count;

        if (policy_trust_new(BASE_BYTES(data, size), &trust, &error)) {
                (void) policy_trust_anchors(trust, &count);
                if (count == 0 || count > POLICY_ANCHORS_MAX)
                        abort();
        } else if (error.code == BASE_ERROR_NONE) {
                abort();
        }
        return 0;
}
