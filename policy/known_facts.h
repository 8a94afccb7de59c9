/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facts that this project's programs set, with their types: what the names in a policy are checked against, and what
 * docs/facts.md lists. A collector that sets a new fact adds its row here. Used by attesterd, attestctl and
 * attester-issuer; may be included by the folders that may include policy/.
 */
#pragma once

#include "policy/facts.h"

/* Who sets a fact. */
enum policy_fact_setter {
        POLICY_SETTER_POSTURE,  /* attesterd, from files of the system */
        POLICY_SETTER_TPM,      /* attesterd, from what the TPM says of itself */
        POLICY_SETTER_DAEMON,   /* attesterd, from other services of the system */
        POLICY_SETTER_VERIFIER, /* the issuer's verifier, from evidence and its registry */
        POLICY_SETTER_COUNT,
};

struct policy_known_fact {
        const char *name;
        enum policy_fact_type type; /* that it has when it could be read */
        enum policy_fact_setter setter;
        const char *description; /* one line of Markdown */
};

/* All known facts, sorted by name (byte order). */
const struct policy_known_fact *policy_known_facts(size_t *ret_count);

/* The row of that name; NULL if there is none. */
const struct policy_known_fact *policy_known_fact_find(const char *name);

/*
 * Whether a name belongs to a family whose members are not fixed: custom.* (the administrator), request.* (the request),
 * pcr.* and quote.sealed.* (one a quoted register), boot.application.* and boot.parameter.* (what the event log has).
 */
bool policy_fact_name_is_open(const char *name);

/* The known name that `name` most likely was meant to be; NULL if none is near. */
const char *policy_known_fact_nearest(const char *name);
