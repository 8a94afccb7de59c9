/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/devices.h"

#include "issuer/print.h"
#include "issuer/registry.h"
#include "issuer/service.h"

#include "base/encode.h"

#include <inttypes.h>
#include <string.h>

static void print_device(const struct issuer_device *device, uint64_t tokens_today, void *context)
{
        (void) printf("%s  %-7s", device->id, issuer_device_status_name(device->status));
        issuer_print_time(device->enrolled_at);
        issuer_print_time(device->last_verified);
        (void) printf("  %12" PRIu64 "  %-7s  %s\n", tokens_today, device->ek_certified ? "yes" : "no", device->group);
}

static bool list(struct issuer_registry *registry, struct base_error *error)
{
        (void) printf("%-32s  %-7s  %-20s  %-20s  %12s  %-7s  %s\n", "ID", "STATUS", "ENROLLED", "VERIFIED", "TOKENS TODAY",
                      "EK CERT", "GROUP");
        return issuer_registry_visit(registry, base_system_clock.wall_seconds(base_system_clock.context), print_device, NULL,
                                     error);
}

static void print_approval(const struct issuer_approval *approval, void *context)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * EVIDENCE_PCR_DIGEST_LEN + 1);

        (void) context;
        base_hex_encode(&hex, BASE_BYTES_OF(approval->digest));
        (void) printf("%-64s", hex.len == 0 ? "" : base_buffer_c_string(&hex));
        issuer_print_time(approval->approved_at);
        (void) printf("  %s\n", approval->group);
}

static bool list_approved(struct issuer_registry *registry, struct base_error *error)
{
        (void) printf("%-64s  %-20s  %s\n", "BOOT STATE", "APPROVED", "GROUP");
        return issuer_registry_visit_approved(registry, print_approval, NULL, error);
}

static bool disapprove(struct issuer_registry *registry, const char *hex, const char *group, struct base_error *error)
{
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(EVIDENCE_PCR_DIGEST_LEN);

        if (!base_hex_decode(&digest, hex, strlen(hex)) || digest.len != EVIDENCE_PCR_DIGEST_LEN)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "a boot state is %d hex digits, as \"devices approved\" "
                                      "prints it",
                                      2 * EVIDENCE_PCR_DIGEST_LEN);
        return issuer_registry_disapprove(registry, group, base_buffer_bytes(&digest), error);
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
        if (count == 2 && strcmp(words[0], "approve") == 0)
                return issuer_registry_approve(registry, words[1], base_system_clock.wall_seconds(base_system_clock.context),
                                               error);
        if (count == 1 && strcmp(words[0], "approved") == 0)
                return list_approved(registry, error);
        if ((count == 2 || count == 3) && strcmp(words[0], "disapprove") == 0)
                return disapprove(registry, words[1], count == 3 ? words[2] : "", error);
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "after \"devices\" comes list, revoke ID, restore ID, group ID NAME, approve ID, approved or "
                              "disapprove STATE [GROUP]");
}
