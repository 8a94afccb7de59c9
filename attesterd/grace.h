/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon remembers for policies, in the state directory's file `policy`, replaced atomically: since when rules with
 * Grace= fail, and a random id of this device's own for Rollout=, which never leaves it. Used by attesterd; may be included by
 * attesterd/.
 *
 * The clock may be set while the daemon runs: what is remembered is moved along, told by CLOCK_BOOTTIME. Set between two runs, it
 * counts as time that passed; set back, grace counts from now at the latest. Who may write the state directory can have as much
 * grace here as they like, and gains nothing: the issuer has a memory of its own.
 */
#pragma once

#include "base/buffer.h"
#include "base/system.h"
#include "policy/grace.h"

struct attesterd_grace;

/*
 * Reads the file, or begins one. A damaged one is said in the log, and begun anew; so is one that cannot be written. The
 * arguments must outlive `ret`, which the caller frees. Errors: CRYPTO, NO_MEMORY.
 */
bool attesterd_grace_new(int state_dir_fd, const struct base_clock *clock, const struct base_random *random,
                         struct attesterd_grace **ret, struct base_error *error) BASE_MUST_CHECK;
void attesterd_grace_free(struct attesterd_grace *grace);

/* The memory as it is at `*ret_now`, seconds since 1970. Owned by `grace`. */
struct policy_graces *attesterd_grace_at(struct attesterd_grace *grace, uint64_t *ret_now);

/* Writes what was changed, if anything was. A failure is said in the log; the memory goes on without the file. */
void attesterd_grace_save(struct attesterd_grace *grace);

/* This device's id for rollouts. */
struct base_bytes attesterd_grace_device(const struct attesterd_grace *grace);
