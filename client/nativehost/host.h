/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between a browser's two pipes and the session bus: requests in, one answer each, several under way. Ends when the
 * browser closes its pipe. Runs in attester-native-host; may be included by client/nativehost.
 */
#pragma once

#include "base/error.h"

#include <systemd/sd-event.h>

/* So many requests are at the agent at once, which is what it takes of one connection; more wait in the pipe. */
#define NATIVEHOST_CALLS_MAX 32

struct nativehost;

/*
 * Starts to serve `input` and `output`, which are made non-blocking, with a connection to the bus at `address`; or, if
 * `refusal` has a code, without one, and each request is answered with that error. The event loop ends with the program's
 * exit status. The caller frees `ret` after the loop. Errors: NO_MEMORY, IO (a file that cannot be waited for).
 */
bool nativehost_new(sd_event *event, const char *address, int input, int output, const struct base_error *refusal,
                    struct nativehost **ret, struct base_error *error) BASE_MUST_CHECK;
void nativehost_free(struct nativehost *host);
BASE_DEFINE_CLEANUP(struct nativehost, nativehost_free)

/* Why the loop ended, if not since the browser closed the pipe: MALFORMED, LIMIT_EXCEEDED, IO; the refusal; code NONE. */
const struct base_error *nativehost_failure(const struct nativehost *host);
