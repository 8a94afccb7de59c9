/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of `attestctl fetch` share. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"
#include "client/attestctl/http.h"
#include "client/attestctl/output.h"
#include "client/attestctl/progress.h"

#define ATTESTCTL_FETCH_REDIRECTS_MAX 10
#define ATTESTCTL_FETCH_TOKENS_MAX    3 /* of one command: a website that redirects in circles shall not take more */

struct attestctl_fetch {
        struct attestctl *ctl;
        struct attestctl_http_request request;
        const char *data; /* of the request's body, as given; NULL: none */
        struct attestctl_http_body body;
        struct attestctl_output output;
        struct attestctl_progress progress;
        bool show_progress;
        bool silent;
        bool verbose;
        bool include; /* the answer's header, before the body */
        bool follow;
        bool fail_with_body;
        uint64_t max_time_ms; /* 0: none given */

        const struct attestctl_http_response *response; /* of the request that is under way */
        char url[ATTESTCTL_HTTP_URL_MAX];               /* the one that is asked for now */
        unsigned redirects;
        unsigned tokens;
        bool answered; /* the request that is under way, or was the last, carried a token */
        struct attester_info info;
};

extern const struct base_option attestctl_fetch_options[];

/* For the command's table. Errors: INVALID_ARGUMENT. */
bool attestctl_fetch_take_option(void *context, char letter, const char *value, struct base_error *error) BASE_MUST_CHECK;

/* Writes what is left to write of the last answer, tells the outcome, and returns the exit status. */
int attestctl_fetch_finish(struct attestctl_fetch *fetch, struct attestctl_http_response *response);

/* Tells why there is no answer, and returns the exit status. */
int attestctl_fetch_fail(struct attestctl_fetch *fetch, const struct base_error *error);
