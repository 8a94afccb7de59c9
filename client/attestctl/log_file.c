/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/log_file.h"

#include "base/file.h"

void attestctl_log_file_clear(struct attestctl_log_file *file)
{
        evidence_eventlog_clear(&file->log);
        base_buffer_clear(&file->bytes);
}

bool attestctl_log_file_read(const char *path, struct attestctl_log_file *file, struct base_error *error)
{
        const char *name = path != NULL ? path : ATTESTCTL_LOG_DEFAULT;

        return base_file_read(name, &file->bytes, error) &&
               (evidence_eventlog_parse(base_buffer_bytes(&file->bytes), &file->log, error) ||
                base_error_prefix(error, "%s", name));
}
