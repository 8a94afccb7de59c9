/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/source.h"
#include "attesterd/posture/cache.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define READ_CHUNK  4096
#define NAMES_CHUNK 4096
#define LARGE_CHUNK (32 * 1024)

/* A file that is read: open, or as it was kept. */
struct source {
        const struct posture_sources *sources;
        const char *path;
        int fd;
        bool stays_open;                      /* the descriptor is another's */
        bool watched;                         /* what is read of it holds until it says otherwise */
        const struct posture_cached *content; /* NULL: read it */
        struct stat status;                   /* of a file that was opened now */
};

/* Gives the descriptor up, unless it stays open. */
static void finish(struct source *source)
{
        if (!source->stays_open)
                base_close_p(&source->fd);
}

/* The kernel's own file systems, of which a file's inode says nothing about its content. */
static bool is_kernels(const char *path)
{
        return strncmp(path, "/proc/", strlen("/proc/")) == 0 || strncmp(path, "/sys/", strlen("/sys/")) == 0;
}

/*
 * procfs and sysfs: a file can be read again from its start, and one whose subject went away says so. Others below /sys are
 * mounted on their own, and a file that stays open would be in the way of who unmounts them.
 */
static bool is_of_procfs_or_sysfs(int fd)
{
        struct statfs system;

        return fstatfs(fd, &system) == 0 && (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC);
}

static bool is_of_securityfs(int fd)
{
        struct statfs system;

        return fstatfs(fd, &system) == 0 && system.f_type == SECURITYFS_MAGIC;
}

/* Opens a regular file. Returns 0 or an errno(3). */
static int open_file(const struct posture_sources *sources, const char *path, struct source *ret)
{
        /* O_NONBLOCK: a FIFO in a file's place must not hold up the daemon. */
        base_auto_close int fd = openat(sources->root_fd, path + 1, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        *ret = (struct source){ .sources = sources, .path = path, .fd = -1 };
        if (fd < 0 || fstat(fd, &ret->status) < 0)
                return errno;
        if (!S_ISREG(ret->status.st_mode))
                return S_ISDIR(ret->status.st_mode) ? EISDIR : EINVAL;
        ret->fd = base_steal_fd(&fd);
        return 0;
}

/* As open_file(), and keeps what makes the next time cheaper. */
static int open_and_keep(const struct posture_sources *sources, const char *path, struct source *ret)
{
        int error_number = open_file(sources, path, ret);
        enum posture_cached_kind kind;

        if (sources->cache == NULL)
                return error_number;
        if (error_number == ENOENT)
                (void) posture_cache_keep(sources->cache, path, POSTURE_CACHED_ABSENT, -1);
        kind = posture_cache_kind_of(path);
        if (error_number != 0 || kind == POSTURE_CACHED_FIXED || !is_kernels(path) || !is_of_procfs_or_sysfs(ret->fd))
                return error_number;
        ret->stays_open = posture_cache_keep(sources->cache, path, kind, ret->fd);
        ret->watched = ret->stays_open && kind == POSTURE_CACHED_WATCHED;
        return 0;
}

/* Whether what is kept of a file still holds, so that it need not be read; `size` is how much of it is wanted. */
static bool still_holds(const struct posture_sources *sources, const struct posture_cached *cached, size_t size)
{
        struct stat status;

        if (cached->content == NULL || (!cached->complete && size > cached->len))
                return false;
        switch (cached->kind) {
        case POSTURE_CACHED_FIXED:
                return true;
        case POSTURE_CACHED_WATCHED:
                return !posture_cached_changed(cached);
        case POSTURE_CACHED_SETTLED:
                return fstatat(sources->root_fd, cached->path + 1, &status, 0) == 0 && posture_cached_is(cached, &status);
        case POSTURE_CACHED_OPEN:
        case POSTURE_CACHED_ABSENT:
                break;
        }
        return false;
}

/* Opens a file, or finds what was kept of it. Returns 0 or an errno(3). */
static int find_or_open(const struct posture_sources *sources, const char *path, size_t size, struct source *ret)
{
        const struct posture_cached *cached = sources->cache == NULL ? NULL : posture_cache_find(sources->cache, path);

        *ret = (struct source){ .sources = sources, .path = path, .fd = -1 };
        if (cached == NULL)
                return open_and_keep(sources, path, ret);
        if (cached->kind == POSTURE_CACHED_ABSENT && posture_source_exists(sources, path) == ENOENT)
                return ENOENT;
        if (still_holds(sources, cached, size)) {
                ret->content = cached;
                return 0;
        }
        if (cached->fd >= 0) {
                ret->fd = cached->fd;
                ret->stays_open = true;
                ret->watched = cached->kind == POSTURE_CACHED_WATCHED;
                return 0;
        }
        posture_cache_forget(sources->cache, path);
        return open_and_keep(sources, path, ret);
}

/* One pread(2). */
static int read_some(int fd, void *to, size_t size, size_t offset, size_t *ret_len)
{
        ssize_t got;

        do
                got = pread(fd, to, size, (off_t) offset);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return errno;
        *ret_len = (size_t) got;
        return 0;
}

bool posture_source_is_settled(const struct posture_sources *sources, const struct stat *status)
{
        return posture_source_now(sources) - status->st_ctim.tv_sec >= POSTURE_CACHE_SETTLED_S;
}

/* Keeps what was read of a file, if it can be told later that it did not change. */
static void keep(const struct source *source, struct base_bytes content, bool complete)
{
        struct posture_cache *cache = source->sources == NULL ? NULL : source->sources->cache;

        if (cache == NULL || source->content != NULL)
                return;
        if (source->watched) {
                posture_cache_keep_content(cache, source->path, content, complete, NULL);
        } else if (!is_kernels(source->path)) {
                if (complete && posture_source_is_settled(source->sources, &source->status))
                        posture_cache_keep_content(cache, source->path, content, true, &source->status);
        } else if (!source->stays_open && posture_cache_kind_of(source->path) == POSTURE_CACHED_FIXED &&
                   (is_of_procfs_or_sysfs(source->fd) || is_of_securityfs(source->fd))) {
                posture_cache_keep_content(cache, source->path, content, complete, NULL);
        }
}

/* Takes what is wanted of a source from its start. Returns 0 or an errno(3). */
typedef int source_reader(struct source *source, void *context);

static int read_with(const struct posture_sources *sources, const char *path, size_t size, source_reader *reader, void *context)
{
        struct source source;
        int error_number = find_or_open(sources, path, size, &source);

        if (error_number != 0)
                return error_number;
        error_number = reader(&source, context);
        if (error_number != 0 && source.stays_open) {
                /* What it was about is gone; there may be another of that name. */
                posture_cache_forget(sources->cache, path);
                error_number = open_file(sources, path, &source);
                if (error_number == 0)
                        error_number = reader(&source, context);
        }
        finish(&source);
        return error_number;
}

static int read_whole(struct source *source, void *context)
{
        struct base_buffer *to = context;
        const size_t start = to->len;
        uint8_t chunk[READ_CHUNK];
        size_t got = 1;

        if (source->content != NULL)
                base_buffer_put(to, source->content->content, source->content->len);
        while (source->content == NULL && got > 0 && base_buffer_ok(to)) {
                int error_number = read_some(source->fd, chunk, sizeof(chunk), to->len - start, &got);

                if (error_number != 0)
                        return error_number;
                base_buffer_put(to, chunk, got);
        }
        if (!base_buffer_ok(to))
                return EFBIG;
        keep(source, BASE_BYTES(to->data + start, to->len - start), true);
        return 0;
}

int posture_source_read(const struct posture_sources *sources, const char *path, struct base_buffer *to)
{
        return read_with(sources, path, SIZE_MAX, read_whole, to);
}

int posture_source_read_fd(int fd, struct base_buffer *to)
{
        struct source source = { .fd = fd, .stays_open = true };

        return read_whole(&source, to);
}

struct start {
        char *to;
        size_t size;
        bool once; /* one read(2), which gives the whole of a short file */
        size_t len;
};

static int read_start(struct source *source, void *context)
{
        struct start *start = context;
        size_t got = 1;

        start->len = 0;
        if (source->content != NULL) {
                start->len = source->content->len < start->size ? source->content->len : start->size;
                memcpy(start->to, source->content->content, start->len);
                return 0;
        }
        while (got > 0 && start->len < start->size) {
                int error_number = read_some(source->fd, start->to + start->len, start->size - start->len, start->len, &got);

                if (error_number != 0)
                        return error_number;
                start->len += got;
                if (start->once)
                        break;
        }
        keep(source, BASE_BYTES((const uint8_t *) start->to, start->len), start->len < start->size);
        return 0;
}

int posture_source_read_line(const struct posture_sources *sources, const char *path, char ret[POSTURE_LINE_BYTES_MAX + 1])
{
        char text[POSTURE_LINE_BYTES_MAX + 2];
        struct start start = { .to = text, .size = POSTURE_LINE_BYTES_MAX + 1, .once = true };
        int error_number = read_with(sources, path, start.size, read_start, &start);
        size_t len = start.len;

        if (error_number != 0)
                return error_number;
        if (len > POSTURE_LINE_BYTES_MAX)
                return EFBIG;
        while (len > 0 && isspace((unsigned char) text[len - 1]))
                len--;
        text[len] = '\0';
        if (strlen(text) != len || !policy_text_valid(text))
                return EILSEQ;
        memcpy(ret, text, len + 1);
        return 0;
}

int posture_source_read_start(const struct posture_sources *sources, const char *path, char *ret, size_t ret_size)
{
        struct start start = { .to = ret, .size = ret_size - 1 };
        int error_number = read_with(sources, path, start.size, read_start, &start);

        ret[error_number == 0 ? start.len : 0] = '\0';
        return error_number;
}

int posture_source_each_name(const struct posture_sources *sources, const char *path, posture_name_visitor *visit, void *context)
{
        base_auto_close int fd = openat(sources->root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        alignas(struct dirent64) char chunk[NAMES_CHUNK];
        size_t count = 0;
        ssize_t got;

        if (fd < 0)
                return errno;
        while ((got = getdents64(fd, chunk, sizeof(chunk))) > 0) {
                for (ssize_t at = 0; at < got;) {
                        const struct dirent64 *item = (const void *) (chunk + at);

                        at += item->d_reclen;
                        if (item->d_name[0] == '.')
                                continue;
                        if (count++ == POSTURE_NAMES_MAX)
                                return E2BIG;
                        if (!visit(item->d_name, context))
                                return 0;
                }
        }
        return got < 0 ? errno : 0;
}

int posture_source_each_chunk(const struct posture_sources *sources, const char *path, size_t limit, posture_chunk_taker *take,
                              void *context)
{
        uint8_t chunk[LARGE_CHUNK];
        size_t offset = 0;
        size_t got = 1;
        struct source source;
        int error_number = open_file(sources, path, &source);

        while (error_number == 0 && got > 0) {
                error_number = read_some(source.fd, chunk, sizeof(chunk), offset, &got);
                if (error_number != 0)
                        break;
                offset += got;
                if (offset > limit)
                        error_number = EFBIG;
                else
                        take(BASE_BYTES(chunk, got), context);
        }
        finish(&source);
        return error_number;
}

int posture_source_look(const struct posture_sources *sources, const char *path, struct stat *ret)
{
        return fstatat(sources->root_fd, path + 1, ret, 0) < 0 ? errno : 0;
}

int posture_source_modified(const struct posture_sources *sources, const char *path, int64_t *ret)
{
        struct stat status;
        int error_number = posture_source_look(sources, path, &status);

        if (error_number == 0)
                *ret = status.st_mtim.tv_sec;
        return error_number;
}

int64_t posture_source_now(const struct posture_sources *sources)
{
        return (int64_t) sources->clock->wall_seconds(sources->clock->context);
}

int posture_source_exists(const struct posture_sources *sources, const char *path)
{
        struct stat status;

        return fstatat(sources->root_fd, path + 1, &status, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

void posture_source_reason(char ret[POSTURE_REASON_BYTES_MAX], const char *path, int error_number)
{
        const char *description = strerrordesc_np(error_number);

        if (description == NULL)
                description = "Unknown error";
        (void) snprintf(ret, POSTURE_REASON_BYTES_MAX, "%s: %c%s%s", path, tolower((unsigned char) description[0]),
                        description + 1,
                        error_number == EACCES || error_number == EPERM
                                ? "; attesterd has no privileges, and tmpfiles.d(5) may give its group access"
                                : "");
}
