/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The issuer as a whole: what its HTTP endpoints (docs/PROTOCOL.md) do. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "issuer/config.h"
#include "issuer/events.h"
#include "issuer/http.h"
#include "issuer/refusals.h"
#include "issuer/snapshot.h"

#define ISSUER_ENROLLMENT_LIFETIME_S 300           /* between the challenge and its answer */
#define ISSUER_REGISTRY_FILE         "registry.db" /* in the state directory */

struct issuer_service;

/*
 * Opens the state directory and reads everything that the configuration names. `config`, `events`, `clock` and `random`
 * must outlive the service. Errors: those of issuer_snapshot_load() and issuer_registry_open().
 */
bool issuer_service_new(const struct issuer_config *config, struct issuer_events *events, const struct base_clock *clock,
                        const struct base_random *random, struct issuer_service **ret, struct base_error *error) BASE_MUST_CHECK;
void issuer_service_free(struct issuer_service *service);
BASE_DEFINE_CLEANUP(struct issuer_service, issuer_service_free)
#define issuer_auto_service BASE_CLEANUP(issuer_service_free_p)

/*
 * Reads the configuration file again, and with it keys, policy and trust; requests under way end with what they began with. What
 * the process was set up with (listeners, state directory, whether evidence is needed) stays. Errors: as new; all stays as it
 * was.
 */
bool issuer_service_reload(struct issuer_service *service, struct base_error *error) BASE_MUST_CHECK;

/* For the metrics: a reload of the whole process, of which issuer_service_reload() is a part. */
void issuer_service_note_reload(struct issuer_service *service, bool ok);

/* A reference to what is in force now; the caller unrefs it. */
struct issuer_snapshot *issuer_service_snapshot(struct issuer_service *service);

/* What was refused of late; owned by the service. */
struct issuer_refusals *issuer_service_refusals(struct issuer_service *service);

/* Whether the token keys are to be looked after by time, by the configuration that was read last. */
bool issuer_service_rotates_keys(struct issuer_service *service);

/* The routes of the public listener and of the operator's, both for a server whose context is the service. */
extern const struct issuer_http_route issuer_service_routes[];
extern const size_t issuer_service_route_count;
extern const struct issuer_http_route issuer_service_metrics_routes[];
extern const size_t issuer_service_metrics_route_count;
