/* SPDX-License-Identifier: BSD-2-Clause */
/* attesterd: options, set-up, loop, exit status. */
#include "attesterd/daemon.h"
#include "attesterd/window.h"
#include "base/log.h"
#include "base/privilege.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define EXIT_USAGE          2
#define DEFAULT_CONFIG_DIR  "/etc/attesterd"
#define DEFAULT_STATE_DIR   "/var/lib/attesterd"
#define DEFAULT_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

static const char usage[] = "usage: attesterd [options]\n"
                            "  --config-dir DIR    configuration (default " DEFAULT_CONFIG_DIR ")\n"
                            "  --state-dir DIR     state (default " DEFAULT_STATE_DIR ")\n"
                            "  --root DIR          stands for / where posture and policy are read\n"
                            "  --tcti TCTI         TPM, in place of the configuration's\n"
                            "  --net-program PATH  attester-net (default " ATTESTERD_NET_PROGRAM ")\n"
                            "  --net-socket PATH   attester-net listens there already, in place of --net-program\n"
                            "  --bus-address ADDR  message bus (default: the system bus)\n"
                            "  --focus-group GROUP of attester-agent (default " ATTESTERD_FOCUS_GROUP ")\n"
                            "  --log-level LEVEL   error, warning, notice, info or debug\n"
                            "  --allow-root        start as root, for tests\n"
                            "  --version, --help\n";

enum option_id {
        OPTION_CONFIG_DIR = 256,
        OPTION_STATE_DIR,
        OPTION_ROOT,
        OPTION_TCTI,
        OPTION_NET_PROGRAM,
        OPTION_NET_SOCKET,
        OPTION_BUS_ADDRESS,
        OPTION_FOCUS_GROUP,
        OPTION_LOG_LEVEL,
        OPTION_ALLOW_ROOT,
        OPTION_VERSION,
        OPTION_HELP,
};

static const struct option long_options[] = {
        { "config-dir", required_argument, NULL, OPTION_CONFIG_DIR },
        { "state-dir", required_argument, NULL, OPTION_STATE_DIR },
        { "root", required_argument, NULL, OPTION_ROOT },
        { "tcti", required_argument, NULL, OPTION_TCTI },
        { "net-program", required_argument, NULL, OPTION_NET_PROGRAM },
        { "net-socket", required_argument, NULL, OPTION_NET_SOCKET },
        { "bus-address", required_argument, NULL, OPTION_BUS_ADDRESS },
        { "focus-group", required_argument, NULL, OPTION_FOCUS_GROUP },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "allow-root", no_argument, NULL, OPTION_ALLOW_ROOT },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
};

static bool set_log_level(const char *name)
{
        enum base_log_level level;

        if (!base_log_level_from_string(name, &level)) {
                (void) fprintf(stderr, "attesterd: there is no log level \"%s\"\n", name);
                return false;
        }
        base_log_set_level(level);
        return true;
}

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct attesterd_options *options, int *ret_status)
{
        for (;;) {
                *ret_status = EXIT_USAGE;
                switch (getopt_long(argc, argv, "", long_options, NULL)) {
                case -1:
                        if (optind == argc)
                                return true;
                        (void) fputs(usage, stderr);
                        return false;
                case OPTION_CONFIG_DIR:
                        options->config_dir = optarg;
                        break;
                case OPTION_STATE_DIR:
                        options->state_dir = optarg;
                        break;
                case OPTION_ROOT:
                        options->root = optarg;
                        break;
                case OPTION_TCTI:
                        options->tcti = optarg;
                        break;
                case OPTION_NET_PROGRAM:
                        options->net_program = optarg;
                        break;
                case OPTION_NET_SOCKET:
                        options->net_socket = optarg;
                        break;
                case OPTION_BUS_ADDRESS:
                        options->bus_address = optarg;
                        break;
                case OPTION_FOCUS_GROUP:
                        options->focus_group = optarg;
                        break;
                case OPTION_LOG_LEVEL:
                        if (!set_log_level(optarg))
                                return false;
                        break;
                case OPTION_ALLOW_ROOT:
                        options->allow_root = true;
                        break;
                case OPTION_VERSION:
                        *ret_status = puts("attesterd " ATTESTERD_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                        return false;
                case OPTION_HELP:
                        *ret_status = fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                        return false;
                default:
                        (void) fputs(usage, stderr);
                        return false;
                }
        }
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void) source;
        (void) info;
        (void) attesterd_daemon_reload(userdata, NULL);
        return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void) info;
        (void) userdata;
        base_log(BASE_LOG_NOTICE, "stopping");
        (void) sd_notify(0, "STOPPING=1\nSTATUS=Stopping.");
        (void) sd_event_exit(sd_event_source_get_event(source), 0);
        return 0;
}

static bool handle_signals(sd_event *event, struct attesterd_daemon *daemon)
{
        return sd_event_add_signal(event, NULL, SIGHUP, on_hangup, daemon) >= 0 &&
               sd_event_add_signal(event, NULL, SIGTERM, on_terminate, NULL) >= 0 &&
               sd_event_add_signal(event, NULL, SIGINT, on_terminate, NULL) >= 0;
}

/* Blocked before the worker's thread starts, so that signals reach the loop alone. */
static void block_signals(void)
{
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGHUP);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
}

static void event_unref(sd_event **event)
{
        (void) sd_event_unref(*event);
}

int main(int argc, char **argv)
{
        const char *environment_address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        struct attesterd_options options = {
                .config_dir = DEFAULT_CONFIG_DIR,
                .state_dir = DEFAULT_STATE_DIR,
                .root = "",
                .net_program = ATTESTERD_NET_PROGRAM,
                .focus_group = ATTESTERD_FOCUS_GROUP,
                .bus_address = environment_address != NULL ? environment_address : DEFAULT_BUS_ADDRESS,
        };
        BASE_CLEANUP(event_unref) sd_event *event = NULL;
        BASE_CLEANUP(attesterd_daemon_free_p) struct attesterd_daemon *daemon = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int status;

        if (!parse_options(argc, argv, &options, &status))
                return status;
        block_signals();
        if (sd_event_new(&event) < 0) {
                base_log(BASE_LOG_ERROR, "no event loop: out of memory or file descriptors");
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        }
        if (!base_privilege_refuse_root(options.allow_root, &error) ||
            !attesterd_daemon_new(event, &options, &base_system_clock, &base_system_random, &daemon, &error)) {
                base_log_error(BASE_LOG_ERROR, &error, "cannot start");
                return base_error_exit_status(error.code);
        }
        if (!handle_signals(event, daemon) || sd_event_loop(event) < 0) {
                base_log(BASE_LOG_ERROR, "the event loop failed");
                return base_error_exit_status(BASE_ERROR_INTERNAL);
        }
        return daemon->exit_status;
}
