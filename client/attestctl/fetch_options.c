/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/fetch.h"

#include <string.h>
#include <strings.h>

#define HEADER_BYTES_MAX 8192
/* RFC 9110, section 5.6.2. */
#define NAME_CHARACTERS   "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define MAX_TIME_S_MAX    1000000
#define MAX_TIME_TEXT_MAX 16

/* '1' to '3' are options of every command. */
const struct base_option attestctl_fetch_options[] = {
        { 'o', "output", "FILE", "write the body there, once it is whole" },
        { 'i', "include", NULL, "write the answer's header before its body" },
        { 'I', "head", NULL, "ask for the header only (HEAD), and write it" },
        { 'H', "header", "LINE", "add \"Name: value\" to the request" },
        { 'X', "request", "METHOD", "use this method in place of GET" },
        { 'd', "data", "DATA", "send this body, or @FILE, or @- for standard input, by POST" },
        { '4', "data-binary", "DATA", "the same" },
        { 'L', "location", NULL, "follow redirects" },
        { 'm', "max-time", "SECONDS", "give up after so many seconds for all together" },
        { '5', "compressed", NULL, "ask for a compressed body, and unpack it" },
        { '6', "fail-with-body", NULL, "write the body of an answer that is not 2xx, too" },
        { 'a', "cacert", "FILE", "trust the certificates in this PEM file" },
        { 's', "silent", NULL, "show no progress and no errors" },
        { 'v', "verbose", NULL, "tell on standard error what happens" },
        { 0 },
};

static bool is_field(const char *line, const char *name)
{
        size_t len = strlen(name);

        return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static bool take_header(struct attestctl_http_request *request, const char *line, struct base_error *error)
{
        /* They say where a request begins and ends, and whom it is for, which is no matter of taste. */
        static const char *const ours[] = { "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect" };
        const char *colon = strchr(line, ':');
        size_t name_len = strspn(line, NAME_CHARACTERS);

        for (const char *p = line; *p != '\0'; p++)
                if ((unsigned char) *p < 0x20 && *p != '\t')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header may not have control characters");
        if (colon == NULL || name_len == 0 || line + name_len != colon)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header is written \"Name: value\"");
        if (is_field(line, "Authorization"))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "Authorization is where the token goes; it cannot be given. For another kind of "
                                      "authorization use curl");
        for (size_t i = 0; i < BASE_COUNT(ours); i++)
                if (is_field(line, ours[i]))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "%s follows from URL and body; it cannot be given", ours[i]);
        if (strlen(line) > HEADER_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header is longer than %d bytes", HEADER_BYTES_MAX);
        if (request->header_count == ATTESTCTL_HTTP_HEADERS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "more than %d headers", ATTESTCTL_HTTP_HEADERS_MAX);
        request->headers[request->header_count++] = line;
        return true;
}

static bool take_max_time(struct attestctl_fetch *fetch, const char *value, struct base_error *error)
{
        double seconds = strtod(value, NULL);

        if (value[0] == '\0' || value[strspn(value, "0123456789.")] != '\0' || strlen(value) > MAX_TIME_TEXT_MAX ||
            seconds < 0.001 || seconds > MAX_TIME_S_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--max-time takes 0.001 to %d seconds, not \"%s\"",
                                      MAX_TIME_S_MAX, value);
        fetch->max_time_ms = (uint64_t) (seconds * 1000);
        return true;
}

static bool take_method(struct attestctl_fetch *fetch, const char *value, struct base_error *error)
{
        if (value[0] == '\0' || value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")] != '\0')
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "\"%s\" is not a method", value);
        fetch->request.method = value;
        return true;
}

static bool take_data(struct attestctl_fetch *fetch, const char *value, struct base_error *error)
{
        if (fetch->data != NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a request has one body: give --data once");
        fetch->data = value;
        return true;
}

static void take_flag(struct attestctl_fetch *fetch, char letter)
{
        switch (letter) {
        case 'I':
                fetch->request.method = "HEAD";
                fetch->include = true;
                break;
        case 'i':
                fetch->include = true;
                break;
        case 'L':
                fetch->follow = true;
                break;
        case '5':
                fetch->request.compressed = true;
                break;
        case '6':
                fetch->fail_with_body = true;
                break;
        case 's':
                fetch->silent = true;
                break;
        default:
                fetch->verbose = true;
        }
}

bool attestctl_fetch_take_option(void *context, char letter, const char *value, struct base_error *error)
{
        struct attestctl_fetch *fetch = context;

        switch (letter) {
        case 'o':
                fetch->output.path = value;
                return true;
        case 'H':
                return take_header(&fetch->request, value, error);
        case 'X':
                return take_method(fetch, value, error);
        case 'd':
        case '4':
                return take_data(fetch, value, error);
        case 'm':
                return take_max_time(fetch, value, error);
        case 'a':
                fetch->request.ca_file = value;
                return true;
        default:
                take_flag(fetch, letter);
                return true;
        }
}
