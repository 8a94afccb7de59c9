/* SPDX-License-Identifier: BSD-2-Clause */
/* attesterd: options, set-up, loop, exit status. */
#include "attesterd/daemon.h"
#include "attesterd/window.h"
#include "base/log.h"
#include "base/privilege.h"
#include "base/program.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#define DEFAULT_CONFIG_DIR  "/etc/attesterd"
#define DEFAULT_STATE_DIR   "/var/lib/attesterd"
#define DEFAULT_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct attesterd_options *options, int *ret_status)
{
        const struct base_option known[] = {
                { 0, "config-dir", "DIR", "configuration (default " DEFAULT_CONFIG_DIR ")", base_option_set_text,
                  &options->config_dir },
                { 0, "state-dir", "DIR", "state (default " DEFAULT_STATE_DIR ")", base_option_set_text, &options->state_dir },
                { 0, "root", "DIR", "stands for / where posture and policy are read", base_option_set_text, &options->root },
                { 0, "tcti", "TCTI", "TPM, in place of the configuration's", base_option_set_text, &options->tcti },
                { 0, "net-program", "PATH", "attester-net (default " ATTESTERD_NET_PROGRAM ")", base_option_set_text,
                  &options->net_program },
                { 0, "net-socket", "PATH", "attester-net listens there already, in place of --net-program", base_option_set_text,
                  &options->net_socket },
                { 0, "bus-address", "ADDR", "message bus (default: the system bus)", base_option_set_text,
                  &options->bus_address },
                { 0, "focus-group", "GROUP", "of attester-agent (default " ATTESTERD_FOCUS_GROUP ")", base_option_set_text,
                  &options->focus_group },
                BASE_OPTION_LOG_LEVEL,
                { 0, "allow-root", NULL, "start as root, for tests", base_option_set_true, &options->allow_root },
        };
        const struct base_program program = {
                .name = "attesterd",
                .version = ATTESTERD_VERSION,
                .about = "Attests this device to issuers; see attesterd(8).\n",
                .options = known,
                .option_count = BASE_COUNT(known),
        };

        return base_program_parse(&program, argc, argv, ret_status);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void) source;
        (void) info;
        (void) attesterd_daemon_reload(userdata, NULL);
        return 0;
}

/* Blocked before the worker's thread starts, so that it reaches the loop alone. */
static void block_hangup(void)
{
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
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
        base_auto_event sd_event *event = NULL;
        BASE_CLEANUP(attesterd_daemon_free_p) struct attesterd_daemon *daemon = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int status;

        if (!parse_options(argc, argv, &options, &status))
                return status;
        block_hangup();
        if (!base_privilege_refuse_root(options.allow_root, &error) || !base_program_event_new(&event, &error) ||
            !attesterd_daemon_new(event, &options, &base_system_clock, &base_system_random, &daemon, &error)) {
                base_log_error(BASE_LOG_ERROR, &error, "cannot start");
                return base_error_exit_status(error.code);
        }
        if (sd_event_add_signal(event, NULL, SIGHUP, on_hangup, daemon) < 0 || sd_event_loop(event) < 0) {
                base_log(BASE_LOG_ERROR, "the event loop failed");
                return base_error_exit_status(BASE_ERROR_INTERNAL);
        }
        base_log(BASE_LOG_NOTICE, "stopping");
        (void) sd_notify(0, "STOPPING=1\nSTATUS=Stopping.");
        return daemon->exit_status;
}
