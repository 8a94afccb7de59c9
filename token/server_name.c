/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/server_name.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_BYTES_MAX  253
#define LABEL_BYTES_MAX 63
#define DEFAULT_PORT    443

static bool is_label_character(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool label_valid(struct base_bytes label)
{
        if (label.len == 0 || label.len > LABEL_BYTES_MAX || label.data[0] == '-' || label.data[label.len - 1] == '-')
                return false;
        for (size_t i = 0; i < label.len; i++)
                if (!is_label_character(label.data[i]))
                        return false;
        return true;
}

static bool hostname_valid(struct base_bytes host)
{
        size_t start = 0;

        if (host.len > HOST_BYTES_MAX)
                return false;
        for (size_t i = 0; i <= host.len; i++) {
                if (i < host.len && host.data[i] != '.')
                        continue;
                if (!label_valid(BASE_BYTES(host.data + start, i - start)))
                        return false;
                start = i + 1;
        }
        return true;
}

/* `host` has its brackets. */
static bool ipv6_valid(struct base_bytes host)
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        size_t len = host.len - 2;

        if (len >= sizeof(text) || memchr(host.data, '\0', host.len) != NULL)
                return false;
        memcpy(text, host.data + 1, len);
        text[len] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
}

/* Decimal without leading zeros, 1–65535. */
static bool port_parse(struct base_bytes text, uint16_t *ret)
{
        uint32_t value = 0;

        if (text.len == 0 || text.len > 5 || text.data[0] == '0')
                return false;
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return false;
                value = value * 10 + (uint32_t) (text.data[i] - '0');
        }
        if (value > UINT16_MAX)
                return false;
        *ret = (uint16_t) value;
        return true;
}

bool token_server_name_parse(struct base_bytes name, struct base_bytes *ret_host, uint16_t *ret_port)
{
        const uint8_t *end = name.len == 0 ? NULL : memchr(name.data, name.data[0] == '[' ? ']' : ':', name.len);
        bool bracketed = name.len > 0 && name.data[0] == '[';
        struct base_bytes host, rest;
        uint16_t port = DEFAULT_PORT;

        if (bracketed && end == NULL)
                return false;
        host = BASE_BYTES(name.data, end == NULL ? name.len : (size_t) (end - name.data) + (bracketed ? 1 : 0));
        rest = BASE_BYTES(name.data + host.len, name.len - host.len);
        if (!(bracketed ? ipv6_valid(host) : hostname_valid(host)))
                return false;
        if (rest.len > 0 && (rest.data[0] != ':' || !port_parse(BASE_BYTES(rest.data + 1, rest.len - 1), &port)))
                return false;
        *ret_host = host;
        *ret_port = port;
        return true;
}
