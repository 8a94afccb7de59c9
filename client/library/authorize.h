/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From challenge to Authorization, a step at a time: everything that the daemon must not see happens here. Runs in the calling
 * program; may be included by client/library only.
 */
#pragma once

#include "client/library/batch.h"
#include "client/library/choose.h"
#include "client/library/object.h"

/* What attester_authorize_start() began. Holds secrets. */
struct attester_operation {
        TAILQ_ENTRY(attester_operation) next;
        struct attester *attester;
        attester_authorize_callback *callback; /* NULL: attester_authorize() waits for it */
        void *context;
        struct client_call call;
        struct client_request request; /* the one that is under way */
        bool finished;
        struct base_error error; /* when finished: NONE, and then there are `authorization` and `info` */
        char *authorization;
        struct attester_info info;

        char *origin;
        struct token_offers offers;
        size_t from;             /* offers before this one cannot be served ... */
        struct base_error first; /* ... the first of them for this reason */
        struct attester_status *status;
        struct client_choice choice; /* its issuer is of the status */
        struct client_batch batch;
};

bool client_operation_is_to_deliver(const struct attester_operation *operation);
/* Calls the callback and frees the operation. */
void client_operation_deliver(struct attester_operation *operation);
/* Forgets an operation, finished or not, and wipes it. */
void client_operation_free(struct attester_operation *operation);
