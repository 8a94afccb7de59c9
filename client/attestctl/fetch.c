/* SPDX-License-Identifier: BSD-2-Clause */
/* An HTTP request that answers PrivateToken challenges and, if asked to, follows redirects. */
#include "client/attestctl/fetch.h"
#include "base/system.h"
#include "client/attestctl/commands.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

enum step { LAST, ANSWER, FOLLOW };

/* What follows this response, as far as its head tells. */
static enum step next_step(const struct attestctl_fetch *fetch, const struct attestctl_http_response *response)
{
        static const unsigned redirects[] = { 301, 302, 303, 307, 308 };

        if (response->head.status == 401 && response->head.asks_for_token && !fetch->answered &&
            fetch->tokens < ATTESTCTL_FETCH_TOKENS_MAX)
                return ANSWER;
        for (size_t i = 0; i < BASE_COUNT(redirects) && fetch->follow && response->head.has_location; i++)
                if (response->head.status == redirects[i])
                        return FOLLOW;
        return LAST;
}

static bool body_wants(void *context, const struct attestctl_http_response *response)
{
        const struct attestctl_fetch *fetch = context;
        bool success = response->head.status >= 200 && response->head.status < 300;

        return success || (fetch->fail_with_body && next_step(fetch, response) == LAST);
}

static bool body_write(void *context, const void *data, size_t len)
{
        struct attestctl_fetch *fetch = context;
        const struct base_buffer *head = &fetch->response->head.raw;

        if (fetch->ctl->json && fetch->output.path == NULL)
                return true;
        if (fetch->include && fetch->output.file == NULL && !attestctl_output_write(&fetch->output, head->data, head->len))
                return false;
        return attestctl_output_write(&fetch->output, data, len);
}

static void progress_show(void *context, uint64_t done, uint64_t total)
{
        struct attestctl_fetch *fetch = context;

        attestctl_progress_show(&fetch->progress, done, total);
}

/* Makes one request. Errors: as attestctl_http_perform(). */
static bool exchange(struct attestctl_fetch *fetch, const char *authorization, struct attestctl_http_response *response,
                     struct base_error *error)
{
        struct attestctl_http_origin origin;
        bool done;

        if (!attestctl_http_origin_read(fetch->url, &origin, error))
                return false;
        /* What is plain and may carry a token stays on this machine. */
        fetch->request.direct = origin.loopback && strcmp(origin.scheme, "http") == 0;
        fetch->request.url = fetch->url;
        fetch->request.authorization = authorization;
        fetch->request.body = fetch->data != NULL ? &fetch->body : NULL;
        fetch->response = response;
        attestctl_http_response_clear(response);
        if (fetch->show_progress)
                attestctl_progress_start(&fetch->progress);
        done = attestctl_http_perform(&fetch->request, response, error);
        attestctl_progress_end(&fetch->progress);
        if (done)
                attestctl_narrate(fetch->ctl, "HTTP %u", response->head.status);
        return done;
}

/* Gets a token for the challenge. Returns 0 or the exit status, having told why. */
static int answer(struct attestctl_fetch *fetch, struct attestctl_http_response *response, char **ret_authorization)
{
        uint64_t now_ms = base_system_clock.monotonic_ms(base_system_clock.context);
        struct attester_options options = fetch->ctl->options;
        struct attester_error failure = ATTESTER_ERROR_INIT;
        struct base_error error = BASE_ERROR_INIT;
        struct attestctl_http_origin origin;

        if (!attestctl_http_origin_read(fetch->url, &origin, &error))
                return attestctl_fail_own(fetch->ctl, &error);
        attestctl_narrate(fetch->ctl, "challenge seen from %s", origin.server_name);
        if (!origin.secure) {
                (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED,
                                      "a token is not sent over plain http, where others could take it");
                return attestctl_fail_own(fetch->ctl, &error);
        }
        if (fetch->request.deadline_ms < now_ms + fetch->request.silence_ms)
                options.timeout_ms = fetch->request.deadline_ms > now_ms ? (uint32_t) (fetch->request.deadline_ms - now_ms) : 1;
        fetch->info = (struct attester_info) ATTESTER_INFO_INIT;
        if (attester_authorize(fetch->ctl->attester, base_buffer_c_string(&response->head.www_authenticate), origin.server_name,
                               &options, ret_authorization, &fetch->info, &failure) < 0)
                return attestctl_fail_token(fetch->ctl, &failure);
        fetch->tokens++;
        fetch->answered = true;
        attestctl_narrate(fetch->ctl, "request repeated with the token");
        return 0;
}

/* Takes fields out of the request, by their names. */
static void headers_drop(struct attestctl_http_request *request, const char *const *names, size_t count)
{
        size_t kept = 0;

        for (size_t i = 0; i < request->header_count; i++) {
                bool drop = false;

                for (size_t k = 0; k < count; k++)
                        drop = drop || (strncasecmp(request->headers[i], names[k], strlen(names[k])) == 0 &&
                                        request->headers[i][strlen(names[k])] == ':');
                if (!drop)
                        request->headers[kept++] = request->headers[i];
        }
        request->header_count = kept;
}

/*
 * Goes where the response leads. A POST becomes a GET behind 301, 302 and 303, whose place took the body; what was meant for one
 * website does not go to another. Returns false for where it may not go. Source: RFC 9110, section 15.4; Fetch, "HTTP-redirect
 * fetch".
 */
static bool follow(struct attestctl_fetch *fetch, const struct attestctl_http_response *response)
{
        static const char *const of_body[] = { "Content-Type", "Content-Encoding", "Content-Language", "Content-Location" };
        static const char *const of_website[] = { "Cookie", "Proxy-Authorization" };
        const char *method = fetch->request.method != NULL ? fetch->request.method : fetch->data != NULL ? "POST" : "GET";
        bool is_head = strcmp(method, "HEAD") == 0;
        struct attestctl_http_origin from, to;

        if (!attestctl_http_origin_read(fetch->url, &from, NULL) || !attestctl_http_origin_read(response->redirect, &to, NULL) ||
            (strcmp(from.scheme, "https") == 0 && strcmp(to.scheme, "https") != 0))
                return false;
        if ((response->head.status == 303 && !is_head) || (response->head.status < 303 && strcmp(method, "POST") == 0)) {
                fetch->request.method = NULL;
                fetch->data = NULL;
                headers_drop(&fetch->request, of_body, BASE_COUNT(of_body));
        }
        if (!attestctl_http_origin_equal(&from, &to))
                headers_drop(&fetch->request, of_website, BASE_COUNT(of_website));
        (void) snprintf(fetch->url, sizeof(fetch->url), "%s", response->redirect);
        fetch->redirects++;
        fetch->answered = false;
        attestctl_narrate(fetch->ctl, "redirected to %s", fetch->url);
        return true;
}

/* From the first request to the last answer. Returns the exit status. */
static int walk(struct attestctl_fetch *fetch, struct attestctl_http_response *response)
{
        struct base_error error = BASE_ERROR_INIT;
        char *authorization = NULL;
        int status = 0;

        for (;;) {
                bool done = exchange(fetch, authorization, response, &error);

                attester_string_free(authorization);
                authorization = NULL;
                if (!done)
                        return attestctl_fetch_fail(fetch, &error);
                switch (next_step(fetch, response)) {
                case ANSWER:
                        status = answer(fetch, response, &authorization);
                        if (status != 0)
                                return status;
                        break;
                case FOLLOW:
                        if (fetch->redirects == ATTESTCTL_FETCH_REDIRECTS_MAX) {
                                (void) base_error_set(&error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d redirects",
                                                      ATTESTCTL_FETCH_REDIRECTS_MAX);
                                return attestctl_fetch_fail(fetch, &error);
                        }
                        if (!follow(fetch, response))
                                return attestctl_fetch_finish(fetch, response);
                        break;
                case LAST:
                        return attestctl_fetch_finish(fetch, response);
                }
        }
}

static bool prepare(struct attestctl_fetch *fetch, const char *url, struct base_error *error)
{
        uint64_t now_ms = base_system_clock.monotonic_ms(base_system_clock.context);
        struct attestctl *ctl = fetch->ctl;
        struct attestctl_http_origin origin;

        ctl->silent = fetch->silent;
        ctl->verbose = fetch->verbose;
        ctl->options.trace = attestctl_trace;
        ctl->options.trace_context = ctl;
        fetch->info = (struct attester_info) ATTESTER_INFO_INIT;
        fetch->body = (struct attestctl_http_body) ATTESTCTL_HTTP_BODY_INIT;
        fetch->show_progress = !fetch->silent && (fetch->output.path != NULL || !isatty(STDOUT_FILENO));
        fetch->request.wants = body_wants;
        fetch->request.write = body_write;
        fetch->request.progress = progress_show;
        fetch->request.context = fetch;
        fetch->request.silence_ms = ctl->options.timeout_ms != 0 ? ctl->options.timeout_ms : ATTESTER_TIMEOUT_MS_DEFAULT;
        fetch->request.deadline_ms = fetch->max_time_ms != 0 ? now_ms + fetch->max_time_ms : UINT64_MAX;
        if (!attestctl_http_origin_read(url, &origin, error))
                return false;
        (void) snprintf(fetch->url, sizeof(fetch->url), "%s", url);
        if (fetch->data != NULL && fetch->request.method != NULL && strcmp(fetch->request.method, "HEAD") == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a HEAD request has no body");
        return fetch->data == NULL || attestctl_http_body_open(&fetch->body, fetch->data, error);
}

static int run(struct attestctl *ctl, void *context, char **arguments, int count)
{
        attestctl_auto_http_response struct attestctl_http_response response;
        struct attestctl_fetch *fetch = context;
        struct base_error error = BASE_ERROR_INIT;
        int status;

        (void) count;
        /* A reader or a website that goes away is an error like others. */
        (void) signal(SIGPIPE, SIG_IGN);
        attestctl_http_response_init(&response);
        fetch->ctl = ctl;
        status = prepare(fetch, arguments[0], &error) ? walk(fetch, &response) : attestctl_fail_own(ctl, &error);
        attestctl_output_clear(&fetch->output);
        attestctl_http_body_close(&fetch->body);
        return status;
}

const struct attestctl_command attestctl_fetch_command = {
        .name = "fetch",
        .arguments = "URL",
        .summary = "Fetch a page, answering a PrivateToken challenge",
        .help = "\nOn 401 with a challenge it gets a token and repeats the request. A token goes to the website that asked for "
                "it,\n"
                "and never to where a redirect leads. Ends with 0 for a 2xx answer only, 60 for another, 61 if there was none.\n"
                "With --json the outcome is printed, and the body only goes to --output.\n",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = attestctl_fetch_options,
        .take_option = attestctl_fetch_take_option,
        .state_size = sizeof(struct attestctl_fetch),
        .run = run,
};
