/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A real swtpm for a test: in its own temporary directory, on Unix sockets, stopped by its process id. Every wait is
 * bounded. Failures end the test through cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct swtpm {
        char directory[64]; /* temporary; holds everything below */
        char socket[96];
        char tcti[128]; /* "swtpm:path=..." */
        pid_t pid;      /* -1: not running */
};

/* Makes the directory and starts swtpm. With `certificates`, swtpm_setup first makes EK certificates with a private CA. */
void swtpm_start(struct swtpm *tpm, bool certificates);
/* The same with certificates and more options of swtpm_setup (NULL-terminated): other keys, other PCR banks. */
void swtpm_start_with(struct swtpm *tpm, const char *const options[]);

/* As a reboot: the PCRs and sessions are gone, keys in NV stay. */
void swtpm_restart(struct swtpm *tpm);

/* Ends the process only, or starts it again; the state stays. */
void swtpm_stop(struct swtpm *tpm);
void swtpm_run(struct swtpm *tpm);

/* Ends the process and removes the directory. */
void swtpm_end(struct swtpm *tpm);

/* Runs a program, found in PATH, and returns its exit status; its output is in `output` (may be NULL), cut to fit. */
int swtpm_command(const struct swtpm *tpm, char *output, size_t output_len, const char *const argv[]);

/* Extends a PCR of the sha256 bank with a fixed digest. */
void swtpm_extend(const struct swtpm *tpm, unsigned pcr);

/* Starts tests/faults/tcti_proxy.py before `tpm` with these arguments (NULL-terminated); its path is in `tcti`. */
struct swtpm_proxy {
        char socket[112];
        char tcti[144];
        char report[112]; /* the JSON that the proxy leaves when it ends */
        pid_t pid;
};
void swtpm_proxy_start(struct swtpm_proxy *proxy, const struct swtpm *tpm, const char *const options[]);
void swtpm_proxy_stop(struct swtpm_proxy *proxy);

/* Gives the proxy other options, as one text; `report` (may be NULL) gets the JSON of what was seen under those before. */
void swtpm_proxy_plan(const struct swtpm_proxy *proxy, const char *options, char *report, size_t report_len);
