/* SPDX-License-Identifier: BSD-2-Clause */
/* `attester-issuer keys list`: the operator's look at the token keys, also while the issuer runs. May be included by issuer/. */
#pragma once

#include "issuer/config.h"

#include "base/option.h"

/* "keys list", for the help and for completion. */
extern const struct base_command issuer_keys_list_command;

/*
 * Prints each token key in the directory's order: type, key id, since when clients are to use it, and its file.
 * Errors: INVALID_ARGUMENT (other words than "list"), those of issuer_keys_read().
 */
bool issuer_keys_command(const struct issuer_config *config, char *const *words, size_t count,
                         struct base_error *error) BASE_MUST_CHECK;
