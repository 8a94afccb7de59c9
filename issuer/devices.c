/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/devices.h"

#include "issuer/events.h"
#include "issuer/print.h"
#include "issuer/registry.h"
#include "issuer/service.h"

#include "base/encode.h"
#include "base/file.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void print_device(const struct issuer_device *device, uint64_t tokens_today, void *context)
{
        (void) printf("%s  %-7s", device->id, issuer_device_status_name(device->status));
        issuer_print_time(device->enrolled_at);
        issuer_print_time(device->last_verified);
        (void) printf("  %12" PRIu64 "  %-7s  %s\n", tokens_today, device->ek_certified ? "yes" : "no", device->group);
}

static bool run_list(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
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

static bool run_list_approved(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        (void) printf("%-64s  %-20s  %s\n", "BOOT STATE", "APPROVED", "GROUP");
        return issuer_registry_visit_approved(registry, print_approval, NULL, error);
}

static bool run_revoke(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        return issuer_registry_set_status(registry, words[1], ISSUER_DEVICE_REVOKED, error);
}

static bool run_restore(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        return issuer_registry_set_status(registry, words[1], ISSUER_DEVICE_ACTIVE, error);
}

static bool run_set_group(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        return issuer_registry_set_group(registry, words[1], words[2], error);
}

static bool run_approve(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        return issuer_registry_approve(registry, words[1], base_system_clock.wall_seconds(base_system_clock.context), error);
}

static bool run_disapprove(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error)
{
        const char *hex = words[1];
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(EVIDENCE_PCR_DIGEST_LEN);

        if (!base_hex_decode(&digest, hex, strlen(hex)) || digest.len != EVIDENCE_PCR_DIGEST_LEN)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "a boot state is %d hex digits, as \"devices approved\" "
                                      "prints it",
                                      2 * EVIDENCE_PCR_DIGEST_LEN);
        return issuer_registry_disapprove(registry, count == 3 ? words[2] : "", base_buffer_bytes(&digest), error);
}

static const struct command {
        struct base_command described;
        size_t words_min, words_max; /* its name is one */
        bool changes;
        bool (*run)(struct issuer_registry *registry, char *const *words, size_t count, struct base_error *error);
} commands[] = {
        { { "devices", "list", "", "every device, its standing and its tokens of the day" }, 1, 1, false, run_list },
        { { "devices", "revoke", "ID", "give a device no token and no enrolment any more" }, 2, 2, true, run_revoke },
        { { "devices", "restore", "ID", "take that back" }, 2, 2, true, run_restore },
        { { "devices", "group", "ID NAME", "put a device into a group; an empty name: into none" }, 3, 3, true, run_set_group },
        { { "devices", "approve", "ID", "approve the boot state in which a device was last verified, for its group" },
          2,
          2,
          true,
          run_approve },
        { { "devices", "approved", "", "the approved boot states" }, 1, 1, false, run_list_approved },
        { { "devices", "disapprove", "STATE [GROUP]", "take an approval back" }, 2, 3, true, run_disapprove },
};

void issuer_devices_describe(struct base_command ret[static ISSUER_DEVICES_COMMANDS])
{
        _Static_assert(BASE_COUNT(commands) == ISSUER_DEVICES_COMMANDS, "the number in the header");
        for (size_t i = 0; i < BASE_COUNT(commands); i++)
                ret[i] = commands[i].described;
}

static const struct command *find_command(char *const *words, size_t count)
{
        for (size_t i = 0; i < BASE_COUNT(commands); i++)
                if (count >= commands[i].words_min && count <= commands[i].words_max &&
                    strcmp(words[0], commands[i].described.subcommand) == 0)
                        return &commands[i];
        return NULL;
}

/* Who logged in, not whom runuser(1) or sudo(8) made of them; without a login the process's user. */
static uid_t login_uid(void)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(32);
        struct base_error ignored = BASE_ERROR_INIT;
        unsigned long uid;
        char *end = NULL;

        if (!base_file_read("/proc/self/loginuid", &text, &ignored) || base_buffer_c_string(&text) == NULL)
                return getuid();
        uid = strtoul(base_buffer_c_string(&text), &end, 10);
        return end == base_buffer_c_string(&text) || uid >= (uid_t) -1 ? getuid() : (uid_t) uid;
}

static void log_change(char *const *words, size_t count)
{
        bool of_device = strcmp(words[0], "disapprove") != 0;
        char detail[ISSUER_DEVICE_GROUP_MAX + 2 * EVIDENCE_PCR_DIGEST_LEN + 32], who[64];

        (void) snprintf(detail, sizeof(detail), "%s%s%s%s%s", words[0], of_device ? "" : " ", of_device ? "" : words[1],
                        count == 3 ? ", group " : "", count == 3 ? words[2] : "");
        (void) snprintf(who, sizeof(who), "command line (login uid %u)", (unsigned) login_uid());
        issuer_events_send(&base_system_clock, &(struct issuer_event){
                                                       .id = BASE_EVENT_ADMIN_CHANGE,
                                                       .event = "admin",
                                                       .outcome = "ok",
                                                       .detail = detail,
                                                       .device = of_device ? words[1] : NULL,
                                                       .who = who,
                                               });
}

bool issuer_devices_command(const struct issuer_config *config, char *const *words, size_t count, struct base_error *error)
{
        issuer_auto_registry struct issuer_registry *registry = NULL;
        const struct command *command = find_command(words, count);
        base_auto_free char *path = NULL;

        if (command == NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no such command of \"devices\"; see --help");
        if (asprintf(&path, "%s/" ISSUER_REGISTRY_FILE, config->state_directory) < 0)
                return base_error_set_no_memory(error);
        if (!issuer_registry_open(path, &base_system_random, &registry, error) ||
            !issuer_registry_make_durable(registry, error) || !command->run(registry, words, count, error))
                return false;
        if (command->changes)
                log_change(words, count);
        return true;
}
