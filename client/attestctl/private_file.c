/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/private_file.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

bool attestctl_private_file_read(const char *path, struct base_buffer *to, struct base_error *error)
{
        struct stat status;

        if (stat(path, &status) < 0) {
                if (errno == ENOENT)
                        return base_error_set(error, BASE_ERROR_NOT_FOUND, "%s does not exist", path);
                return base_error_set_errno(error, errno, "cannot look at %s", path);
        }
        if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s holds a key and has mode %04o: take the others' access away (chmod 0600)", path,
                                      status.st_mode & 07777);
        return base_file_read(path, to, error);
}
