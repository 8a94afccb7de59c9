/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

#include <string.h>

static json_t *issuer_json(const struct attester_issuer_state *state, const struct attester_issuer *issuer,
                           const struct attester_error *error)
{
        json_t *object = json_pack("{s:o, s:o}", "name", attestctl_json_string(state->name), "enrollment",
                                   attestctl_json_string(state->enrollment));
        json_t *keys;

        if (issuer == NULL) {
                (void) json_object_set_new(object, "error",
                                           json_pack("{s:o, s:o}", "name", attestctl_json_string(error->name), "message",
                                                     attestctl_json_string(error->message)));
                return object;
        }
        keys = json_array();
        for (size_t i = 0; i < issuer->key_count; i++)
                (void) json_array_append_new(
                        keys, json_pack("{s:i, s:s, s:s, s:I}", "token_type", (int) issuer->keys[i].token_type, "token_type_name",
                                        attestctl_token_type_name(issuer->keys[i].token_type), "id", issuer->keys[i].id,
                                        "not_before", (json_int_t) issuer->keys[i].not_before));
        (void) json_object_set_new(object, "request_uri", attestctl_json_string(issuer->request_uri));
        (void) json_object_set_new(object, "attestation", json_boolean(issuer->attestation));
        (void) json_object_set_new(object, "fetched", json_integer((json_int_t) issuer->fetched));
        (void) json_object_set_new(object, "keys", keys);
        if (issuer->mirror != NULL)
                (void) json_object_set_new(object, "mirror", attestctl_json_string(issuer->mirror));
        return object;
}

static void issuer_print(const struct attestctl *ctl, const struct attester_issuer_state *state,
                         const struct attester_issuer *issuer, const struct attester_error *error)
{
        attestctl_auto_table struct attestctl_table table;
        char fetched[ATTESTCTL_TIME_BYTES];

        attestctl_print(stdout, ctl->color_out, ATTESTCTL_HEADING, state->name);
        (void) fputc('\n', stdout);
        attestctl_table_init(&table, 2);
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "  enrolment");
        attestctl_table_add(&table, strcmp(state->enrollment, "not-enrolled") == 0 ? ATTESTCTL_WARN : ATTESTCTL_PLAIN,
                            state->enrollment);
        if (issuer == NULL) {
                attestctl_table_add(&table, ATTESTCTL_PLAIN, "  directory");
                attestctl_table_add(&table, ATTESTCTL_BAD, error->message);
                attestctl_table_print(&table, stdout, ctl->color_out);
                return;
        }
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "  requests");
        attestctl_table_add(&table, ATTESTCTL_PLAIN, issuer->request_uri);
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "  evidence");
        attestctl_table_add(&table, ATTESTCTL_PLAIN, issuer->attestation ? "wanted" : "not wanted");
        attestctl_time_text(issuer->fetched, fetched);
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "  fetched");
        attestctl_table_add(&table, ATTESTCTL_PLAIN, fetched);
        if (issuer->mirror != NULL) {
                attestctl_table_add(&table, ATTESTCTL_PLAIN, "  mirror");
                attestctl_table_add(&table, strcmp(issuer->mirror, "agrees") == 0 ? ATTESTCTL_PLAIN : ATTESTCTL_WARN,
                                    issuer->mirror);
        }
        for (size_t i = 0; i < issuer->key_count; i++) {
                char text[192], from[ATTESTCTL_TIME_BYTES] = "";

                if (issuer->keys[i].not_before != 0)
                        attestctl_time_text(issuer->keys[i].not_before, from);
                (void) snprintf(text, sizeof(text), "type 0x%04x, %s: %s%s%s", (unsigned) issuer->keys[i].token_type,
                                attestctl_token_type_name(issuer->keys[i].token_type), issuer->keys[i].id,
                                from[0] != '\0' ? " from " : "", from);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, i == 0 ? "  keys" : "");
                attestctl_table_add(&table, ATTESTCTL_PLAIN, text);
        }
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_status *status = NULL;
        json_t *array;
        int result = 0;

        if (attester_get_status(ctl->attester, &ctl->options, &status, &error) < 0)
                return attestctl_fail(ctl, &error);
        array = json_array();
        for (size_t i = 0; i < status->issuer_count; i++) {
                const struct attester_issuer_state *item = &status->issuers[i];
                struct attester_issuer *issuer = NULL;

                /* An issuer that does not answer is part of the list, not a reason to have none. */
                (void) attester_get_issuer(ctl->attester, item->name, &ctl->options, &issuer, &error);
                if (ctl->json)
                        (void) json_array_append_new(array, issuer_json(item, issuer, &error));
                else
                        issuer_print(ctl, item, issuer, &error);
                attester_issuer_free(issuer);
        }
        if (ctl->json)
                result = attestctl_print_json(json_pack("{s:o}", "issuers", array));
        else
                json_decref(array);
        if (!ctl->json && status->issuer_count == 0)
                (void) puts("no issuer is configured");
        attester_status_free(status);
        return result;
}

const struct attestctl_command attestctl_issuers_command = {
        .name = "issuers",
        .arguments = "",
        .summary = "List the configured issuers with their keys",
        .help = "\nKeys come from the daemon's copy of each issuer's directory, which all users of this machine share.\n",
        .run = run,
};
