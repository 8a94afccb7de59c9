/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon as a whole: what its parts share, how they are put together, reloaded and taken apart. Used by attesterd; may
 * be included by attesterd/.
 */
#pragma once

#include "attesterd/batch.h"
#include "attesterd/bundle.h"
#include "attesterd/bundle_fetch.h"
#include "attesterd/call.h"
#include "attesterd/facts.h"
#include "attesterd/fwupd.h"
#include "attesterd/grace.h"
#include "attesterd/issuer.h"
#include "attesterd/lid.h"
#include "attesterd/memory.h"
#include "attesterd/needs.h"
#include "attesterd/net/client.h"
#include "attesterd/packagekit.h"
#include "attesterd/properties.h"
#include "policy/policy.h"

#define ATTESTERD_BUS_NAME        "org.attesterd"
#define ATTESTERD_OBJECT_PATH     "/org/attesterd"
#define ATTESTERD_INTERFACE       "org.attesterd.Attester1"
#define ATTESTERD_ADMIN_INTERFACE "org.attesterd.Admin1"

struct attesterd_event_log;
LIST_HEAD(attesterd_event_logs, attesterd_event_log);

struct attesterd_options {
        const char *config_dir;
        const char *state_dir;
        const char *root; /* stands for "/" where posture and policy are read; "" for the system */
        const char *tcti; /* NULL: the configuration's */
        const char *net_program;
        const char *net_socket; /* NULL: start net_program; else where the service manager starts attester-net */
        const char *bus_address;
        const char *focus_group; /* who may say which window is in focus */
        bool allow_root;
};

struct attesterd_daemon {
        struct attesterd_options options;
        sd_event *event;
        const struct base_clock *clock;
        const struct base_random *random;
        int root_fd;
        int state_dir_fd;
        struct attesterd_config *config;
        struct base_error config_error; /* why the newest configuration is not in force */
        struct policy *policy;          /* NULL: none could be loaded yet, and no request passes */
        struct attesterd_needs policy_needs;
        struct base_error policy_error;
        struct attesterd_bundle_failure policy_fetch_failure;
        struct attesterd_bundles *bundles; /* where a fleet is configured: what `policy` comes from */
        struct attesterd_bundle_fetch *bundle_fetch;
        struct attesterd_grace *grace;
        struct tpm_worker *worker;
        sd_event_source *worker_source;
        bool tpm_failed; /* when its state changed last */
        struct net_client *net;
        struct net_transport transport;
        struct attesterd_outbox outbox;
        struct attesterd_event_logs event_logs; /* on their way */
        struct attesterd_facts *facts;
        struct attesterd_batcher *batcher;
        struct attesterd_issuer **issuers; /* sorted by name, as in the configuration */
        size_t issuer_count;
        struct attesterd_limits *limits;
        struct base_bus *bus;
        struct attesterd_login *login;
        struct attesterd_fwupd *fwupd;
        struct attesterd_lid *lid;
        struct attesterd_packagekit *packagekit;
        struct attesterd_refusals *refusals;
        struct attesterd_callers *callers;
        struct attesterd_properties *properties;
        struct attesterd_memory *memory;
        int exit_status; /* of the program, once the loop has ended */
};

/*
 * Reads configuration and policy, starts worker and attester-net, and goes for its name on the bus. `options` and what it
 * points to, `event`, `clock` and `random` must outlive `ret`, which the caller frees.
 * Errors: CONFIG_INVALID, LIMIT_EXCEEDED, IO, NOT_FOUND (directories, attester-net), STATE_INVALID (the state directory is open
 * to others), NO_MEMORY. A broken policy is none.
 */
bool attesterd_daemon_new(sd_event *event, const struct attesterd_options *options, const struct base_clock *clock,
                          const struct base_random *random, struct attesterd_daemon **ret,
                          struct base_error *error) BASE_MUST_CHECK;
/* Answers every caller that it stops, and stops. */
void attesterd_daemon_free(struct attesterd_daemon *daemon);
BASE_DEFINE_CLEANUP(struct attesterd_daemon, attesterd_daemon_free)

/*
 * Reads configuration and policy again. What is broken leaves the last good one in force and is said in the log and the
 * properties. Errors: CONFIG_INVALID, LIMIT_EXCEEDED, IO, POLICY_INVALID, NO_MEMORY: the first of them.
 */
bool attesterd_daemon_reload(struct attesterd_daemon *daemon, struct base_error *error);

/* The two halves of a reload, and of a start. Neither logs an error of the configuration. Errors: as above. */
bool attesterd_daemon_load_config(struct attesterd_daemon *daemon, struct base_error *error) BASE_MUST_CHECK;
bool attesterd_daemon_reload_policy(struct attesterd_daemon *daemon);

/* Puts a policy in force and takes it over. */
void attesterd_daemon_set_policy(struct attesterd_daemon *daemon, struct policy *policy);

/* Loads what the policy directories hold, `overlay` (NULL: none) above them all. Errors: as policy_load_directories(). */
bool attesterd_daemon_load_policy(const struct attesterd_daemon *daemon, const char *overlay, struct policy **ret,
                                  struct base_error *error) BASE_MUST_CHECK;

/* The issuer of that name, borrowed. Errors: ISSUER_UNKNOWN. */
bool attesterd_daemon_find_issuer(const struct attesterd_daemon *daemon, const char *name, struct attesterd_issuer **ret,
                                  struct base_error *error) BASE_MUST_CHECK;

/* Tells listeners on the bus which properties changed. */
void attesterd_daemon_announce(struct attesterd_daemon *daemon);

uint64_t attesterd_daemon_now_ms(const struct attesterd_daemon *daemon);
