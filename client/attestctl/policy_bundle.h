/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed policy bundles as people see them. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"
#include "policy/bundle.h"

/* Prints what is in a bundle, who signed it, and the policy that it makes, as a table or as JSON. Returns the exit status. */
int attestctl_bundle_report(const struct attestctl *ctl, const struct policy_bundle *bundle, const struct policy *policy,
                            const char *signer, bool trusted);
