/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/source.h"
#include "client/agent/focus/sway_tree.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool read_all(int fd, uint8_t *to, size_t len)
{
        while (len > 0) {
                ssize_t got = read(fd, to, len);

                if (got <= 0)
                        return false;
                to += got;
                len -= (size_t) got;
        }
        return true;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        base_auto_close int fd = -1;

        if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
                return -1;
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -1;
        return base_steal_fd(&fd);
}

/* One question, one answer. */
static bool get_tree(int fd, struct base_buffer *to)
{
        uint8_t header[AGENT_SWAY_HEADER_LEN];
        base_auto_free uint8_t *tree = NULL;
        uint32_t len;

        agent_sway_header_write(0, AGENT_SWAY_MESSAGE_GET_TREE, header);
        if (send(fd, header, sizeof(header), MSG_NOSIGNAL) != sizeof(header) || !read_all(fd, header, sizeof(header)) ||
            !agent_sway_header_parse(header, AGENT_SWAY_MESSAGE_GET_TREE, &len))
                return false;
        tree = malloc(len == 0 ? 1 : len);
        if (tree == NULL || !read_all(fd, tree, len))
                return false;
        base_buffer_put(to, tree, len);
        return base_buffer_ok(to);
}

enum agent_source_result agent_source_sway(const char *path, pid_t *ret, uint32_t *ret_window,
                                           char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        base_auto_buffer struct base_buffer tree = BASE_BUFFER_INIT(AGENT_SWAY_TREE_BYTES_MAX);
        base_auto_close int fd = connect_to(path);
        const char *problem = NULL;

        if (fd < 0)
                problem = "sway cannot be reached at SWAYSOCK";
        else if (!agent_source_peer_is_trusted(fd))
                problem = "sway is another user's";
        else if (!get_tree(fd, &tree))
                problem = "sway does not tell its tree of windows";
        if (problem == NULL)
                return agent_sway_tree_parse(base_buffer_bytes(&tree), ret, ret_window, ret_reason);
        (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX, "%s", problem);
        return AGENT_SOURCE_UNREADABLE;
}
