/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a fetch, for people and programs. */
#include "client/attestctl/fetch.h"
#include "client/attestctl/table.h"

#include <string.h>

static json_t *outcome_json(const struct attestctl_fetch *fetch, const struct attestctl_http_response *response)
{
        return json_pack("{s:o, s:I, s:b, s:o, s:b, s:o}", "url", attestctl_json_string(fetch->url), "status",
                         (json_int_t) response->head.status, "token_sent", fetch->tokens > 0, "issuer",
                         attestctl_json_string(fetch->info.issuer), "attested", fetch->info.attested, "reason",
                         attestctl_json_string(response->head.reason));
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

static void refusal_print(const struct attestctl_fetch *fetch, const struct attestctl_http_response *response)
{
        base_auto_free char *detail = response->refusal.len > 0 ? problem_detail(response) : NULL;
        bool color = fetch->ctl->color_err;
        char text[ATTESTCTL_HTTP_URL_MAX + 128];

        (void) snprintf(text, sizeof(text), "HTTP %u%s", response->head.status,
                        fetch->answered && response->head.status == 401 ? ": the website did not accept the token" : "");
        (void) fputs("attestctl: ", stderr);
        attestctl_print(stderr, color, ATTESTCTL_BAD, text);
        if (response->head.reason[0] != '\0') {
                (void) fputs(": ", stderr);
                attestctl_print(stderr, color, ATTESTCTL_BAD, response->head.reason);
        }
        if (detail != NULL) {
                (void) fputs(": ", stderr);
                attestctl_print(stderr, false, ATTESTCTL_PLAIN, detail);
        }
        if (response->redirect[0] != '\0') {
                (void) snprintf(text, sizeof(text), "; not followed%s: %s",
                                fetch->follow ? ", as it leads from https to http or is no web address" : " without -L",
                                response->redirect);
                attestctl_print(stderr, false, ATTESTCTL_PLAIN, text);
        }
        (void) fputc('\n', stderr);
}

/* A header alone, or an empty body, is still written. */
static bool finish_output(struct attestctl_fetch *fetch, const struct attestctl_http_response *response, struct base_error *error)
{
        bool open = fetch->output.file != NULL;

        if (!open && fetch->request.wants(fetch->request.context, response))
                open = fetch->request.write(fetch->request.context, "", 0);
        /* On a refusal its header is shown, but no file is touched for it. */
        if (!open && fetch->output.failure == 0 && fetch->include && fetch->output.path == NULL && !fetch->ctl->json)
                open = attestctl_output_write(&fetch->output, response->head.raw.data, response->head.raw.len);
        return attestctl_output_finish(&fetch->output, error);
}

int attestctl_fetch_finish(struct attestctl_fetch *fetch, struct attestctl_http_response *response)
{
        bool success = response->head.status >= 200 && response->head.status < 300;
        struct base_error error = BASE_ERROR_INIT;
        int status = success ? 0 : ATTESTCTL_EXIT_HTTP_STATUS;

        if (!finish_output(fetch, response, &error))
                return attestctl_fetch_fail(fetch, &error);
        if (fetch->ctl->json) {
                int printed = attestctl_print_json(outcome_json(fetch, response));

                return status != 0 ? status : printed;
        }
        if (!success && !fetch->silent)
                refusal_print(fetch, response);
        return status;
}

int attestctl_fetch_fail(struct attestctl_fetch *fetch, const struct base_error *error)
{
        struct base_error failure = *error;

        if (fetch->output.failure != 0)
                (void) attestctl_output_set_error(&fetch->output, &failure);
        else if (failure.code == BASE_ERROR_IO || failure.code == BASE_ERROR_TIMEOUT)
                return attestctl_fail_as(fetch->ctl, &failure, ATTESTCTL_EXIT_TRANSFER);
        else if (failure.code == BASE_ERROR_CANCELLED)
                failure.code = BASE_ERROR_IO; /* a file of ours */
        return attestctl_fail_own(fetch->ctl, &failure);
}
