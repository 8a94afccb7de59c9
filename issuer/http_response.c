/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/http_internal.h"

#include "issuer/json.h"

#include <string.h>
#include <strings.h>

void issuer_http_response_init(struct issuer_http_response *response)
{
        *response = (struct issuer_http_response){
                .status = MHD_HTTP_OK,
                .body = BASE_BUFFER_INIT(ISSUER_HTTP_RESPONSE_BYTES_MAX),
        };
}

void issuer_http_response_clear(struct issuer_http_response *response)
{
        base_buffer_clear(&response->body);
        for (size_t i = 0; i < response->field_count; i++)
                free(response->fields[i].value);
        response->field_count = 0;
}

void issuer_http_response_put_field(struct issuer_http_response *response, const char *name, const char *value)
{
        char *copy = strpbrk(value, "\r\n") == NULL ? strdup(value) : NULL;
        size_t i = 0;

        while (i < response->field_count && strcasecmp(response->fields[i].name, name) != 0)
                i++;
        if (copy == NULL || i == ISSUER_HTTP_FIELDS_MAX) {
                response->failed = true;
                free(copy);
                return;
        }
        if (i == response->field_count)
                response->field_count++;
        else
                free(response->fields[i].value);
        response->fields[i].name = name;
        response->fields[i].value = copy;
}

void issuer_http_response_put_body(struct issuer_http_response *response, unsigned status, const char *content_type,
                                   struct base_bytes content)
{
        response->status = status;
        base_buffer_reset(&response->body);
        base_buffer_put_bytes(&response->body, content);
        issuer_http_response_put_field(response, "Content-Type", content_type);
}

static const char *title_of(unsigned status)
{
        switch (status) {
        case 400:
                return "Bad Request";
        case 401:
                return "Unauthorized";
        case 403:
                return "Forbidden";
        case 404:
                return "Not Found";
        case 405:
                return "Method Not Allowed";
        case 413:
                return "Content Too Large";
        case 415:
                return "Unsupported Media Type";
        case 422:
                return "Unprocessable Content";
        case 429:
                return "Too Many Requests";
        case 503:
                return "Service Unavailable";
        default:
                return status < 500 ? "Request Refused" : "Internal Server Error";
        }
}

void issuer_http_response_put_problem(struct issuer_http_response *response, unsigned status, enum base_error_code code,
                                      const char *detail, const char *members)
{
        struct base_buffer *body = &response->body;

        response->status = status;
        base_buffer_reset(body);
        base_buffer_printf(body, "{\"type\":\"urn:attesterd:error:%s\"", base_error_name(code));
        issuer_json_put_member_string(body, "title", title_of(status));
        issuer_json_put_member_unsigned(body, "status", status);
        issuer_json_put_member_string(body, "detail", detail);
        if (members[0] != '\0')
                base_buffer_printf(body, ",%s", members);
        base_buffer_put_string(body, "}\n");
        issuer_http_response_put_field(response, "Content-Type", "application/problem+json");
}
