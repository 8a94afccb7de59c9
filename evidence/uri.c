/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/uri.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define PORT_HTTP  80
#define PORT_HTTPS 443

/* Slices of a URL. */
struct url {
        const char *text;
        bool https;
        const char *host;
        size_t host_len;
        uint16_t port;
        const char *path; /* from the slash; "" if there is none */
};

static bool host_ok(const char *host, size_t len)
{
        bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';

        if (len == 0)
                return false;
        for (size_t i = bracketed ? 1 : 0; i < (bracketed ? len - 1 : len); i++) {
                unsigned char c = (unsigned char) host[i];

                if (bracketed ? !isxdigit(c) && c != ':' && c != '.' : !isalnum(c) && c != '-' && c != '.' && c != '_')
                        return false;
        }
        return true;
}

/* ":" and digits up to `end`, or nothing. */
static bool parse_port(const char *at, const char *end, uint16_t *port)
{
        unsigned value = 0;

        if (at == end)
                return true;
        if (*at++ != ':' || at == end)
                return false;
        for (; at < end; at++) {
                if (*at < '0' || *at > '9')
                        return false;
                value = value * 10 + (unsigned) (*at - '0');
                if (value > UINT16_MAX)
                        return false;
        }
        *port = (uint16_t) value;
        return value != 0;
}

static bool visible_ascii(const char *text)
{
        for (; *text != '\0'; text++)
                if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}#", *text) != NULL)
                        return false;
        return true;
}

static bool parse_url(const char *text, struct url *ret)
{
        struct url url = { .text = text, .https = strncasecmp(text, "https://", 8) == 0 };
        const char *end, *host_end;

        if (!url.https && strncasecmp(text, "http://", 7) != 0)
                return false;
        url.host = text + (url.https ? 8 : 7);
        end = url.host + strcspn(url.host, "/?");
        if (url.host[0] == '[') {
                host_end = memchr(url.host, ']', (size_t) (end - url.host));
                host_end = host_end == NULL ? end : host_end + 1;
        } else {
                host_end = memchr(url.host, ':', (size_t) (end - url.host));
                host_end = host_end == NULL ? end : host_end;
        }
        url.host_len = (size_t) (host_end - url.host);
        url.port = url.https ? PORT_HTTPS : PORT_HTTP;
        url.path = end;
        if (!visible_ascii(text) || !host_ok(url.host, url.host_len) || !parse_port(host_end, end, &url.port))
                return false;
        *ret = url;
        return true;
}

static bool same_origin(const struct url *a, const struct url *b)
{
        return a->https == b->https && a->port == b->port && a->host_len == b->host_len &&
               strncasecmp(a->host, b->host, a->host_len) == 0;
}

/* No segment may be empty or made of dots, so that a path means the same to every party that reads it. */
static bool path_ok(const char *path)
{
        size_t query = strcspn(path, "?");

        for (size_t at = 0; at < query;) {
                size_t len = strcspn(path + at + 1, "/?");
                const char *segment = path + at + 1;

                if ((len == 0 && at + 1 < query) || (len == 1 && segment[0] == '.') ||
                    (len == 2 && memcmp(segment, "..", 2) == 0))
                        return false;
                at += len + 1;
        }
        return path[0] == '/' && visible_ascii(path);
}

static bool refused(const char *reference, const char *why, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "The directory's URI \"%.64s\" %s.", reference, why);
}

/* The path that `reference` means: a part of itself, or the base's directory in front of it. */
static bool resolve_path(const struct url *base, const char *reference, char ret[static EVIDENCE_URI_MAX + 1],
                         struct base_error *error)
{
        const char *query = base->path + strcspn(base->path, "?"),
                   *slash = memrchr(base->path, '/', (size_t) (query - base->path));
        size_t directory_len = slash == NULL ? 0 : (size_t) (slash - base->path) + 1;
        struct url absolute;
        int len;

        if (strstr(reference, "://") != NULL && strcspn(reference, "/?") > strcspn(reference, ":")) {
                if (!parse_url(reference, &absolute))
                        return refused(reference, "is not a valid http or https URL", error);
                if (!same_origin(base, &absolute))
                        return refused(reference, "is not on the directory's own scheme, host and port", error);
                len = snprintf(ret, EVIDENCE_URI_MAX + 1, "%s", absolute.path);
        } else if (reference[0] == '/') {
                len = snprintf(ret, EVIDENCE_URI_MAX + 1, "%s", reference);
        } else if (directory_len == 0) {
                len = snprintf(ret, EVIDENCE_URI_MAX + 1, "/%s", reference);
        } else {
                len = snprintf(ret, EVIDENCE_URI_MAX + 1, "%.*s%s", (int) directory_len, base->path, reference);
        }
        if (len < 0 || len > EVIDENCE_URI_MAX)
                return refused(reference, "is too long", error);
        return path_ok(ret) || refused(reference, "has a path that is not plain", error);
}

bool evidence_uri_resolve(const char *base, const char *reference, char ret[static EVIDENCE_URI_MAX + 1],
                          struct base_error *error)
{
        char path[EVIDENCE_URI_MAX + 1], whole[EVIDENCE_URI_MAX + 1];
        struct url url;
        int len;

        if (!parse_url(base, &url))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "\"%.64s\" is not an http or https URL.", base);
        if (reference[0] == '\0' || !visible_ascii(reference))
                return refused(reference, "is empty or has characters that do not belong into a URI", error);
        if (!resolve_path(&url, reference, path, error))
                return false;
        len = snprintf(whole, sizeof(whole), "%.*s%s", (int) (url.path - url.text), url.text, path);
        if (len < 0 || (size_t) len >= sizeof(whole))
                return refused(reference, "is too long", error);
        memcpy(ret, whole, (size_t) len + 1);
        return true;
}
