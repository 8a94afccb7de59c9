/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tpm/swtpm.h"

#include "tests/cmocka.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 10
#define WAIT_MAX_MS  20000
#define ARGS_MAX     32

static void pause_ms(long ms)
{
        struct timespec delay = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

        (void) nanosleep(&delay, NULL);
}

/* The child dies with the test, however that ends. */
static pid_t start(const char *const argv[], int output_fd)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (output_fd >= 0) {
                (void) dup2(output_fd, STDOUT_FILENO);
                (void) dup2(output_fd, STDERR_FILENO);
        }
        (void) execvp(argv[0], (char *const *) argv);
        _exit(127);
}

/* The exit status, or -1 if a signal ended it; ends it itself after WAIT_MAX_MS. */
static int finish(pid_t pid)
{
        int status;

        for (long waited = 0; waitpid(pid, &status, WNOHANG) == 0; waited += WAIT_STEP_MS) {
                if (waited >= WAIT_MAX_MS)
                        (void) kill(pid, SIGKILL);
                pause_ms(WAIT_STEP_MS);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void end_process(pid_t *pid)
{
        if (*pid > 0) {
                (void) kill(*pid, SIGTERM);
                (void) finish(*pid);
        }
        *pid = -1;
}

/* -1: nothing listens there. */
static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
        (void) strcpy(address.sun_path, path);
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0)
                return fd;
        (void) close(fd);
        return -1;
}

static bool listens(const char *path)
{
        int fd = connect_to(path);

        if (fd >= 0)
                (void) close(fd);
        return fd >= 0;
}

/* The data socket alone says little: swtpm takes one client at a time and a look at it would be that one. */
static void wait_for_socket(const char *path, pid_t pid)
{
        char control[128];

        (void) snprintf(control, sizeof(control), "%s.ctrl", path);
        /* swtpm listens on the control socket first. */
        for (long waited = 0; !listens(control) || !listens(path); waited += WAIT_STEP_MS) {
                if (waited >= WAIT_MAX_MS || waitpid(pid, NULL, WNOHANG) != 0)
                        fail_msg("nothing listens on %s and %s", path, control);
                pause_ms(WAIT_STEP_MS);
        }
}

int swtpm_command(const struct swtpm *tpm, char *output, size_t output_len, const char *const argv[])
{
        char path[96] = "/dev/null";
        int fd, status;

        if (output != NULL)
                (void) snprintf(path, sizeof(path), "%s/output", tpm->directory);
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        (void) setenv("TPM2TOOLS_TCTI", tpm->tcti, 1);
        status = finish(start(argv, fd));
        if (output != NULL) {
                ssize_t got = pread(fd, output, output_len - 1, 0);

                output[got > 0 ? got : 0] = '\0';
        }
        (void) close(fd);
        return status;
}

static void write_file(const char *directory, const char *name, const char *text)
{
        char path[160];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

#define SETUP_ARGUMENTS_MAX 32

static void make_certificates(const struct swtpm *tpm, const char *const options[])
{
        const char *argv[SETUP_ARGUMENTS_MAX] = { "swtpm_setup", "--tpm2", "--create-ek-cert" };
        size_t count = 3;
        char text[1024], config[96], state[96], output[4096];

        (void) snprintf(text, sizeof(text),
                        "statedir = %s/ca\nsigningkey = %s/ca/signkey.pem\nissuercert = %s/ca/issuercert.pem\ncertserial = "
                        "%s/ca/certserial\n",
                        tpm->directory, tpm->directory, tpm->directory, tpm->directory);
        write_file(tpm->directory, "localca.conf", text);
        write_file(tpm->directory, "localca.options",
                   "--platform-manufacturer test\n--platform-version 1\n--platform-model test\n");
        (void) snprintf(text, sizeof(text),
                        "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = %s/localca.conf\n"
                        "create_certs_tool_options = %s/localca.options\n",
                        tpm->directory, tpm->directory);
        write_file(tpm->directory, "setup.conf", text);
        (void) snprintf(config, sizeof(config), "%s/setup.conf", tpm->directory);
        (void) snprintf(state, sizeof(state), "%s/state", tpm->directory);
        argv[count++] = "--tpm-state";
        argv[count++] = state;
        argv[count++] = "--config";
        argv[count++] = config;
        while (*options != NULL && count < SETUP_ARGUMENTS_MAX - 1)
                argv[count++] = *options++;
        if (swtpm_command(tpm, output, sizeof(output), argv) != 0)
                fail_msg("swtpm_setup: %s", output);
}

void swtpm_run(struct swtpm *tpm)
{
        char state[96], server[128], control[144], log[96];
        int log_fd;

        (void) snprintf(state, sizeof(state), "dir=%s/state", tpm->directory);
        (void) snprintf(server, sizeof(server), "type=unixio,path=%s", tpm->socket);
        (void) snprintf(control, sizeof(control), "type=unixio,path=%s.ctrl", tpm->socket);
        (void) snprintf(log, sizeof(log), "%s/log", tpm->directory);
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        tpm->pid = start((const char *const[]){ "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl",
                                                control, "--flags", "startup-clear", NULL },
                         log_fd);
        (void) close(log_fd);
        wait_for_socket(tpm->socket, tpm->pid);
}

static void make_directory(struct swtpm *tpm)
{
        char state[96];

        *tpm = (struct swtpm){ .directory = "/tmp/attesterd-swtpm-XXXXXX", .pid = -1 };
        assert_non_null(mkdtemp(tpm->directory));
        (void) snprintf(state, sizeof(state), "%s/state", tpm->directory);
        assert_int_equal(mkdir(state, 0700), 0);
        (void) snprintf(tpm->socket, sizeof(tpm->socket), "%s/tpm", tpm->directory);
        (void) snprintf(tpm->tcti, sizeof(tpm->tcti), "swtpm:path=%s", tpm->socket);
}

void swtpm_start_with(struct swtpm *tpm, const char *const options[])
{
        make_directory(tpm);
        make_certificates(tpm, options);
        swtpm_run(tpm);
}

void swtpm_start(struct swtpm *tpm, bool certificates)
{
        make_directory(tpm);
        if (certificates)
                make_certificates(tpm, (const char *const[]){ NULL });
        swtpm_run(tpm);
}

void swtpm_stop(struct swtpm *tpm)
{
        end_process(&tpm->pid);
}

void swtpm_restart(struct swtpm *tpm)
{
        swtpm_stop(tpm);
        swtpm_run(tpm);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
        return remove(path);
}

void swtpm_end(struct swtpm *tpm)
{
        swtpm_stop(tpm);
        (void) nftw(tpm->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void swtpm_extend(const struct swtpm *tpm, unsigned pcr)
{
        char argument[96], output[1024];

        (void) snprintf(argument, sizeof(argument), "%u:sha256=%064x", pcr, 0x5au);
        if (swtpm_command(tpm, output, sizeof(output), (const char *const[]){ "tpm2_pcrextend", argument, NULL }) != 0)
                fail_msg("tpm2_pcrextend: %s", output);
}

void swtpm_proxy_start(struct swtpm_proxy *proxy, const struct swtpm *tpm, const char *const options[])
{
        const char *argv[ARGS_MAX] = { "python3",  getenv("ATTESTER_TCTI_PROXY"),
                                       "--listen", proxy->socket,
                                       "--tpm",    tpm->socket,
                                       "--report", proxy->report };
        size_t count = 8;
        char plan[128];
        int log_fd;

        assert_non_null(argv[1]);
        (void) snprintf(proxy->socket, sizeof(proxy->socket), "%s/proxy", tpm->directory);
        (void) snprintf(proxy->tcti, sizeof(proxy->tcti), "swtpm:path=%s", proxy->socket);
        (void) snprintf(proxy->report, sizeof(proxy->report), "%s/report.json", tpm->directory);
        for (size_t i = 0; options[i] != NULL; i++) {
                assert_true(count + 1 < ARGS_MAX);
                argv[count++] = options[i];
        }
        log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        proxy->pid = start(argv, log_fd);
        (void) close(log_fd);
        wait_for_socket(proxy->socket, proxy->pid);
        (void) snprintf(plan, sizeof(plan), "%s.plan", proxy->socket);
        for (long waited = 0; !listens(plan) && waited < WAIT_MAX_MS; waited += WAIT_STEP_MS)
                pause_ms(WAIT_STEP_MS);
}

void swtpm_proxy_stop(struct swtpm_proxy *proxy)
{
        end_process(&proxy->pid);
}

void swtpm_proxy_plan(const struct swtpm_proxy *proxy, const char *options, char *report, size_t report_len)
{
        struct timeval timeout = { .tv_sec = WAIT_MAX_MS / 1000 };
        char path[128], line[512], answer[4096];
        size_t got = 0;
        int fd;

        (void) snprintf(path, sizeof(path), "%s.plan", proxy->socket);
        (void) snprintf(line, sizeof(line), "%s\n", options);
        fd = connect_to(path);
        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
        assert_int_equal(write(fd, line, strlen(line)), (ssize_t) strlen(line));
        while (got == 0 || answer[got - 1] != '\n') {
                ssize_t more = read(fd, answer + got, sizeof(answer) - 1 - got);

                if (more <= 0)
                        fail_msg("the proxy does not take the plan \"%s\"", options);
                got += (size_t) more;
        }
        (void) close(fd);
        answer[got] = '\0';
        if (report != NULL)
                (void) snprintf(report, report_len, "%s", answer);
}
