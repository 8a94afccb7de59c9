/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-native-host: options, who calls, set-up, loop, exit status. */
#include "base/bus.h"
#include "base/log.h"
#include "client/nativehost/config.h"
#include "client/nativehost/host.h"

#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>

#define EXIT_USAGE 2

static const char usage[] = "usage: attester-native-host [options] CALLER...\n"
                            "A browser starts it, and names the extension that calls.\n"
                            "  --config FILE       which extensions may call (default: " NATIVEHOST_CONFIG_FILE ")\n"
                            "  --session-bus ADDR  message bus of attester-agent (default: the session bus)\n"
                            "  --version, --help\n";

struct options {
        const char *config_file;
        const char *session_address;
};

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *options, int *ret_status)
{
        static const struct option long_options[] = {
                { "config", required_argument, NULL, 'c' },
                { "session-bus", required_argument, NULL, 's' },
                { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };

        for (;;) {
                *ret_status = EXIT_USAGE;
                switch (getopt_long(argc, argv, "+", long_options, NULL)) {
                case -1:
                        return true;
                case 'c':
                        options->config_file = optarg;
                        break;
                case 's':
                        options->session_address = optarg;
                        break;
                case 'v':
                        *ret_status = puts("attester-native-host " NATIVEHOST_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                        return false;
                case 'h':
                        *ret_status = fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                        return false;
                default:
                        (void) fputs(usage, stderr);
                        return false;
                }
        }
}

static void event_unref(sd_event **event)
{
        (void) sd_event_unref(*event);
}

/* Whether this process may serve the caller, and is fit to. */
static bool prepare(const struct options *options, size_t count, char **arguments, struct base_error *error)
{
        struct nativehost_config config;

        if (options->session_address == NULL)
                return base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE,
                                      "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
        /* No core dumps, and no looking into this process by the user's other programs: tokens pass through it. */
        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return base_error_set(error, BASE_ERROR_INTERNAL, "the kernel does not let this process hide its memory");
        return nativehost_config_read(options->config_file, &config, error) &&
               nativehost_config_check_caller(&config, count, arguments, error);
}

/* Serves, or tells each request why not, until the browser closes its pipe. Returns the exit status. */
static int serve(const struct options *options, const struct base_error *refusal)
{
        BASE_CLEANUP(event_unref) sd_event *event = NULL;
        BASE_CLEANUP(nativehost_free_p) struct nativehost *host = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int status;

        if (sd_event_new(&event) < 0) {
                (void) base_error_set_no_memory(&error);
        } else if (nativehost_new(event, options->session_address, STDIN_FILENO, STDOUT_FILENO, refusal, &host, &error)) {
                status = sd_event_loop(event);
                if (status >= 0) {
                        error = *nativehost_failure(host);
                } else {
                        (void) base_error_set_errno(&error, -status, "the event loop");
                }
        }
        if (error.code != BASE_ERROR_NONE)
                base_log_error(BASE_LOG_ERROR, &error, "cannot serve the browser");
        return base_error_exit_status(error.code);
}

int main(int argc, char **argv)
{
        char space[BASE_BUS_ADDRESS_BYTES_MAX];
        struct options options = {
                .config_file = NATIVEHOST_CONFIG_FILE,
                .session_address = base_bus_session_address(space, sizeof(space)),
        };
        struct base_error refusal = BASE_ERROR_INIT;
        int status;

        if (!parse_options(argc, argv, &options, &status))
                return status;
        (void) signal(SIGPIPE, SIG_IGN);
        (void) prepare(&options, (size_t) (argc - optind), argv + optind, &refusal);
        return serve(&options, &refusal);
}
