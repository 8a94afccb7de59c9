/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/http_head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define STATUS_DIGITS 3

void attestctl_http_head_init(struct attestctl_http_head *head)
{
        *head = (struct attestctl_http_head){
                .raw = BASE_BUFFER_INIT(ATTESTCTL_HTTP_HEAD_BYTES_MAX),
                .www_authenticate = BASE_BUFFER_INIT(ATTESTCTL_HTTP_FIELD_BYTES_MAX),
        };
}

void attestctl_http_head_clear(struct attestctl_http_head *head)
{
        base_buffer_clear(&head->raw);
        base_buffer_clear(&head->www_authenticate);
        attestctl_http_head_init(head);
}

/* The value of the field line if it has this name, without white space around it. */
static bool field_is(struct base_bytes line, const char *name, struct base_bytes *ret_value)
{
        size_t name_len = strlen(name);

        if (line.len <= name_len || strncasecmp((const char *) line.data, name, name_len) != 0 || line.data[name_len] != ':')
                return false;
        line = BASE_BYTES(line.data + name_len + 1, line.len - name_len - 1);
        while (line.len > 0 && strchr(" \t\r\n", line.data[0]) != NULL)
                line = BASE_BYTES(line.data + 1, line.len - 1);
        while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]) != NULL)
                line.len--;
        *ret_value = line;
        return true;
}

static bool contains(struct base_bytes text, const char *word)
{
        size_t len = strlen(word);

        for (size_t i = 0; i + len <= text.len; i++)
                if (strncasecmp((const char *) text.data + i, word, len) == 0)
                        return true;
        return false;
}

/* The status of a status line, or 0 for another line. */
static unsigned status_read(struct base_bytes line)
{
        const uint8_t *space = memchr(line.data, ' ', line.len);
        const uint8_t *end = line.data + line.len;
        unsigned status = 0;

        if (line.len < strlen("HTTP/") || strncasecmp((const char *) line.data, "HTTP/", strlen("HTTP/")) != 0 || space == NULL ||
            end - space <= STATUS_DIGITS)
                return 0;
        for (int i = 1; i <= STATUS_DIGITS; i++) {
                if (!isdigit(space[i]))
                        return 0;
                status = status * 10 + (unsigned) (space[i] - '0');
        }
        return status;
}

static void field_take(struct attestctl_http_head *head, struct base_bytes line)
{
        struct base_bytes value;

        if (field_is(line, "WWW-Authenticate", &value) && value.len > 0) {
                if (head->www_authenticate.len > 0)
                        base_buffer_put_string(&head->www_authenticate, ", ");
                base_buffer_put_bytes(&head->www_authenticate, value);
                head->asks_for_token = head->asks_for_token || contains(value, "PrivateToken");
        } else if (field_is(line, "X-Attester-Reason", &value)) {
                (void) snprintf(head->reason, sizeof(head->reason), "%.*s", (int) value.len, (const char *) value.data);
        } else if (field_is(line, "Location", &value)) {
                head->has_location = true;
        }
}

bool attestctl_http_head_take(struct attestctl_http_head *head, struct base_bytes line, struct base_error *error)
{
        bool is_interim = head->status >= 100 && head->status < 200;
        unsigned status = status_read(line);

        if (status != 0 && (head->status == 0 || is_interim)) {
                attestctl_http_head_clear(head);
                head->status = status;
        }
        if (head->whole || head->status == 0)
                return true;
        base_buffer_put_bytes(&head->raw, line);
        head->whole = line.len > 0 && line.len <= 2 && line.data[line.len - 1] == '\n';
        field_take(head, line);
        if (!base_buffer_ok(&head->raw))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "the header of the website's answer is longer than %d bytes",
                                      ATTESTCTL_HTTP_HEAD_BYTES_MAX);
        if (!base_buffer_ok(&head->www_authenticate))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the website's WWW-Authenticate is longer than %d bytes",
                                      ATTESTCTL_HTTP_FIELD_BYTES_MAX);
        return true;
}
