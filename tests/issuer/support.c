/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *test_directory_make(void)
{
        const char *parent = getenv("TMPDIR");
        char *path = NULL;

        assert_true(asprintf(&path, "%s/attester-issuer-XXXXXX", parent == NULL ? "/tmp" : parent) > 0);
        assert_non_null(mkdtemp(path));
        return path;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
        return remove(path);
}

void test_directory_remove(char **path)
{
        if (*path != NULL)
                (void) nftw(*path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(*path);
}

const char *test_path(const char *directory, const char *name)
{
        static char path[4096];

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        return path;
}

void test_file_write(const char *path, const char *text, unsigned mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(close(fd), 0);
}
