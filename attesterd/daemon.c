/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/daemon.h"

#include "attesterd/event_log.h"
#include "attesterd/interface.h"
#include "base/log.h"
#include "base/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

static bool open_directories(struct attesterd_daemon *daemon, struct base_error *error)
{
        const char *root = daemon->options.root[0] == '\0' ? "/" : daemon->options.root;

        daemon->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (daemon->root_fd < 0)
                return base_error_set_errno(error, errno, "cannot open the directory %s", root);
        daemon->state_dir_fd = open(daemon->options.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (daemon->state_dir_fd < 0)
                return base_error_set_errno(error, errno, "cannot open the state directory %s", daemon->options.state_dir);
        return base_privilege_check_private(daemon->state_dir_fd, daemon->options.state_dir, error);
}

/* ---- the bus ---- */

static void on_call(void *context, DBusMessage *message)
{
        attesterd_interface_dispatch(context, message);
}

static void on_call_start(void *context, struct attesterd_call *call)
{
        struct attesterd_daemon *daemon = context;

        attesterd_memory_note_work(daemon->memory);
        attesterd_interface_run(daemon, call);
}

static void on_peer_gone(void *context, const char *unique_name)
{
        struct attesterd_daemon *daemon = context;

        attesterd_callers_peer_gone(daemon->callers, unique_name);
}

static void on_bus_up(void *context)
{
        (void) context;
        base_log(BASE_LOG_NOTICE, "on the bus as " ATTESTERD_BUS_NAME);
        (void) sd_notify(0, "READY=1\nSTATUS=Serving.");
}

static void on_bus_down(void *context)
{
        struct attesterd_daemon *daemon = context;

        base_log(BASE_LOG_WARNING, "the message bus is gone; connecting again");
        (void) sd_notify(0, "STATUS=Waiting for the message bus.");
        attesterd_callers_forget_all(daemon->callers, NULL);
        attesterd_refusals_forget(daemon->refusals);
        attesterd_login_down(daemon->login);
        attesterd_fwupd_down(daemon->fwupd);
        attesterd_lid_down(daemon->lid);
        attesterd_packagekit_down(daemon->packagekit);
}

static void on_signal(void *context, DBusMessage *message)
{
        struct attesterd_daemon *daemon = context;

        attesterd_login_signal(daemon->login, message);
        attesterd_fwupd_signal(daemon->fwupd, message);
        attesterd_lid_signal(daemon->lid, message);
        attesterd_packagekit_signal(daemon->packagekit, message);
}

static void on_bus_failed(void *context, const struct base_error *error)
{
        (void) context;
        base_log_error(BASE_LOG_WARNING, error, "the message bus");
}

static void on_bus_refused(void *context, const struct base_error *error)
{
        struct attesterd_daemon *daemon = context;

        base_log_error(BASE_LOG_ERROR, error, "the message bus");
        daemon->exit_status = base_error_exit_status(error->code);
        (void) sd_event_exit(daemon->event, 0);
}

static bool start_bus(struct attesterd_daemon *daemon, struct base_error *error)
{
        const struct base_bus_events events = {
                .call = on_call,
                .peer_gone = on_peer_gone,
                .signal = on_signal,
                .up = on_bus_up,
                .down = on_bus_down,
                .refused = on_bus_refused,
                .failed = on_bus_failed,
                .context = daemon,
        };

        return attesterd_memory_new(daemon->event, &daemon->memory, error) &&
               attesterd_limits_new(&daemon->config->limits, daemon->clock, &daemon->limits, error) &&
               attesterd_properties_new(daemon, &daemon->properties, error) &&
               base_bus_new(daemon->event, daemon->options.bus_address, ATTESTERD_BUS_NAME, &events, &daemon->bus, error) &&
               attesterd_login_new(daemon->bus, daemon->clock, &daemon->login, error) &&
               attesterd_fwupd_new(daemon->bus, daemon->clock, &daemon->fwupd, error) &&
               attesterd_lid_new(daemon->bus, daemon->clock, &daemon->lid, error) &&
               attesterd_packagekit_new(daemon->bus, daemon->clock, &daemon->packagekit, error) &&
               attesterd_refusals_new(daemon->event, daemon->bus, &daemon->refusals, error) &&
               attesterd_callers_new(daemon->bus, daemon->limits, daemon->refusals, daemon->clock, on_call_start, daemon,
                                     &daemon->callers, error);
}

/* The machine's own files, and not a directory service: who could answer in its name could say what is in focus. */
static bool find_group(const char *name, gid_t *ret)
{
        static const char *const paths[] = { "/etc/group", "/usr/lib/group" };
        bool found = false;

        for (size_t i = 0; i < BASE_COUNT(paths) && !found; i++) {
                base_auto_fclose FILE *file = fopen(paths[i], "re");
                const struct group *group;

                while (file != NULL && !found && (group = fgetgrent(file)) != NULL) {
                        found = strcmp(group->gr_name, name) == 0 && group->gr_gid != 0;
                        if (found)
                                *ret = group->gr_gid;
                }
        }
        return found;
}

/* A system without the group has no agent that sees windows. */
static void set_focus_group(struct attesterd_daemon *daemon)
{
        gid_t group = 0;

        if (find_group(daemon->options.focus_group, &group))
                attesterd_callers_set_focus_group(daemon->callers, group);
        else
                base_log(BASE_LOG_INFO, "there is no group %s: nobody can tell which window is in focus",
                         daemon->options.focus_group);
}

void attesterd_daemon_announce(struct attesterd_daemon *daemon)
{
        DBusMessage *signal = attesterd_properties_changes(daemon->properties);

        if (signal == NULL)
                return;
        base_bus_send(daemon->bus, signal);
        dbus_message_unref(signal);
}

/* ---- the TPM and attester-net ---- */

static void on_tpm_changed(void *context, const struct tpm_status *status)
{
        struct attesterd_daemon *daemon = context;

        if (status->state == TPM_STATE_UNAVAILABLE)
                base_log_event(BASE_EVENT_TPM_UNAVAILABLE, BASE_LOG_NO_FIELDS, &status->reason, "the TPM is unavailable");
        else if (status->seal == TPM_SEAL_SEALED)
                base_log_event(BASE_EVENT_SEALED, BASE_LOG_NO_FIELDS, &status->seal_reason, "the attestation key is sealed");
        else if (daemon->tpm_failed)
                base_log_event(BASE_EVENT_TPM_RECOVERED, BASE_LOG_NO_FIELDS, NULL, "the TPM is ready again");
        else
                base_log(BASE_LOG_INFO, "the TPM is ready");
        attesterd_facts_note_tpm(daemon->facts);
        daemon->tpm_failed = status->state == TPM_STATE_UNAVAILABLE;
        if (status->state == TPM_STATE_READY)
                attesterd_bundles_tpm_ready(daemon->bundles);
        attesterd_daemon_announce(daemon);
}

static int on_worker(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void) source;
        (void) fd;
        (void) revents;
        tpm_worker_dispatch(userdata);
        return 0;
}

static bool quote(void *context, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN], tpm_quote_callback *callback,
                  void *callback_context, struct base_error *error)
{
        return tpm_worker_quote(context, qualifying_data, callback, callback_context, error);
}

static void on_first_status(void *context, const struct tpm_status *status, const struct base_error *error)
{
        (void) context;
        (void) status;
        (void) error;
}

static bool start_tpm(struct attesterd_daemon *daemon, struct base_error *error)
{
        const struct tpm_worker_config config = {
                .tcti = daemon->options.tcti != NULL ? daemon->options.tcti : daemon->config->tcti,
                .state_dir_fd = daemon->state_dir_fd,
                .seal = daemon->config->seal,
                .seal_pcrs = daemon->config->seal_pcrs,
                .quote_pcrs = daemon->config->quote_pcrs,
                .changed = on_tpm_changed,
                .context = daemon,
        };
        const struct posture_sources sources = {
                .root_fd = daemon->root_fd,
                .trusted_uid = 0,
                .clock = daemon->clock,
        };
        struct attesterd_quoter quoter = { .quote = quote };

        if (!tpm_worker_new(&config, &daemon->worker, error))
                return false;
        quoter.context = daemon->worker;
        if (sd_event_add_io(daemon->event, &daemon->worker_source, tpm_worker_fd(daemon->worker), EPOLLIN, on_worker,
                            daemon->worker) < 0)
                return base_error_set_no_memory(error);
        /* So that the properties tell the TPM's state before anybody has needed it. */
        return attesterd_facts_new(daemon->event, daemon->clock, &sources, daemon->worker, &daemon->facts, error) &&
               attesterd_batcher_new(daemon->event, daemon->clock, &quoter, &daemon->batcher, error) &&
               tpm_worker_status(daemon->worker, on_first_status, NULL, error);
}

static void on_net_exit(void *context, const struct base_error *error)
{
        (void) context;
        base_log_event(BASE_EVENT_NET_ENDED, BASE_LOG_NO_FIELDS, error, "attester-net");
}

static bool start_net(struct attesterd_daemon *daemon, struct base_error *error)
{
        const struct net_client_options options = {
                .program = daemon->options.net_program,
                .socket = daemon->options.net_socket,
                .proxy_from_environment = true,
                .on_exit = on_net_exit,
                .on_exit_context = daemon,
        };

        if (!net_client_new(daemon->event, &options, &daemon->net, error))
                return false;
        daemon->transport = net_client_transport(daemon->net);
        return attesterd_outbox_init(&daemon->outbox, daemon->event, &daemon->transport, daemon->clock, error);
}

/* ---- life ---- */

bool attesterd_daemon_new(sd_event *event, const struct attesterd_options *options, const struct base_clock *clock,
                          const struct base_random *random, struct attesterd_daemon **ret, struct base_error *error)
{
        struct attesterd_daemon *daemon = calloc(1, sizeof(*daemon));

        if (daemon == NULL)
                return base_error_set_no_memory(error);
        *daemon = (struct attesterd_daemon){
                .options = *options,
                .event = sd_event_ref(event),
                .clock = clock,
                .random = random,
                .root_fd = -1,
                .state_dir_fd = -1,
        };
        if (!open_directories(daemon, error) || !attesterd_bundles_new(daemon, &daemon->bundles, error) ||
            !attesterd_bundle_fetch_new(daemon, &daemon->bundle_fetch, error) ||
            !attesterd_grace_new(daemon->state_dir_fd, clock, random, &daemon->grace, error) || !start_net(daemon, error) ||
            !attesterd_daemon_load_config(daemon, error) || !start_tpm(daemon, error) || !start_bus(daemon, error)) {
                attesterd_daemon_free(daemon);
                return false;
        }
        set_focus_group(daemon);
        (void) attesterd_daemon_reload_policy(daemon);
        attesterd_bundle_fetch_configure(daemon->bundle_fetch, false);
        *ret = daemon;
        return true;
}

void attesterd_daemon_free(struct attesterd_daemon *daemon)
{
        struct base_error stopping = BASE_ERROR_INIT;

        if (daemon == NULL)
                return;
        (void) base_error_set(&stopping, BASE_ERROR_CANCELLED, "the attester is stopping; retry in a moment");
        if (daemon->callers != NULL)
                attesterd_callers_forget_all(daemon->callers, &stopping);
        attesterd_event_logs_clear(daemon);
        (void) sd_event_source_disable_unref(daemon->worker_source);
        tpm_worker_free(daemon->worker);
        attesterd_bundle_fetch_free(daemon->bundle_fetch);
        attesterd_bundles_free(daemon->bundles);
        attesterd_batcher_free(daemon->batcher);
        attesterd_facts_free(daemon->facts);
        attesterd_issuers_free(daemon->issuers, daemon->issuer_count);
        attesterd_outbox_clear(&daemon->outbox);
        net_client_free(daemon->net);
        attesterd_callers_free(daemon->callers);
        attesterd_refusals_free(daemon->refusals);
        attesterd_login_free(daemon->login);
        attesterd_fwupd_free(daemon->fwupd);
        attesterd_lid_free(daemon->lid);
        attesterd_packagekit_free(daemon->packagekit);
        base_bus_free(daemon->bus);
        attesterd_properties_free(daemon->properties);
        attesterd_limits_free(daemon->limits);
        attesterd_memory_free(daemon->memory);
        policy_free(daemon->policy);
        attesterd_grace_free(daemon->grace);
        attesterd_config_free(daemon->config);
        base_close_p(&daemon->root_fd);
        base_close_p(&daemon->state_dir_fd);
        (void) sd_event_unref(daemon->event);
        free(daemon);
}

uint64_t attesterd_daemon_now_ms(const struct attesterd_daemon *daemon)
{
        return daemon->clock->monotonic_ms(daemon->clock->context);
}
