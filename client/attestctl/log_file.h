/* SPDX-License-Identifier: BSD-2-Clause */
/* An event log that was read from a file. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "evidence/eventlog/log.h"

#define ATTESTCTL_LOG_DEFAULT "/sys/kernel/security/tpm0/binary_bios_measurements"

struct attestctl_log_file {
        struct base_buffer bytes;
        struct evidence_eventlog log; /* points into `bytes` */
};

#define ATTESTCTL_LOG_FILE_INIT                                                                                                  \
        {                                                                                                                        \
                .bytes = BASE_BUFFER_INIT(EVIDENCE_EVENTLOG_BYTES_MAX)                                                           \
        }

void attestctl_log_file_clear(struct attestctl_log_file *file);
#define attestctl_auto_log_file BASE_CLEANUP(attestctl_log_file_clear)

/* `path` NULL: the kernel's own. Errors: those of base_file_read() and evidence_eventlog_parse(); each names the file. */
bool attestctl_log_file_read(const char *path, struct attestctl_log_file *file, struct base_error *error) BASE_MUST_CHECK;
