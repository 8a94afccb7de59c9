/* SPDX-License-Identifier: BSD-2-Clause */
/* An HTTP request that answers a PrivateToken challenge, once. */
#include "client/attestctl/commands.h"
#include "client/attestctl/http.h"
#include "client/attestctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define REDIRECTS_MAX 5

struct state {
        struct attestctl_http_request request;
        const char *output; /* NULL: standard output */
        bool verbose;
        FILE *file; /* opened with the first byte of a 2xx body */
        bool discard_body;
        int write_error;
        char url[ATTESTCTL_HTTP_URL_MAX];
        struct attester_info info;
        bool token_sent;
        struct attestctl *ctl;
};

static bool take_header(struct state *state, const char *value, struct base_error *error)
{
        const char *colon = strchr(value, ':');

        for (const char *p = value; *p != '\0'; p++)
                if ((unsigned char) *p < 0x20 && *p != '\t')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header may not have control characters");
        if (colon == NULL || colon == value)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header is written \"Name: value\"");
        if (strncasecmp(value, "Authorization:", strlen("Authorization:")) == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "Authorization is where the token goes; it cannot be given");
        if (state->request.header_count == ATTESTCTL_HTTP_HEADERS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "more than %d headers", ATTESTCTL_HTTP_HEADERS_MAX);
        state->request.headers[state->request.header_count++] = value;
        return true;
}

static bool take_option(void *context, char letter, const char *value, struct base_error *error)
{
        struct state *state = context;

        switch (letter) {
        case 'o':
                state->output = value;
                return true;
        case 'H':
                return take_header(state, value, error);
        case 'X':
                if (value[0] == '\0' || value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")] != '\0')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "\"%s\" is not a method", value);
                state->request.method = value;
                return true;
        case 'd':
                state->request.body = value;
                return true;
        case 'a':
                state->request.ca_file = value;
                return true;
        default:
                state->verbose = true;
                return true;
        }
}

static bool output_open(struct state *state)
{
        if (state->file == NULL && !state->discard_body)
                state->file = state->output != NULL ? fopen(state->output, "we") : stdout;
        if (state->file == NULL && !state->discard_body)
                state->write_error = errno;
        return state->file != NULL || state->discard_body;
}

static bool body_write(void *context, const void *data, size_t len)
{
        struct state *state = context;

        if (!output_open(state))
                return false;
        if (state->discard_body || fwrite(data, 1, len, state->file) == len)
                return true;
        state->write_error = errno;
        return false;
}

/* Closes what a body was written to. */
static bool output_finish(struct state *state, struct base_error *error)
{
        FILE *file = state->file;

        state->file = NULL;
        if (file != NULL && (file == stdout ? fflush(file) : fclose(file)) != 0 && state->write_error == 0)
                state->write_error = errno;
        if (state->write_error != 0)
                return base_error_set_errno(error, state->write_error, "cannot write %s",
                                            state->output != NULL ? state->output : "standard output");
        return true;
}

/* Whether the answer is a redirect that may be followed: with the same method, to the same origin. */
static bool redirect_follow(struct state *state, const struct attestctl_http_response *response)
{
        const char *method = state->request.method;
        struct attestctl_http_origin from, to;
        bool safe = state->request.body == NULL && (method == NULL || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);

        if (response->redirect[0] == '\0' || !safe || !attestctl_http_origin_read(state->url, &from, NULL) ||
            !attestctl_http_origin_read(response->redirect, &to, NULL) || !attestctl_http_origin_equal(&from, &to))
                return false;
        (void) snprintf(state->url, sizeof(state->url), "%s", response->redirect);
        attestctl_narrate(state->ctl, "redirected to %s", state->url);
        return true;
}

/* Requests, and follows redirects within the origin. Authorization goes to the first request only. */
static bool request_follow(struct state *state, const char *authorization, struct attestctl_http_response *ret,
                           struct base_error *error)
{
        state->request.authorization = authorization;
        for (unsigned i = 0; i <= REDIRECTS_MAX; i++) {
                attestctl_http_response_clear(ret);
                state->request.url = state->url;
                if (!attestctl_http_perform(&state->request, ret, error))
                        return state->write_error != 0 ? output_finish(state, error) : false;
                state->request.authorization = NULL;
                attestctl_narrate(state->ctl, "HTTP %ld", ret->status);
                if (!redirect_follow(state, ret))
                        return true;
        }
        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d redirects", REDIRECTS_MAX);
}

/* Whether a PrivateToken challenge is among the fields, in any spelling of its name; what it says is the library's matter. */
static bool asks_for_token(struct attestctl_http_response *response)
{
        const char *fields = base_buffer_c_string(&response->www_authenticate);

        return response->status == 401 && fields != NULL && strcasestr(fields, "PrivateToken") != NULL;
}

static json_t *outcome_json(const struct state *state, const struct attestctl_http_response *response)
{
        return json_pack("{s:o, s:I, s:b, s:o, s:b, s:o}", "url", attestctl_json_string(state->url), "status",
                         (json_int_t) response->status, "token_sent", state->token_sent, "issuer",
                         attestctl_json_string(state->info.issuer), "attested", state->info.attested, "reason",
                         attestctl_json_string(response->reason));
}

/* The "detail" of a problem document (RFC 9457), or NULL; the caller frees it. */
static char *problem_detail(const struct attestctl_http_response *response)
{
        json_t *problem = json_loadb((const char *) response->refusal.data, response->refusal.len, 0, NULL);
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        char *copy = detail != NULL ? strdup(detail) : NULL;

        json_decref(problem);
        return copy;
}

static void refusal_print(const struct attestctl *ctl, const struct state *state, const struct attestctl_http_response *response)
{
        base_auto_free char *detail = response->refusal.len > 0 ? problem_detail(response) : NULL;
        char text[ATTESTCTL_HTTP_URL_MAX + 128];

        (void) snprintf(text, sizeof(text), "HTTP %ld%s", response->status,
                        state->token_sent && response->status == 401 ? ": the website did not accept the token" : "");
        (void) fputs("attestctl: ", stderr);
        attestctl_print(stderr, ctl->color_err, ATTESTCTL_BAD, text);
        if (response->reason[0] != '\0') {
                (void) fputs(": ", stderr);
                attestctl_print(stderr, ctl->color_err, ATTESTCTL_BAD, response->reason);
        }
        if (detail != NULL) {
                (void) fputs(": ", stderr);
                attestctl_print(stderr, false, ATTESTCTL_PLAIN, detail);
        }
        if (response->redirect[0] != '\0') {
                (void) snprintf(text, sizeof(text), "; not followed: %s", response->redirect);
                attestctl_print(stderr, false, ATTESTCTL_PLAIN, text);
        }
        (void) fputc('\n', stderr);
}

static int finish(struct attestctl *ctl, struct state *state, const struct attestctl_http_response *response)
{
        bool success = response->status >= 200 && response->status < 300;
        struct base_error error = BASE_ERROR_INIT;
        int status = success ? 0 : ATTESTCTL_EXIT_HTTP_STATUS;

        /* An empty body still makes the file. */
        if (success)
                (void) output_open(state);
        if (!output_finish(state, &error))
                return attestctl_fail_own(ctl, &error);
        if (ctl->json) {
                int printed = attestctl_print_json(outcome_json(state, response));

                return status != 0 ? status : printed;
        }
        if (!success)
                refusal_print(ctl, state, response);
        return status;
}

/* A transfer that gave no answer; failures of our own side keep their status. */
static int transfer_fail(struct attestctl *ctl, const struct state *state, const struct base_error *error)
{
        bool transfer = state->write_error == 0 && (error->code == BASE_ERROR_IO || error->code == BASE_ERROR_TIMEOUT);

        return transfer ? attestctl_fail_as(ctl, error, ATTESTCTL_EXIT_TRANSFER) : attestctl_fail_own(ctl, error);
}

static int run(struct attestctl *ctl, void *context, char **arguments, int count)
{
        attestctl_auto_http_response struct attestctl_http_response response;
        struct state *state = context;
        struct attestctl_http_origin origin;
        struct attester_error failure = ATTESTER_ERROR_INIT;
        struct base_error error = BASE_ERROR_INIT;
        char *authorization = NULL;
        bool answered;

        attestctl_http_response_init(&response);
        state->info = (struct attester_info) ATTESTER_INFO_INIT;
        state->discard_body = ctl->json && state->output == NULL;
        state->ctl = ctl;
        ctl->verbose = state->verbose;
        state->request.write = body_write;
        state->request.write_context = state;
        state->request.timeout_ms = ctl->options.timeout_ms != 0 ? ctl->options.timeout_ms : ATTESTER_TIMEOUT_MS_DEFAULT;
        ctl->options.trace = attestctl_trace;
        ctl->options.trace_context = ctl;
        if (!attestctl_http_origin_read(arguments[0], &origin, &error))
                return attestctl_fail_own(ctl, &error);
        (void) snprintf(state->url, sizeof(state->url), "%s", arguments[0]);
        if (!request_follow(state, NULL, &response, &error))
                return transfer_fail(ctl, state, &error);
        if (!asks_for_token(&response))
                return finish(ctl, state, &response);
        attestctl_narrate(state->ctl, "challenge seen from %s", origin.server_name);
        if (!origin.secure) {
                (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED,
                                      "a token is not sent over plain http, where others could take it");
                return attestctl_fail_own(ctl, &error);
        }
        if (attester_authorize(ctl->attester, base_buffer_c_string(&response.www_authenticate), origin.server_name, &ctl->options,
                               &authorization, &state->info, &failure) < 0)
                return attestctl_fail_token(ctl, &failure);
        state->token_sent = true;
        attestctl_narrate(state->ctl, "request repeated with the token");
        answered = request_follow(state, authorization, &response, &error);
        attester_string_free(authorization);
        return answered ? finish(ctl, state, &response) : transfer_fail(ctl, state, &error);
}

static const struct attestctl_option options[] = {
        { 'o', "output", "FILE", "write the body there" },
        { 'H', "header", "LINE", "add \"Name: value\" to the request" },
        { 'X', "request", "METHOD", "use this method in place of GET" },
        { 'd', "data", "TEXT", "send this body, by POST" },
        { 'a', "cacert", "FILE", "trust the certificates in this PEM file" },
        { 'v', "verbose", NULL, "tell on standard error what happens" },
        { 0 },
};

const struct attestctl_command attestctl_fetch_command = {
        .name = "fetch",
        .arguments = "URL",
        .summary = "Fetch a page, answering a PrivateToken challenge",
        .help = "\nOn 401 with a challenge it gets a token and repeats the request once. Redirects are followed within the "
                "origin\n"
                "only, and never with a token. Ends with 0 for a 2xx answer only, 60 for another, 61 if there was none.\n"
                "With --json the outcome is printed, and the body only goes to --output.\n",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct state),
        .run = run,
};
