/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 256

static bool parse_port(const char *text, uint16_t *ret)
{
        unsigned value = 0;

        if (*text == '\0' || strlen(text) > 5)
                return false;
        for (; *text != '\0'; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                value = value * 10 + (unsigned) (*text - '0');
        }
        if (value > UINT16_MAX)
                return false;
        *ret = (uint16_t) value;
        return true;
}

static bool parse_path(const char *text, struct issuer_address *ret, struct base_error *error)
{
        struct sockaddr_un *un = (struct sockaddr_un *) &ret->storage;

        if (strlen(text) >= sizeof(un->sun_path))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the socket path %.64s… is longer than %zu bytes", text,
                                      sizeof(un->sun_path) - 1);
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, text);
        ret->len = sizeof(*un);
        return true;
}

bool issuer_address_parse(const char *text, struct issuer_address *ret, struct base_error *error)
{
        struct issuer_address address = { 0 };
        struct sockaddr_in *in = (struct sockaddr_in *) &address.storage;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &address.storage;
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN + 2];
        size_t host_len;
        uint16_t port;

        if (text[0] == '/') {
                if (!parse_path(text, &address, error))
                        return false;
                *ret = address;
                return true;
        }
        host_len = colon == NULL ? 0 : (size_t) (colon - text);
        if (host_len == 0 || host_len >= sizeof(host) || !parse_port(colon + 1, &port))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "\"%.64s\" is not ADDRESS:PORT, [ADDRESS]:PORT or the path of a socket", text);
        memcpy(host, text, host_len);
        host[host_len] = '\0';
        if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                address.len = sizeof(*in);
        } else if (host[0] == '[' && host[host_len - 1] == ']') {
                host[host_len - 1] = '\0';
                if (inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "\"%.64s\" is not an IPv6 address", host + 1);
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons(port);
                address.len = sizeof(*in6);
        } else {
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "\"%.64s\" is not an IP address", host);
        }
        *ret = address;
        return true;
}

bool issuer_address_is_local(const struct issuer_address *address)
{
        const struct sockaddr_in *in = (const struct sockaddr_in *) &address->storage;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &address->storage;

        switch (address->storage.ss_family) {
        case AF_UNIX:
                return true;
        case AF_INET:
                return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
        default:
                return false;
        }
}

void issuer_address_print(const struct issuer_address *address, uint16_t port, char ret[static ISSUER_ADDRESS_TEXT_MAX])
{
        const struct sockaddr_in *in = (const struct sockaddr_in *) &address->storage;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &address->storage;
        const struct sockaddr_un *un = (const struct sockaddr_un *) &address->storage;
        char host[INET6_ADDRSTRLEN] = "";

        if (address->storage.ss_family == AF_UNIX) {
                (void) snprintf(ret, ISSUER_ADDRESS_TEXT_MAX, "%s", un->sun_path);
        } else if (address->storage.ss_family == AF_INET) {
                (void) inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
                (void) snprintf(ret, ISSUER_ADDRESS_TEXT_MAX, "%s:%u", host, port);
        } else {
                (void) inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
                (void) snprintf(ret, ISSUER_ADDRESS_TEXT_MAX, "[%s]:%u", host, port);
        }
}

static uint16_t port_of(const struct sockaddr_storage *storage)
{
        if (storage->ss_family == AF_INET)
                return ntohs(((const struct sockaddr_in *) storage)->sin_port);
        if (storage->ss_family == AF_INET6)
                return ntohs(((const struct sockaddr_in6 *) storage)->sin6_port);
        return 0;
}

static bool remove_stale_socket(const struct issuer_address *address, struct base_error *error)
{
        const char *path = ((const struct sockaddr_un *) &address->storage)->sun_path;
        struct stat status;

        if (lstat(path, &status) < 0)
                return errno == ENOENT || base_error_set_errno(error, errno, "cannot look at %s", path);
        if (!S_ISSOCK(status.st_mode))
                return base_error_set(error, BASE_ERROR_IO, "%s is there and is not a socket", path);
        return unlink(path) == 0 || base_error_set_errno(error, errno, "cannot remove the stale socket %s", path);
}

bool issuer_address_listen(const struct issuer_address *address, int *ret_fd, uint16_t *ret_port, struct base_error *error)
{
        char text[ISSUER_ADDRESS_TEXT_MAX];
        int family = address->storage.ss_family;
        base_auto_close int fd = -1;
        struct sockaddr_storage bound = { 0 };
        socklen_t bound_len = sizeof(bound);
        int one = 1;

        issuer_address_print(address, port_of(&address->storage), text);
        if (family == AF_UNIX && !remove_stale_socket(address, error))
                return false;
        fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return base_error_set_errno(error, errno, "cannot open a socket for %s", text);
        if (family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
                return base_error_set_errno(error, errno, "cannot prepare the socket for %s", text);
        if (bind(fd, (const struct sockaddr *) &address->storage, address->len) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *) &bound, &bound_len) < 0)
                return base_error_set_errno(error, errno, "cannot listen on %s", text);
        *ret_port = port_of(&bound);
        *ret_fd = base_steal_fd(&fd);
        return true;
}
