/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/http_body.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define COPY_BYTES 65536

static bool copy(int from, int to)
{
        char piece[COPY_BYTES];

        for (;;) {
                ssize_t got = read(from, piece, sizeof(piece));

                if (got == 0)
                        return true;
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return false;
                for (ssize_t done = 0, put; done < got; done += put)
                        if ((put = write(to, piece + done, (size_t) (got - done))) < 0)
                                return false;
        }
}

/* Puts a file without a name in the place of a pipe or a terminal, which can be read once only. */
static bool spool(struct attestctl_http_body *body, struct base_error *error)
{
        const char *directory = getenv("TMPDIR");
        base_auto_close int file = open(directory != NULL ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (file < 0 || !copy(body->fd, file))
                return base_error_set_errno(error, errno, "cannot keep a copy of the request's body in %s",
                                            directory != NULL ? directory : "/tmp");
        base_close_p(&body->fd);
        body->fd = base_steal_fd(&file);
        return true;
}

bool attestctl_http_body_open(struct attestctl_http_body *body, const char *data, struct base_error *error)
{
        struct stat status;

        if (data[0] != '@') {
                body->text = data;
                body->size = strlen(data);
                return true;
        }
        body->fd = strcmp(data, "@-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(data + 1, O_RDONLY | O_CLOEXEC);
        if (body->fd < 0 && errno == ENOENT)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "there is no file %s", data + 1);
        if (body->fd < 0 || fstat(body->fd, &status) < 0)
                return base_error_set_errno(error, errno, "cannot open %s", data + 1);
        if (!S_ISREG(status.st_mode)) {
                if (!spool(body, error))
                        return false;
        } else if (strcmp(data, "@-") == 0) {
                /* The rest of it, as a pipe would give. */
                body->start = lseek(body->fd, 0, SEEK_CUR);
        }
        if (fstat(body->fd, &status) < 0)
                return base_error_set_errno(error, errno, "cannot read %s", data + 1);
        body->size = status.st_size > body->start ? (uint64_t) (status.st_size - body->start) : 0;
        return true;
}

void attestctl_http_body_close(struct attestctl_http_body *body)
{
        base_close_p(&body->fd);
}

ssize_t attestctl_http_body_read(const struct attestctl_http_body *body, uint64_t position, void *to, size_t size)
{
        uint64_t left = body->size - position;
        ssize_t got;

        if (size > left)
                size = (size_t) left;
        if (size == 0)
                return 0;
        if (body->text != NULL) {
                memcpy(to, body->text + position, size);
                return (ssize_t) size;
        }
        got = pread(body->fd, to, size, body->start + (off_t) position);
        return got > 0 ? got : -1;
}
