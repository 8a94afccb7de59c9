/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READ_CHUNK     4096
#define NAME_BYTES_MAX 256

bool base_file_read_at(int directory_fd, const char *path, struct base_buffer *to, struct base_error *error)
{
        base_auto_close int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        uint8_t chunk[READ_CHUNK];

        if (fd < 0 && errno == ENOENT)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "%s does not exist", path);
        if (fd < 0)
                return base_error_set_errno(error, errno, "cannot open %s", path);
        while (base_buffer_ok(to)) {
                ssize_t got = read(fd, chunk, sizeof(chunk));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return base_error_set_errno(error, errno, "cannot read %s", path);
                if (got == 0)
                        break;
                base_buffer_put(to, chunk, (size_t) got);
        }
        explicit_bzero(chunk, sizeof(chunk));
        if (!base_buffer_ok(to))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s is larger than %zu bytes", path, to->limit);
        return true;
}

bool base_file_read(const char *path, struct base_buffer *to, struct base_error *error)
{
        return base_file_read_at(AT_FDCWD, path, to, error);
}

static bool write_all(int fd, struct base_bytes content)
{
        while (content.len > 0) {
                ssize_t put = write(fd, content.data, content.len);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return false;
                content = BASE_BYTES(content.data + put, content.len - (size_t) put);
        }
        return true;
}

/* With an absolute or nested name the directory to sync is not directory_fd itself. */
static bool sync_directory_of(int directory_fd, const char *name)
{
        const char *slash = strrchr(name, '/');
        char parent[NAME_BYTES_MAX] = ".";
        base_auto_close int fd = -1;

        if (slash != NULL)
                (void) snprintf(parent, sizeof(parent), "%.*s", slash == name ? 1 : (int) (slash - name), name);
        fd = openat(directory_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0;
}

bool base_file_replace_at(int directory_fd, const char *name, struct base_bytes content, mode_t mode, struct base_error *error)
{
        char temporary[NAME_BYTES_MAX];
        base_auto_close int fd = -1;
        int saved;

        if (snprintf(temporary, sizeof(temporary), "%s.new", name) >= (int) sizeof(temporary))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "file name %s is too long", name);
        /* A leftover of an earlier crash is of no use; O_EXCL below then refuses a link planted in its place. */
        if (unlinkat(directory_fd, temporary, 0) < 0 && errno != ENOENT)
                return base_error_set_errno(error, errno, "cannot remove %s", temporary);
        fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return base_error_set_errno(error, errno, "cannot create %s", temporary);
        if (fchmod(fd, mode) < 0 || !write_all(fd, content) || fsync(fd) < 0 ||
            renameat(directory_fd, temporary, directory_fd, name) < 0) {
                saved = errno;
                (void) unlinkat(directory_fd, temporary, 0);
                return base_error_set_errno(error, saved, "cannot write %s", name);
        }
        if (!sync_directory_of(directory_fd, name))
                return base_error_set_errno(error, errno, "cannot sync the directory of %s", name);
        return true;
}
