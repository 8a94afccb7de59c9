/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-agent: options, set-up, loop, exit status. */
#include "base/bus.h"
#include "base/log.h"
#include "base/program.h"
#include "client/agent/agent.h"
#include "client/agent/sandbox.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_SYSTEM_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define SECONDS_MAX            86400

static bool set_seconds(const char *text, void *to)
{
        char *end = NULL;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || value > SECONDS_MAX) {
                (void) fprintf(stderr, "attester-agent: \"%s\" is not a number of seconds up to %d\n", text, SECONDS_MAX);
                return false;
        }
        *(unsigned *) to = (unsigned) value;
        return true;
}

static bool set_notices(const char *text, void *to)
{
        *(bool *) to = strcmp(text, "refused") == 0;
        if (*(bool *) to || strcmp(text, "never") == 0)
                return true;
        (void) fprintf(stderr, "attester-agent: \"%s\" is neither refused nor never\n", text);
        return false;
}

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct agent_options *options, int *ret_status)
{
        const struct base_option known[] = {
                { 0, "session-bus", "ADDR", "message bus to serve (default: the session bus)", base_option_set_text,
                  &options->session_address },
                { 0, "system-bus", "ADDR", "message bus of attesterd (default: the system bus)", base_option_set_text,
                  &options->system_address },
                { 0, "ahead-delay", "SECONDS", "fetch tokens ahead within so long (default 300, at least 20)", set_seconds,
                  &options->ahead_delay_max_s },
                { 0, "idle", "SECONDS", "end when nothing is kept and nobody called for so long (default 600)", set_seconds,
                  &options->idle_s },
                { 0, "notices", "WHEN", "refused: tell the person what to do (default); never", set_notices, &options->notices },
                BASE_OPTION_LOG_LEVEL,
        };
        const struct base_program program = {
                .name = "attester-agent",
                .version = AGENT_VERSION,
                .about = "Answers websites' challenges for the programs of one user; see attester-agent(1).\n",
                .options = known,
                .option_count = BASE_COUNT(known),
        };

        return base_program_parse(&program, argc, argv, ret_status);
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

static int run(const struct agent_options *options)
{
        base_auto_event sd_event *event = NULL;
        BASE_CLEANUP(agent_free_p) struct agent *agent = NULL;
        struct base_error error = BASE_ERROR_INIT;

        if (!base_program_event_new(&event, &error) ||
            !agent_new(event, options, &base_system_clock, &base_system_random, &agent, &error)) {
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
                .notices = true,
                .state_home = getenv("XDG_STATE_HOME"),
                .home = getenv("HOME"),
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
