/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time to parse, replay and derive one real event log, as one line of JSON. Informational. With tpm2_eventlog installed, its
 * whole process on the same file stands beside, which includes starting it and printing.
 */
#include "base/file.h"
#include "evidence/eventlog/boot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS      500
#define ROUNDS_TOOL 20

extern char **environ;

static double now_us(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static bool take(struct base_bytes bytes, struct base_error *error)
{
        evidence_auto_eventlog struct evidence_eventlog log = EVIDENCE_EVENTLOG_INIT;
        evidence_auto_boot struct evidence_boot *boot = NULL;
        struct evidence_pcrs pcrs = { .bank_count = 1 };
        struct evidence_eventlog_replay replay;

        /* The values cost a replay of their own: what a verifier is given, this has to make. */
        return evidence_eventlog_parse(bytes, &log, error) && evidence_eventlog_compute(&log, 0x000b, &pcrs.banks[0], error) &&
               evidence_eventlog_replay(&log, &pcrs, &replay, error) && evidence_boot_new(&log, &replay, &boot, error);
}

/* Microseconds of one run, or below zero if there is no such program or it failed. */
static double tool_us(const char *path)
{
        char *arguments[] = { (char *) "tpm2_eventlog", (char *) path, NULL };
        posix_spawn_file_actions_t actions;
        double started = now_us(), result = -1;
        int status;
        pid_t pid;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -1;
        if (posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0) == 0 &&
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0) == 0 &&
            posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ) == 0 && waitpid(pid, &status, 0) == pid &&
            WIFEXITED(status) && WEXITSTATUS(status) == 0)
                result = now_us() - started;
        (void) posix_spawn_file_actions_destroy(&actions);
        return result;
}

int main(int argc, char **argv)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_EVENTLOG_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        double started, ours, theirs = -1;

        if (argc != 2 || !base_file_read(argv[1], &bytes, &error)) {
                (void) fprintf(stderr, "usage: bench_eventlog LOG: %s\n", error.message);
                return 1;
        }
        started = now_us();
        for (unsigned i = 0; i < ROUNDS; i++)
                if (!take(base_buffer_bytes(&bytes), &error)) {
                        (void) fprintf(stderr, "%s\n", error.message);
                        return 1;
                }
        ours = (now_us() - started) / ROUNDS;
        for (unsigned i = 0; i < ROUNDS_TOOL; i++) {
                double one = tool_us(argv[1]);

                if (one >= 0 && (theirs < 0 || one < theirs))
                        theirs = one;
        }
        (void) printf("{\"figure\": \"event log: parse, replay twice, derive\", \"us\": %.1f, \"bytes\": %zu, "
                      "\"tpm2_eventlog_process_us\": ",
                      ours, bytes.len);
        (void) (theirs < 0 ? printf("null}\n") : printf("%.1f}\n", theirs));
        return 0;
}
