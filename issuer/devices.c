/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/devices.h"

#include "issuer/registry.h"
#include "issuer/service.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void print_time(uint64_t seconds)
{
        time_t time = (time_t) seconds;
        struct tm utc;
        char text[32] = "never";

        if (seconds != 0 && gmtime_r(&time, &utc) != NULL)
                (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        (void) printf("  %-20s", text);
}

static void print_device(const struct issuer_device *device, uint64_t tokens_today, void *context)
{
        (void) printf("%s  %-7s", device->id, issuer_device_status_name(device->status));
        print_time(device->enrolled_at);
        print_time(device->last_verified);
        (void) printf("  %12" PRIu64 "  %-7s  %s\n", tokens_today, device->ek_certified ? "yes" : "no", device->group);
}

static bool list(struct issuer_registry *registry, struct base_error *error)
{
        (void) printf("%-32s  %-7s  %-20s  %-20s  %12s  %-7s  %s\n", "ID", "STATUS", "ENROLLED", "VERIFIED", "TOKENS TODAY",
                      "EK CERT", "GROUP");
        return issuer_registry_visit(registry, base_system_clock.wall_seconds(base_system_clock.context), print_device, NULL,
                                     error);
}

bool issuer_devices_command(const struct issuer_config *config, char *const *words, size_t count, struct base_error *error)
{
        issuer_auto_registry struct issuer_registry *registry = NULL;
        base_auto_free char *path = NULL;

        if (asprintf(&path, "%s/" ISSUER_REGISTRY_FILE, config->state_directory) < 0)
                return base_error_set_no_memory(error);
        if (!issuer_registry_open(path, &base_system_random, &registry, error))
                return false;
        if (count == 1 && strcmp(words[0], "list") == 0)
                return list(registry, error);
        if (count == 2 && strcmp(words[0], "revoke") == 0)
                return issuer_registry_set_status(registry, words[1], ISSUER_DEVICE_REVOKED, error);
        if (count == 2 && strcmp(words[0], "restore") == 0)
                return issuer_registry_set_status(registry, words[1], ISSUER_DEVICE_ACTIVE, error);
        if (count == 3 && strcmp(words[0], "group") == 0)
                return issuer_registry_set_group(registry, words[1], words[2], error);
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "after \"devices\" comes list, revoke ID, restore ID or group ID NAME");
}
