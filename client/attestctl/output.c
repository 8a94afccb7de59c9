/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A file beside the one that it will replace. Links are followed: the file that they lead to is replaced. */
static FILE *temporary_open(struct attestctl_output *output, const struct stat *old)
{
        base_auto_close int fd = -1;
        FILE *file = NULL;

        output->target = old != NULL ? realpath(output->path, NULL) : strdup(output->path);
        if (output->target == NULL)
                return NULL;
        if (asprintf(&output->temporary, "%s.attestctl-%ld", output->target, (long) getpid()) < 0) {
                output->temporary = NULL;
                return NULL;
        }
        fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0) {
                base_free_p(&output->temporary);
                return NULL;
        }
        if (old == NULL || fchmod(fd, old->st_mode & 0777) == 0)
                file = fdopen(fd, "w");
        if (file != NULL)
                (void) base_steal_fd(&fd);
        return file;
}

static FILE *output_open(struct attestctl_output *output)
{
        struct stat status;
        bool exists;

        if (output->path == NULL)
                return stdout;
        exists = stat(output->path, &status) == 0;
        if (exists && !S_ISREG(status.st_mode))
                return fopen(output->path, "we");
        return temporary_open(output, exists ? &status : NULL);
}

bool attestctl_output_write(struct attestctl_output *output, const void *data, size_t len)
{
        if (output->failure != 0)
                return false;
        if (output->file == NULL)
                output->file = output_open(output);
        if (output->file != NULL && (len == 0 || fwrite(data, 1, len, output->file) == len))
                return true;
        output->failure = errno;
        return false;
}

static void output_close(struct attestctl_output *output)
{
        FILE *file = output->file;

        output->file = NULL;
        if (file != NULL && (file == stdout ? fflush(file) : fclose(file)) != 0 && output->failure == 0)
                output->failure = errno;
}

bool attestctl_output_finish(struct attestctl_output *output, struct base_error *error)
{
        output_close(output);
        if (output->failure == 0 && output->temporary != NULL && rename(output->temporary, output->target) < 0)
                output->failure = errno;
        if (output->failure == 0) {
                free(output->temporary);
                output->temporary = NULL;
        }
        return output->failure == 0 || attestctl_output_set_error(output, error);
}

bool attestctl_output_set_error(const struct attestctl_output *output, struct base_error *error)
{
        return base_error_set_errno(error, output->failure, "cannot write %s",
                                    output->path != NULL ? output->path : "standard output");
}

void attestctl_output_clear(struct attestctl_output *output)
{
        output_close(output);
        if (output->temporary != NULL)
                (void) unlink(output->temporary);
        free(output->temporary);
        free(output->target);
        *output = (struct attestctl_output){ .path = output->path };
}
