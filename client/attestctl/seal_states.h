/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot states as "attestctl seal predict" shows them and "attestctl seal sign" takes them. Runs in attestctl; may be included
 * by client/attestctl only.
 */
#pragma once

#include "evidence/pcrs.h"

#include <jansson.h>

#define ATTESTCTL_STATES_MAX       256
#define ATTESTCTL_STATES_BYTES_MAX (4 * 1024 * 1024)
#define ATTESTCTL_PHASES_MAX       256 /* bytes of a path of phases, with the NUL */

struct attestctl_state {
        char phases[ATTESTCTL_PHASES_MAX]; /* "enter-initrd:leave-initrd"; "": the state does not depend on them */
        struct evidence_pcrs pcrs;         /* one bank */
        uint8_t policy[EVIDENCE_PCR_DIGEST_LEN];
        uint32_t compared; /* bit n: there is a log that has PCR n */
        uint32_t changed;  /* bit n: PCR n does not come out as in that log; not read from JSON */
};

struct attestctl_states {
        size_t count;
        struct attestctl_state *items;
};

void attestctl_states_clear(struct attestctl_states *states);
#define attestctl_auto_states BASE_CLEANUP(attestctl_states_clear)

/* Adds a state and computes its policy. Errors: LIMIT_EXCEEDED, NO_MEMORY, CRYPTO. */
bool attestctl_states_add(struct attestctl_states *states, const struct attestctl_state *state,
                          struct base_error *error) BASE_MUST_CHECK;

/* The array "states" of the JSON document; NULL without memory. */
json_t *attestctl_states_json(const struct attestctl_states *states);

/*
 * Reads a document that has it. A state whose policy is not that of its values is refused. `file` is the name for errors; the
 * caller clears `ret`. Errors: MALFORMED as "file:line:column: what" or "file: states[3].policy: what"; LIMIT_EXCEEDED, CRYPTO,
 * NO_MEMORY.
 */
bool attestctl_states_parse(const char *file, struct base_bytes json, struct attestctl_states *ret,
                            struct base_error *error) BASE_MUST_CHECK;
