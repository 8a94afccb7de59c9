/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/public.h"
#include "base/system.h"

#include <stdarg.h>
#include <string.h>

#define TRACE_TEXT_MAX 512

int client_error_export(const struct base_error *from, struct attester_error *ret)
{
        if (ret == NULL)
                return -1;
        /* The public numbers are the documented exit statuses, so that there is one table; a test compares the two. */
        ret->code = base_error_exit_status(from->code);
        (void) snprintf(ret->name, sizeof(ret->name), "%s", base_error_name(from->code));
        (void) snprintf(ret->message, sizeof(ret->message), "%s", from->message);
        (void) snprintf(ret->detail, sizeof(ret->detail), "%s", from->detail);
        return -1;
}

struct client_call client_call_start(const struct attester_options *options)
{
        struct client_call call = { .options = ATTESTER_OPTIONS_INIT };

        if (options != NULL) {
                size_t known = options->size < sizeof(call.options) ? options->size : sizeof(call.options);

                memcpy(&call.options, options, known);
        }
        if (call.options.timeout_ms == 0 || call.options.timeout_ms > ATTESTER_TIMEOUT_MS_DEFAULT)
                call.options.timeout_ms = ATTESTER_TIMEOUT_MS_DEFAULT;
        call.deadline_ms = base_system_clock.monotonic_ms(base_system_clock.context) + call.options.timeout_ms;
        return call;
}

uint32_t client_call_left_ms(const struct client_call *call)
{
        uint64_t now_ms = base_system_clock.monotonic_ms(base_system_clock.context);

        return now_ms < call->deadline_ms ? (uint32_t) (call->deadline_ms - now_ms) : 0;
}

void client_call_trace(const struct client_call *call, enum attester_step step, const char *format, ...)
{
        char text[TRACE_TEXT_MAX];
        va_list arguments;

        if (call->options.trace == NULL)
                return;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        call->options.trace(step, text, call->options.trace_context);
}

void attester_string_free(char *string)
{
        if (string == NULL)
                return;
        explicit_bzero(string, strlen(string));
        free(string);
}
