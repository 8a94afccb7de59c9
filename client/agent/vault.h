/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for tokens that wait: locked (never swapped out), left out of core dumps and of child processes, wiped when given
 * back. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/error.h"
#include "token/type.h"

#define AGENT_VAULT_SLOTS 128 /* of TOKEN_BYTES_MAX: together below the 64 KiB that any user may lock */

struct agent_vault;

/* The caller frees `ret`. Errors: NO_MEMORY, IO (RLIMIT_MEMLOCK is too low). */
bool agent_vault_new(struct agent_vault **ret, struct base_error *error) BASE_MUST_CHECK;
/* Wipes everything. NULL is fine. */
void agent_vault_free(struct agent_vault *vault);

/* TOKEN_BYTES_MAX bytes, or NULL if all slots are taken. */
uint8_t *agent_vault_take(struct agent_vault *vault) BASE_MUST_CHECK;
/* Wipes a slot and frees it. */
void agent_vault_give(struct agent_vault *vault, uint8_t *slot);
