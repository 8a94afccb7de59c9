/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's configuration: attesterd.conf with drop-ins in attesterd.conf.d/, and one file an issuer in issuers.d/.
 * docs/attesterd.md describes them. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "policy/bundle_trust.h"
#include "tpm/pcr.h"
#include "tpm/seal.h"

#define ATTESTERD_ISSUERS_MAX           64
#define ATTESTERD_ISSUER_NAME_BYTES_MAX 253 /* a host name and port; without the NUL */
#define ATTESTERD_URL_BYTES_MAX         512 /* without the NUL */
#define ATTESTERD_TCTI_BYTES_MAX        256 /* without the NUL */
#define ATTESTERD_CA_FILE_BYTES_MAX     (60 * 1024)

/* Defaults of [Limits]. */
#define ATTESTERD_REQUESTS_PER_SECOND 20   /* calls and token requests that a user may go on making */
#define ATTESTERD_REQUESTS_BURST      200  /* and at once, after a pause */
#define ATTESTERD_IN_FLIGHT_PER_USER  64   /* calls that one user may have unanswered */
#define ATTESTERD_IN_FLIGHT           1024 /* calls that all users may */
#define ATTESTERD_LIMIT_MAX           100000

struct attesterd_limits_config {
        unsigned requests_per_second;
        unsigned requests_burst;
        unsigned in_flight_per_user;
        unsigned in_flight;
};

/* [Policy]: where the fleet's signed policy bundles come from. */
struct attesterd_policy_config {
        char fleet[POLICY_BUNDLE_FLEET_BYTES_MAX + 1]; /* "": none, and policies come from files */
        struct policy_trust *trust;                    /* of BundleKey=; NULL without a fleet */
        bool counter;                                  /* whether the TPM counts bundles */
        char *url;                                     /* where to fetch bundles; NULL: nowhere */
        uint8_t *ca_bundle;                            /* PEM, whom to trust there; NULL: the system's */
        size_t ca_bundle_len;
};

struct attesterd_issuer_config {
        char *name;
        char *url;          /* of the directory */
        char *mirror;       /* of a copy of it, to be compared with; NULL: none */
        uint8_t *ca_bundle; /* PEM, the content of CaFile=; NULL: the system's */
        size_t ca_bundle_len;
        bool attest; /* evidence goes to this issuer if its directory takes it */
};

struct attesterd_config {
        char tcti[ATTESTERD_TCTI_BYTES_MAX + 1];
        struct tpm_seal_config seal;
        struct tpm_pcr_selection seal_pcrs;
        struct tpm_pcr_selection quote_pcrs;
        struct attesterd_limits_config limits;
        struct attesterd_policy_config policy;
        struct attesterd_issuer_config *issuers; /* sorted by name */
        size_t issuer_count;
};

/*
 * Reads everything below `config_dir` (ROOT/etc/attesterd) and the drop-in and issuer directories of the same names in
 * ROOT/run/attesterd and ROOT/usr/lib/attesterd; `root` is "" for the system. What no file sets has its default; no file
 * at all is a configuration without issuers. The caller frees `ret`.
 * Errors: CONFIG_INVALID as "file:line:column: what", LIMIT_EXCEEDED, IO, NO_MEMORY.
 */
bool attesterd_config_load(const char *root, const char *config_dir, struct attesterd_config **ret,
                           struct base_error *error) BASE_MUST_CHECK;
void attesterd_config_free(struct attesterd_config *config);
BASE_DEFINE_CLEANUP(struct attesterd_config, attesterd_config_free)
