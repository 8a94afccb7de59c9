/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bundle.c (what is installed, and whether it may be in force) and bundle_install.c (the way of a new one there) share. May
 * be included by these two alone.
 */
#pragma once

#include "attesterd/bundle.h"
#include "attesterd/bundle_record.h"
#include "attesterd/daemon.h"

#define ATTESTERD_BUNDLE_INSTALLED "bundle"
#define ATTESTERD_BUNDLE_NEXT      "bundle.next" /* what ATTESTERD_BUNDLE_INSTALLED will be once the TPM has counted it */

/* What is known of a bundle once its bytes are gone. `record.bundle` is not set. */
struct attesterd_known_bundle {
        bool present;
        struct attesterd_bundle_record record;
        char fleet[POLICY_BUNDLE_FLEET_BYTES_MAX + 1];
        uint64_t version;
        uint64_t not_after;
        uint8_t digest[BASE_SHA256_LEN];
        char signer[POLICY_SIGNER_BYTES_MAX];
};

/* A bundle that would be in force. */
struct attesterd_bundle_candidate {
        struct attesterd_known_bundle known;
        struct policy *policy;    /* NULL: it may not be in force */
        struct base_error reason; /* why not */
};

enum attesterd_bundle_work {
        ATTESTERD_BUNDLE_WORK_NONE,
        ATTESTERD_BUNDLE_WORK_LOAD,      /* the TPM is asked for its counter */
        ATTESTERD_BUNDLE_WORK_PREPARE,   /* as the first step of an installation */
        ATTESTERD_BUNDLE_WORK_INCREMENT, /* and the second */
};

/* An installation, and who wants to know its outcome. */
struct attesterd_bundle_request {
        struct base_buffer bytes;
        attesterd_bundle_installed *callback; /* NULL: nobody */
        void *context;
        bool there;
};

struct attesterd_bundles {
        struct attesterd_daemon *daemon;
        struct attesterd_known_bundle installed; /* what the state directory has, whether in force or not */
        bool confirmed;                          /* it is in force, and the TPM agrees or need not be asked */
        enum attesterd_bundle_work work;
        bool load_again;                           /* wanted while something else was on its way */
        struct attesterd_bundle_candidate current; /* of a load, or what is being installed */
        struct attesterd_bundle_candidate next;    /* of a load: ATTESTERD_BUNDLE_NEXT */
        struct attesterd_bundle_request request;   /* being installed */
        struct attesterd_bundle_request waiting;   /* until a load has ended */
};

void attesterd_bundle_candidate_clear(struct attesterd_bundle_candidate *candidate);
void attesterd_bundle_request_clear(struct attesterd_bundle_request *request);

/*
 * Verifies a bundle as of `now`, by the keys that earlier bundles named if the configuration is still the one that they were
 * installed under (`before`; NULL: there was none): an administrator's new word counts more. Sets in `ret` who signed and whom to
 * believe next. Errors: as policy_trust_verify().
 */
bool attesterd_bundle_verify(const struct attesterd_bundles *bundles, const struct policy_bundle *bundle,
                             const struct attesterd_bundle_record *before, uint64_t now, struct attesterd_known_bundle *ret,
                             struct base_error *error) BASE_MUST_CHECK;

/* Sets in `ret` what the bundle says of itself. Errors: CRYPTO. */
bool attesterd_bundle_describe(const struct policy_bundle *bundle, struct attesterd_known_bundle *ret,
                               struct base_error *error) BASE_MUST_CHECK;

/* Says in log and properties why a bundle is not in force, or what is in doubt of the one that is. Returns false. */
bool attesterd_bundle_report(struct attesterd_bundles *bundles, const struct base_error *error);

/* Takes the candidate over. `doubt` (NULL: none) is what is to be said of it all the same. */
void attesterd_bundle_put_in_force(struct attesterd_bundles *bundles, struct attesterd_bundle_candidate *candidate,
                                   const struct base_error *doubt);

/* Goes on with `request`, whose outcome its callback gets. */
void attesterd_bundle_install_request(struct attesterd_bundles *bundles);

/* What was on its way has ended; goes on with what waits. */
void attesterd_bundle_end_work(struct attesterd_bundles *bundles);
