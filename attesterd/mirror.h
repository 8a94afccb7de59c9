/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An issuer's directory compared with a copy of it from another place (`DirectoryMirror=`). An issuer that gives this device keys
 * of its own could recognise its tokens; a mirror that others see, too, has the keys that everybody gets. Used by
 * attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/config.h"
#include "attesterd/net/transport.h"
#include "evidence/directory.h"

enum attesterd_mirror_state {
        ATTESTERD_MIRROR_NONE, /* nothing was compared yet */
        ATTESTERD_MIRROR_AGREES,
        ATTESTERD_MIRROR_UNREACHABLE, /* `reason` says why nothing could be compared */
        ATTESTERD_MIRROR_DIFFERS,     /* `reason` says in what */
};

struct attesterd_mirror {
        enum attesterd_mirror_state state;
        struct base_error reason;
};

/* Whether both have the same token keys: type, bytes and not-before of each, in any order. */
bool attesterd_mirror_same_keys(const struct evidence_directory *a, const struct evidence_directory *b);

/*
 * Compares `directory`, which has just come from `issuer`, with the mirror's answer: `response`, or `failure` if there is none.
 * Sets `mirror`, and writes to the log when its state changes. A mirror that gives no directory is no reason to refuse
 * the issuer's. False: the keys differ. Errors: ISSUER_REJECTED, NO_MEMORY.
 */
bool attesterd_mirror_compare(struct attesterd_mirror *mirror, const struct attesterd_issuer_config *issuer,
                              const struct evidence_directory *directory, const struct net_response *response,
                              const struct base_error *failure, struct base_error *error) BASE_MUST_CHECK;

#define ATTESTERD_MIRROR_TEXT_MAX (BASE_ERROR_TEXT_MAX + 32)

/* "agrees" or "unreachable: " and why, as GetIssuer tells it of a directory that is in force; "" without a mirror. */
void attesterd_mirror_text(const struct attesterd_mirror *mirror, char ret[static ATTESTERD_MIRROR_TEXT_MAX]);
