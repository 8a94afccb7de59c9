/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fleet's policy bundle: which one is installed, whether it may be in force, and the way of a new one there. Used by
 * attesterd; may be included by attesterd/.
 *
 * Where a fleet is configured its bundle is the whole policy. The state directory keeps it (attesterd/bundle_record.h), with what
 * the TPM's counter was when it was installed; each installation increments that, so that a state directory of an earlier time is
 * noticed. While the TPM cannot be asked, what is installed is in force all the same, and the error says so: without the TPM
 * there is no evidence that an issuer would take.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

struct attesterd_daemon;
struct attesterd_bundles;

/* `daemon` must outlive `ret`, which the caller frees after the TPM worker. Errors: NO_MEMORY. */
bool attesterd_bundles_new(struct attesterd_daemon *daemon, struct attesterd_bundles **ret,
                           struct base_error *error) BASE_MUST_CHECK;
void attesterd_bundles_free(struct attesterd_bundles *bundles);

/*
 * Reads what is installed, and puts it in force now or once the TPM has answered; what was in force stays so if it is not to be.
 * An error goes to the log and the daemon's policy_error, and is false here if it was found at once.
 */
bool attesterd_bundles_load(struct attesterd_bundles *bundles);

/* The TPM answers again: asks it what it could not be asked before. */
void attesterd_bundles_tpm_ready(struct attesterd_bundles *bundles);

/* `error` is NULL if the bundle of this version is in force. */
typedef void attesterd_bundle_installed(void *context, uint64_t version, const struct base_error *error);

/*
 * Checks a bundle and installs it; copies `bytes`. The callback is called once, from here or later. One that is installed already
 * is done at once. An error is said in the log and in policy_error too, and what was in force stays so.
 * Errors: UNSUPPORTED (no fleet is configured), BUSY (another one is on its way, or waits), POLICY_INVALID, LIMIT_EXCEEDED,
 * POLICY_UNTRUSTED, POLICY_OTHER_FLEET, POLICY_NOT_CURRENT, POLICY_ROLLED_BACK (an older one, or another one of the same
 * version), TPM_UNAVAILABLE, TPM_FAILED (the counter), IO, NO_MEMORY, CRYPTO.
 */
void attesterd_bundles_install(struct attesterd_bundles *bundles, struct base_bytes bytes, attesterd_bundle_installed *callback,
                               void *context);

/* Whether there is a bundle of this fleet, in force or not. */
bool attesterd_bundles_is_installed(const struct attesterd_bundles *bundles);

/* Whoever would have been called back with this context is gone; the installation goes on. */
void attesterd_bundles_forget(struct attesterd_bundles *bundles, const void *context);
