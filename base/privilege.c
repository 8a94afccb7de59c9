/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/privilege.h"

#include <errno.h>
#include <sys/stat.h>

bool base_privilege_refuse_root(bool allowed, struct base_error *error)
{
        if (allowed || geteuid() != 0)
                return true;
        return base_error_set(
                error, BASE_ERROR_NOT_AUTHORIZED,
                "root is not needed and is refused: start the service by its unit, or this program as the service's user");
}

bool base_privilege_check_private(int fd, const char *path, struct base_error *error)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return base_error_set_errno(error, errno, "cannot look at the directory %s", path);
        if (status.st_uid != geteuid())
                return base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "the directory %s belongs to user %u, and this is user %u: "
                                      "chown it",
                                      path, (unsigned) status.st_uid, (unsigned) geteuid());
        if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
                return base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "the directory %s is open to other users (mode %04o): "
                                      "chmod it to 0700",
                                      path, (unsigned) (status.st_mode & 07777));
        return true;
}
