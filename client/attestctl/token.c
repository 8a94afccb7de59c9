/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"

#include <string.h>

struct state {
        const char *challenge;
        const char *origin;
        bool verbose;
};

static bool take_option(void *context, char letter, const char *value, struct base_error *error)
{
        struct state *state = context;

        if (letter == 'c')
                state->challenge = value;
        else if (letter == 'o')
                state->origin = value;
        else
                state->verbose = true;
        return true;
}

static json_t *token_json(const char *authorization, const struct attester_info *info)
{
        return json_pack("{s:s, s:o, s:i, s:s, s:b, s:I, s:I}", "authorization", authorization, "issuer",
                         attestctl_json_string(info->issuer), "token_type", (int) info->token_type, "token_type_name",
                         attestctl_token_type_name(info->token_type), "attested", info->attested, "quote_shared_by",
                         (json_int_t) info->quote_shared_by, "elapsed_ms", (json_int_t) info->elapsed_ms);
}

static int run(struct attestctl *ctl, void *context, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_info info = ATTESTER_INFO_INIT;
        struct state *state = context;
        char *authorization = NULL;
        int status = 0;

        if (state->challenge == NULL || state->origin == NULL) {
                struct base_error usage = BASE_ERROR_INIT;

                (void) base_error_set(&usage, BASE_ERROR_INVALID_ARGUMENT,
                                      "--challenge and --origin are needed; see attestctl token --help");
                return attestctl_fail_own(ctl, &usage);
        }
        ctl->verbose = state->verbose;
        ctl->options.trace = attestctl_trace;
        ctl->options.trace_context = ctl;
        if (attester_authorize(ctl->attester, state->challenge, state->origin, &ctl->options, &authorization, &info, &error) < 0)
                return attestctl_fail_token(ctl, &error);
        if (ctl->json)
                status = attestctl_print_json(token_json(authorization, &info));
        else
                (void) puts(authorization);
        attester_string_free(authorization);
        return status;
}

static const struct attestctl_option options[] = {
        { 'c', "challenge", "HEADER", "the value of the website's WWW-Authenticate" },
        { 'o', "origin", "HOST[:PORT]", "the website that sent it" },
        { 'v', "verbose", NULL, "tell on standard error what happens" },
        { 0 },
};

const struct attestctl_command attestctl_token_command = {
        .name = "token",
        .arguments = "",
        .summary = "Get a token for a challenge, and print the Authorization value",
        .help = "\nThe value is good for one request. Neither the website's name nor the token leaves this process.\n",
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct state),
        .run = run,
};
