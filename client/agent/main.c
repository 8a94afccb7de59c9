/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-agent: options, set-up, loop, exit status. */
#include "base/bus.h"
#include "base/log.h"
#include "client/agent/agent.h"
#include "client/agent/sandbox.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#define EXIT_USAGE             2
#define DEFAULT_SYSTEM_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define SECONDS_MAX            86400

static const char usage[] = "usage: attester-agent [options]\n"
                            "  --session-bus ADDR     message bus to serve (default: the session bus)\n"
                            "  --system-bus ADDR      message bus of attesterd (default: the system bus)\n"
                            "  --ahead-delay SECONDS  fetch tokens ahead within so long (default 300, at least 20)\n"
                            "  --idle SECONDS         end when nothing is kept and nobody called for so long (default 600)\n"
                            "  --log-level LEVEL      error, warning, notice, info or debug\n"
                            "  --version, --help\n";

enum option_id {
        OPTION_SESSION_BUS = 256,
        OPTION_SYSTEM_BUS,
        OPTION_AHEAD_DELAY,
        OPTION_IDLE,
        OPTION_LOG_LEVEL,
        OPTION_VERSION,
        OPTION_HELP,
};

static const struct option long_options[] = {
        { "session-bus", required_argument, NULL, OPTION_SESSION_BUS },
        { "system-bus", required_argument, NULL, OPTION_SYSTEM_BUS },
        { "ahead-delay", required_argument, NULL, OPTION_AHEAD_DELAY },
        { "idle", required_argument, NULL, OPTION_IDLE },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
};

static bool set_seconds(const char *text, unsigned *ret)
{
        char *end = NULL;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || value > SECONDS_MAX) {
                (void) fprintf(stderr, "attester-agent: \"%s\" is not a number of seconds up to %d\n", text, SECONDS_MAX);
                return false;
        }
        *ret = (unsigned) value;
        return true;
}

static bool set_log_level(const char *name)
{
        enum base_log_level level;

        if (!base_log_level_from_string(name, &level)) {
                (void) fprintf(stderr, "attester-agent: there is no log level \"%s\"\n", name);
                return false;
        }
        base_log_set_level(level);
        return true;
}

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct agent_options *options, int *ret_status)
{
        for (;;) {
                *ret_status = EXIT_USAGE;
                switch (getopt_long(argc, argv, "", long_options, NULL)) {
                case -1:
                        if (optind == argc)
                                return true;
                        (void) fputs(usage, stderr);
                        return false;
                case OPTION_SESSION_BUS:
                        options->session_address = optarg;
                        break;
                case OPTION_SYSTEM_BUS:
                        options->system_address = optarg;
                        break;
                case OPTION_AHEAD_DELAY:
                        if (!set_seconds(optarg, &options->ahead_delay_max_s))
                                return false;
                        break;
                case OPTION_IDLE:
                        if (!set_seconds(optarg, &options->idle_s))
                                return false;
                        break;
                case OPTION_LOG_LEVEL:
                        if (!set_log_level(optarg))
                                return false;
                        break;
                case OPTION_VERSION:
                        *ret_status = puts("attester-agent " AGENT_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
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

/* libdbus would start programs for other kinds of addresses, and they would have the agent's group. */
static bool is_socket(const char *addresses)
{
        static const char prefix[] = "unix:";

        for (const char *address = addresses; address != NULL; address = strchr(address, ';')) {
                if (*address == ';')
                        address++;
                if (strncmp(address, prefix, strlen(prefix)) != 0)
                        return false;
        }
        return true;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void) info;
        (void) userdata;
        (void) sd_event_exit(sd_event_source_get_event(source), 0);
        return 0;
}

static bool handle_signals(sd_event *event)
{
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        return sd_event_add_signal(event, NULL, SIGTERM, on_terminate, NULL) >= 0 &&
               sd_event_add_signal(event, NULL, SIGINT, on_terminate, NULL) >= 0;
}

static void event_unref(sd_event **event)
{
        (void) sd_event_unref(*event);
}

static int run(const struct agent_options *options)
{
        BASE_CLEANUP(event_unref) sd_event *event = NULL;
        BASE_CLEANUP(agent_free_p) struct agent *agent = NULL;
        struct base_error error = BASE_ERROR_INIT;

        if (sd_event_new(&event) < 0 || !handle_signals(event)) {
                base_log(BASE_LOG_ERROR, "no event loop: out of memory or file descriptors");
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        }
        if (!agent_new(event, options, &base_system_clock, &base_system_random, &agent, &error)) {
                base_log_error(BASE_LOG_ERROR, &error, "cannot start");
                return base_error_exit_status(error.code);
        }
        if (sd_event_loop(event) < 0) {
                base_log(BASE_LOG_ERROR, "the event loop failed");
                return base_error_exit_status(BASE_ERROR_INTERNAL);
        }
        return agent->exit_status;
}

int main(int argc, char **argv)
{
        const char *system_address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        char space[BASE_BUS_ADDRESS_BYTES_MAX];
        struct agent_options options = {
                .session_address = base_bus_session_address(space, sizeof(space)),
                .system_address = system_address != NULL ? system_address : DEFAULT_SYSTEM_ADDRESS,
                .ahead_delay_max_s = AGENT_AHEAD_DELAY_MAX_S_DEFAULT,
                .idle_s = AGENT_IDLE_S_DEFAULT,
        };
        struct base_error error = BASE_ERROR_INIT;
        int status;

        if (!parse_options(argc, argv, &options, &status))
                return status;
        if (options.session_address == NULL) {
                base_log(BASE_LOG_ERROR, "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
                return base_error_exit_status(BASE_ERROR_DAEMON_UNREACHABLE);
        }
        if (agent_focus_is_believed() && !(is_socket(options.session_address) && is_socket(options.system_address))) {
                base_log(BASE_LOG_ERROR,
                         "a setgid attester-agent connects to Unix sockets only: an address has to begin with unix:");
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        }
        if (!agent_sandbox_enter(&error)) {
                base_log_error(BASE_LOG_ERROR, &error, "cannot start");
                return base_error_exit_status(error.code);
        }
        return run(&options);
}
