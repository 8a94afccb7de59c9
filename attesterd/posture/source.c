/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/source.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READ_CHUNK 4096

int posture_source_read_fd(int fd, struct base_buffer *to)
{
        uint8_t chunk[READ_CHUNK];

        while (base_buffer_ok(to)) {
                ssize_t got = read(fd, chunk, sizeof(chunk));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return errno;
                if (got == 0)
                        return 0;
                base_buffer_put(to, chunk, (size_t) got);
        }
        return EFBIG;
}

/* Opens a regular file. Returns 0 or an errno(3). */
static int open_file(const struct posture_sources *sources, const char *path, int *ret_fd)
{
        /* O_NONBLOCK: a FIFO in a file's place must not hold up the daemon. */
        base_auto_close int fd = openat(sources->root_fd, path + 1, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return errno;
        if (!S_ISREG(status.st_mode))
                return S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        *ret_fd = base_steal_fd(&fd);
        return 0;
}

int posture_source_read(const struct posture_sources *sources, const char *path, struct base_buffer *to)
{
        base_auto_close int fd = -1;
        int error_number = open_file(sources, path, &fd);

        return error_number != 0 ? error_number : posture_source_read_fd(fd, to);
}

/* One read(2), which gives the whole of a short file. */
static int read_once(int fd, char *to, size_t size, size_t *ret_len)
{
        ssize_t got;

        do
                got = read(fd, to, size);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return errno;
        *ret_len = (size_t) got;
        return 0;
}

int posture_source_read_line(const struct posture_sources *sources, const char *path, char ret[POSTURE_LINE_BYTES_MAX + 1])
{
        char text[POSTURE_LINE_BYTES_MAX + 2];
        base_auto_close int fd = -1;
        int error_number = open_file(sources, path, &fd);
        size_t len = 0;

        if (error_number == 0)
                error_number = read_once(fd, text, POSTURE_LINE_BYTES_MAX + 1, &len);
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
        base_auto_close int fd = -1;
        int error_number = open_file(sources, path, &fd);
        size_t len = 0;
        size_t got = 1;

        while (error_number == 0 && got > 0 && len + 1 < ret_size) {
                error_number = read_once(fd, ret + len, ret_size - 1 - len, &got);
                if (error_number == 0)
                        len += got;
        }
        ret[len] = '\0';
        return error_number;
}

int posture_source_each_name(const struct posture_sources *sources, const char *path, posture_name_visitor *visit, void *context)
{
        int fd = openat(sources->root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        int error_number = 0;
        struct dirent *item;
        size_t count = 0;

        if (stream == NULL) {
                error_number = errno;
                base_close_p(&fd);
                return error_number;
        }
        while ((item = readdir(stream)) != NULL) {
                if (item->d_name[0] == '.')
                        continue;
                if (count++ == POSTURE_NAMES_MAX) {
                        error_number = E2BIG;
                        break;
                }
                if (!visit(item->d_name, context))
                        break;
        }
        (void) closedir(stream);
        return error_number;
}

int posture_source_modified(const struct posture_sources *sources, const char *path, int64_t *ret)
{
        struct stat status;

        if (fstatat(sources->root_fd, path + 1, &status, 0) < 0)
                return errno;
        *ret = status.st_mtim.tv_sec;
        return 0;
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
        (void) snprintf(ret, POSTURE_REASON_BYTES_MAX, "%s: %c%s", path, tolower((unsigned char) description[0]),
                        description + 1);
}

static struct policy_origin origin_of(const char *source)
{
        return (struct policy_origin){ .provenance = POLICY_PROVENANCE_REPORTED, .source = source };
}

bool posture_set_boolean(struct policy_facts *to, const char *name, bool value, const char *source, struct base_error *error)
{
        return policy_facts_set_boolean(to, name, value, origin_of(source), error);
}

bool posture_set_integer(struct policy_facts *to, const char *name, int64_t value, const char *source, struct base_error *error)
{
        return policy_facts_set_integer(to, name, value, origin_of(source), error);
}

bool posture_set_text(struct policy_facts *to, const char *name, enum policy_fact_type type, const char *text, const char *source,
                      struct base_error *error)
{
        if (strlen(text) > POLICY_FACT_TEXT_BYTES_MAX || !policy_text_valid(text))
                return posture_set_unreadable(to, name, "the value is too long or is not UTF-8 text", source, error);
        if (type == POLICY_FACT_VERSION)
                return policy_facts_set_version(to, name, text, origin_of(source), error);
        return policy_facts_set_string(to, name, text, origin_of(source), error);
}

bool posture_set_unreadable(struct policy_facts *to, const char *name, const char *reason, const char *source,
                            struct base_error *error)
{
        return policy_facts_set_unreadable(to, name, reason, origin_of(source), error);
}

bool posture_set_errno(struct policy_facts *to, const char *name, int error_number, const char *source, struct base_error *error)
{
        char reason[POSTURE_REASON_BYTES_MAX];

        posture_source_reason(reason, source, error_number);
        return posture_set_unreadable(to, name, reason, source, error);
}

bool posture_set_age(const struct posture_sources *sources, struct policy_facts *to, const char *name, int64_t then,
                     const char *source, struct base_error *error)
{
        int64_t age;

        if (__builtin_sub_overflow(posture_source_now(sources), then, &age) || age < 0)
                return posture_set_unreadable(to, name, "the file's time lies in the future", source, error);
        return posture_set_integer(to, name, age, source, error);
}
