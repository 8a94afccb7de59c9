/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/grace.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FILE_NAME      "policy"
#define FILE_BYTES_MAX (256 * 1024)
#define DEVICE_LEN     16
#define CLOCK_SLACK_MS 5000 /* by which the two clocks may drift apart between two requests */

struct attesterd_grace {
        int state_dir_fd;
        const struct base_clock *clock;
        struct policy_graces graces;
        uint8_t device[DEVICE_LEN];
        bool has_device;
        int64_t offset_ms; /* of the wall clock to CLOCK_BOOTTIME, when last read */
};

/* One [Rule NAME] while the file is read. */
struct reading {
        struct attesterd_grace *grace;
        char rule[POLICY_GRACE_RULE_MAX + 1];
        uint64_t failing_since;
        uint64_t passing_since;
};

static bool damaged(const struct base_ini_entry *entry, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s:%u is damaged", entry->file, entry->line);
}

static bool finish_rule(struct reading *reading, struct base_error *error)
{
        bool none = reading->rule[0] == '\0';
        bool ok = none || policy_graces_add(&reading->grace->graces, reading->rule, reading->failing_since,
                                            reading->passing_since, error);

        reading->rule[0] = '\0';
        reading->failing_since = reading->passing_since = 0;
        return ok;
}

static bool read_time(const struct base_ini_entry *entry, uint64_t *ret, struct base_error *error)
{
        uintmax_t time;

        errno = 0;
        time = strtoumax(entry->value, NULL, 10);
        if (entry->value[strspn(entry->value, "0123456789")] != '\0' || errno != 0)
                return damaged(entry, error);
        *ret = time;
        return true;
}

static bool read_device(struct attesterd_grace *grace, const struct base_ini_entry *entry, struct base_error *error)
{
        base_auto_buffer struct base_buffer device = BASE_BUFFER_INIT(DEVICE_LEN);

        if (!base_hex_decode(&device, entry->value, strlen(entry->value)) || device.len != DEVICE_LEN)
                return damaged(entry, error);
        memcpy(grace->device, device.data, DEVICE_LEN);
        grace->has_device = true;
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        static const char prefix[] = "Rule ";
        struct reading *reading = context;
        bool in_rule = strncmp(entry->section, prefix, strlen(prefix)) == 0;

        if (entry->key == NULL) {
                if (!finish_rule(reading, error))
                        return false;
                if (in_rule)
                        (void) snprintf(reading->rule, sizeof(reading->rule), "%s", entry->section + strlen(prefix));
                return true;
        }
        if (in_rule && strcmp(entry->key, "FailingSince") == 0)
                return read_time(entry, &reading->failing_since, error);
        if (in_rule && strcmp(entry->key, "PassingSince") == 0)
                return read_time(entry, &reading->passing_since, error);
        if (!in_rule && strcmp(entry->key, "RolloutId") == 0)
                return read_device(reading->grace, entry, error);
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s:%u: %s= is not known: a newer attesterd wrote it", entry->file,
                              entry->line, entry->key);
}

static bool load(struct attesterd_grace *grace, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(FILE_BYTES_MAX);
        struct reading reading = { .grace = grace };
        struct base_error problem;

        if (base_file_read_at(grace->state_dir_fd, FILE_NAME, &text, &problem))
                return base_ini_parse(FILE_NAME, base_buffer_bytes(&text), visit, &reading, error) &&
                       finish_rule(&reading, error);
        return problem.code == BASE_ERROR_NOT_FOUND || base_error_copy(error, &problem);
}

static bool write_file(const struct attesterd_grace *grace, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(FILE_BYTES_MAX);

        base_buffer_put_string(&text, "[Device]\nRolloutId=");
        base_hex_encode(&text, BASE_BYTES_OF(grace->device));
        base_buffer_put_string(&text, "\n");
        for (size_t i = 0; i < grace->graces.count; i++) {
                const struct policy_grace *item = &grace->graces.items[i];

                if (item->failing_since != 0)
                        base_buffer_printf(&text, "\n[Rule %s]\nFailingSince=%" PRIu64 "\nPassingSince=%" PRIu64 "\n", item->rule,
                                           item->failing_since, item->passing_since);
        }
        if (!base_buffer_ok(&text))
                return base_error_set_no_memory(error);
        return base_file_replace_at(grace->state_dir_fd, FILE_NAME, base_buffer_bytes(&text), 0600, error);
}

static int64_t read_offset_ms(const struct base_clock *clock)
{
        return (int64_t) clock->wall_seconds(clock->context) * 1000 - (int64_t) clock->boottime_ms(clock->context);
}

static void save(struct attesterd_grace *grace)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!write_file(grace, &error))
                base_log_error(BASE_LOG_WARNING, &error, "what is remembered for the policy cannot be kept");
        policy_graces_settle(&grace->graces);
}

bool attesterd_grace_new(int state_dir_fd, const struct base_clock *clock, const struct base_random *random,
                         struct attesterd_grace **ret, struct base_error *error)
{
        struct attesterd_grace *grace = calloc(1, sizeof(*grace));
        struct base_error problem = BASE_ERROR_INIT;

        if (grace == NULL)
                return base_error_set_no_memory(error);
        grace->state_dir_fd = state_dir_fd;
        grace->clock = clock;
        grace->offset_ms = read_offset_ms(clock);
        if (!load(grace, &problem)) {
                base_log_error(BASE_LOG_WARNING, &problem, "what was remembered for the policy is lost; grace begins anew");
                policy_graces_clear(&grace->graces);
                grace->has_device = false;
        }
        if (!grace->has_device) {
                if (!random->fill(random->context, grace->device, sizeof(grace->device), error)) {
                        attesterd_grace_free(grace);
                        return false;
                }
                save(grace);
        }
        *ret = grace;
        return true;
}

void attesterd_grace_free(struct attesterd_grace *grace)
{
        if (grace == NULL)
                return;
        policy_graces_clear(&grace->graces);
        free(grace);
}

struct policy_graces *attesterd_grace_at(struct attesterd_grace *grace, uint64_t *ret_now)
{
        int64_t offset_ms = read_offset_ms(grace->clock);
        int64_t set_by_ms = offset_ms - grace->offset_ms;

        /* Slow corrections (adjtime, slewing) pass as time. */
        if (set_by_ms > CLOCK_SLACK_MS || set_by_ms < -CLOCK_SLACK_MS)
                policy_graces_shift(&grace->graces, set_by_ms / 1000);
        grace->offset_ms = offset_ms;
        *ret_now = grace->clock->wall_seconds(grace->clock->context);
        return &grace->graces;
}

void attesterd_grace_save(struct attesterd_grace *grace)
{
        if (grace->graces.changed)
                save(grace);
}

struct base_bytes attesterd_grace_device(const struct attesterd_grace *grace)
{
        return BASE_BYTES_OF(grace->device);
}
