/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file of attester-gate; docs/gate.md describes it. May be included by issuer/gate only. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define GATE_ORIGINS_MAX        64
#define GATE_PRIVATE_KEYS_MAX   4
#define GATE_NAME_BYTES_MAX     259 /* of a server name */
#define GATE_PATH_BYTES_MAX     1024
#define GATE_LIFETIME_S_DEFAULT 300
#define GATE_LIFETIME_S_MAX     3600
#define GATE_CHALLENGES_DEFAULT 131072
#define GATE_CHALLENGES_MAX     4194304
#define GATE_REFRESH_S_DEFAULT  3600
#define GATE_REFRESH_S_MAX      86400

struct gate_config {
        char listen[GATE_PATH_BYTES_MAX];
        char metrics_listen[GATE_PATH_BYTES_MAX];                /* "": none */
        char origins[GATE_ORIGINS_MAX][GATE_NAME_BYTES_MAX + 1]; /* as they stand in challenges */
        size_t origin_count;
        char issuer[GATE_NAME_BYTES_MAX + 1];
        char key_file[GATE_PATH_BYTES_MAX];      /* "" if the directory is used */
        char directory_url[GATE_PATH_BYTES_MAX]; /* "" if the file is used */
        char private_key_files[GATE_PRIVATE_KEYS_MAX][GATE_PATH_BYTES_MAX];
        size_t private_key_count;
        char ca_file[GATE_PATH_BYTES_MAX]; /* "": the system's */
        uint32_t challenge_lifetime_s;
        uint32_t challenges_max;
        uint32_t refresh_interval_s;
};

/*
 * Reads the file of that name, or a text. Errors: CONFIG_INVALID as "file:line:column: what" (an unknown key, a value out
 * of range, a key that is missing), LIMIT_EXCEEDED, NOT_FOUND, IO.
 */
bool gate_config_load(const char *path, struct gate_config *ret, struct base_error *error) BASE_MUST_CHECK;
bool gate_config_parse(const char *name, struct base_bytes text, struct gate_config *ret,
                       struct base_error *error) BASE_MUST_CHECK;

/*
 * The index of the configured origin that a Host or X-Forwarded-Host value names, without regard to case and to a port of
 * 443; -1 if there is none.
 */
int gate_config_find_origin(const struct gate_config *config, const char *host);
