/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attester-issuer devices …`: the operator's look at the registry, also while the issuer runs. May be included by issuer/.
 */
#pragma once

#include "issuer/config.h"

#include "base/option.h"

#define ISSUER_DEVICES_COMMANDS 7

/* The commands, for the help and for completion. */
void issuer_devices_describe(struct base_command ret[static ISSUER_DEVICES_COMMANDS]);

/*
 * Runs "list", "revoke ID", "restore ID" or "group ID NAME" and prints to standard output.
 * Errors: INVALID_ARGUMENT (any other words), those of the registry.
 */
bool issuer_devices_command(const struct issuer_config *config, char *const *words, size_t count,
                            struct base_error *error) BASE_MUST_CHECK;
