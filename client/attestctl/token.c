/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/http_head.h"

#include <errno.h>
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

static bool input_read(struct base_buffer *to, struct base_error *error)
{
        char piece[4096];
        size_t got;

        while (base_buffer_ok(to) && (got = fread(piece, 1, sizeof(piece), stdin)) > 0)
                base_buffer_put(to, piece, got);
        if (ferror(stdin) != 0)
                return base_error_set_errno(error, errno, "cannot read standard input");
        return base_buffer_ok(to) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "standard input has more than %zu bytes", to->limit);
}

/*
 * The challenge in `input`: the value of WWW-Authenticate, or that of the last response whose header is there, as `curl -I`
 * prints it, that of a proxy maybe before it. Lives as long as `input` and `head`.
 */
static bool challenge_find(struct base_buffer *input, struct attestctl_http_head *head, const char **ret,
                           struct base_error *error)
{
        struct base_bytes rest;
        const char *text;

        while (input->len > 0 && strchr("\r\n", input->data[input->len - 1]) != NULL)
                input->len--;
        rest = base_buffer_bytes(input);
        text = base_buffer_c_string(input);
        if (text == NULL)
                return base_error_set_no_memory(error);
        while (rest.len > 0) {
                const uint8_t *end = memchr(rest.data, '\n', rest.len);
                size_t len = end != NULL ? (size_t) (end - rest.data) + 1 : rest.len;

                if (head->whole && len > strlen("HTTP/") && memcmp(rest.data, "HTTP/", strlen("HTTP/")) == 0)
                        attestctl_http_head_clear(head);
                if (!attestctl_http_head_take(head, BASE_BYTES(rest.data, len), error))
                        return false;
                rest = BASE_BYTES(rest.data + len, rest.len - len);
        }
        *ret = head->raw.len > 0 ? base_buffer_c_string(&head->www_authenticate) : text;
        return *ret != NULL || base_error_set_no_memory(error);
}

static int run(struct attestctl *ctl, void *context, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_info info = ATTESTER_INFO_INIT;
        struct state *state = context;
        BASE_CLEANUP(attestctl_http_head_clear) struct attestctl_http_head head;
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(ATTESTCTL_HTTP_HEAD_BYTES_MAX);
        struct base_error own = BASE_ERROR_INIT;
        char *authorization = NULL;
        int status = 0;

        attestctl_http_head_init(&head);
        if (state->challenge == NULL || state->origin == NULL) {
                (void) base_error_set(&own, BASE_ERROR_INVALID_ARGUMENT,
                                      "--challenge and --origin are needed; see attestctl token --help");
                return attestctl_fail_own(ctl, &own);
        }
        if (strcmp(state->challenge, "-") == 0 &&
            (!input_read(&input, &own) || !challenge_find(&input, &head, &state->challenge, &own)))
                return attestctl_fail_own(ctl, &own);
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

static const struct base_option options[] = {
        { 'c', "challenge", "HEADER", "the value of the website's WWW-Authenticate; - reads it, or a whole header" },
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
