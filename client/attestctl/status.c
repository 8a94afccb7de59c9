/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

#include <inttypes.h>
#include <string.h>

static json_t *issuers_json(const struct attester_status *status)
{
        json_t *array = json_array();

        for (size_t i = 0; i < status->issuer_count; i++)
                (void) json_array_append_new(array,
                                             json_pack("{s:o, s:o}", "name", attestctl_json_string(status->issuers[i].name),
                                                       "enrollment", attestctl_json_string(status->issuers[i].enrollment)));
        return array;
}

static json_t *fetch_error_json(const struct attester_status *status)
{
        if (status->policy_fetch_name[0] == '\0')
                return json_null();
        return json_pack("{s:o, s:o, s:I}", "name", attestctl_json_string(status->policy_fetch_name), "message",
                         attestctl_json_string(status->policy_fetch_error), "time", (json_int_t) status->policy_fetch_failed_at);
}

static json_t *status_json(const struct attester_status *status)
{
        return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "version", attestctl_json_string(status->version),
                         "tpm_state", attestctl_json_string(status->tpm_state), "seal_state",
                         attestctl_json_string(status->seal_state), "policy_version", (json_int_t) status->policy_version,
                         "policy_error", attestctl_json_string(status->policy_error), "policy_fetch_error",
                         fetch_error_json(status), "config_error", attestctl_json_string(status->config_error), "issuers",
                         issuers_json(status));
}

/* The key's state in words; what the daemon adds to "sealed" is kept. */
static const char *seal_words(const char *state)
{
        if (strcmp(state, "none") == 0)
                return "none yet; `attestctl enroll ISSUER` makes one";
        if (strcmp(state, "open") == 0)
                return "open: it signs in this boot state";
        return state;
}

static void add_fetch_error(struct attestctl_table *table, const struct attester_status *status)
{
        char when[ATTESTCTL_TIME_BYTES];
        base_auto_free char *text = NULL;

        attestctl_time_text(status->policy_fetch_failed_at, when);
        if (asprintf(&text, "%s at %s: %s", status->policy_fetch_name, when, status->policy_fetch_error) < 0)
                return;
        attestctl_table_add_labelled(table, "policy fetch", ATTESTCTL_WARN, text);
}

static void status_print(const struct attestctl *ctl, const struct attester_status *status)
{
        attestctl_auto_table struct attestctl_table table;
        bool sealed = strncmp(status->seal_state, "sealed", strlen("sealed")) == 0;
        char version[32];

        attestctl_table_init(&table, 2);
        attestctl_table_add_labelled(&table, "attesterd", ATTESTCTL_PLAIN, status->version);
        attestctl_table_add_labelled(&table, "TPM", strcmp(status->tpm_state, "ready") == 0 ? ATTESTCTL_GOOD : ATTESTCTL_BAD,
                                     status->tpm_state);
        attestctl_table_add_labelled(&table, "key", sealed ? ATTESTCTL_BAD : ATTESTCTL_PLAIN, seal_words(status->seal_state));
        (void) snprintf(version, sizeof(version), "version %" PRIu64, status->policy_version);
        attestctl_table_add_labelled(&table, "policy", ATTESTCTL_PLAIN,
                                     status->policy_version == 0 ? "none, or without Version=" : version);
        if (status->policy_error[0] != '\0')
                attestctl_table_add_labelled(&table, "policy error", ATTESTCTL_BAD, status->policy_error);
        if (status->policy_fetch_name[0] != '\0')
                add_fetch_error(&table, status);
        if (status->config_error[0] != '\0')
                attestctl_table_add_labelled(&table, "configuration error", ATTESTCTL_BAD, status->config_error);
        for (size_t i = 0; i < status->issuer_count; i++) {
                char text[512];
                bool enrolled = strcmp(status->issuers[i].enrollment, "not-enrolled") != 0;

                (void) snprintf(text, sizeof(text), "%s (%s)", status->issuers[i].name, status->issuers[i].enrollment);
                attestctl_table_add_labelled(&table, i == 0 ? "issuers" : "", enrolled ? ATTESTCTL_PLAIN : ATTESTCTL_WARN, text);
        }
        if (status->issuer_count == 0)
                attestctl_table_add_labelled(&table, "issuers", ATTESTCTL_WARN, "none configured");
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_status *status = NULL;
        int result = 0;

        if (attester_get_status(ctl->attester, &ctl->options, &status, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json)
                result = attestctl_print_json(status_json(status));
        else
                status_print(ctl, status);
        attester_status_free(status);
        return result;
}

const struct attestctl_command attestctl_status_command = {
        .name = "status",
        .arguments = "",
        .summary = "Show the state of the daemon, the TPM, the key and the policy",
        .help = "",
        .run = run,
};
