/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl seal predict: the PCR values of the next boot, and the policies that a signature would be for. */
#include "client/attestctl/commands.h"
#include "client/attestctl/seal_prediction.h"
#include "client/attestctl/table.h"
#include "evidence/pcr_names.h"

#include <string.h>

#define HEX_MAX (2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1)

static void hex_print(const uint8_t *bytes, size_t len, char ret[static HEX_MAX])
{
        ret[0] = '\0';
        for (size_t i = 0; i < len; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static void print_state(const struct attestctl *ctl, const struct attestctl_state *state)
{
        attestctl_auto_table struct attestctl_table table;
        const struct evidence_pcr_bank *bank = &state->pcrs.banks[0];
        char hex[HEX_MAX], name[96];

        attestctl_print(stdout, ctl->color_out, ATTESTCTL_HEADING, state->phases[0] != '\0' ? state->phases : "the next boot");
        (void) fputc('\n', stdout);
        attestctl_table_init(&table, 3);
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                uint32_t bit = 1u << pcr;

                if (!(bank->mask & bit))
                        continue;
                (void) snprintf(name, sizeof(name), "  PCR %u (%s)", pcr, evidence_pcr_purpose(pcr));
                hex_print(bank->values[pcr], evidence_pcr_value_len(bank->algorithm), hex);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, name);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, hex);
                attestctl_table_add(&table, state->changed & bit ? ATTESTCTL_WARN : ATTESTCTL_PLAIN,
                                    !(state->compared & bit) ? ""
                                    : state->changed & bit   ? "changes"
                                                             : "as in the log");
        }
        hex_print(state->policy, sizeof(state->policy), hex);
        (void) snprintf(name, sizeof(name), "  policy, %s", evidence_pcr_bank_name(bank->algorithm));
        attestctl_table_add(&table, ATTESTCTL_PLAIN, name);
        attestctl_table_add(&table, ATTESTCTL_PLAIN, hex);
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "");
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static void print_prediction(const struct attestctl *ctl, const struct attestctl_prediction *prediction)
{
        const json_t *item;
        size_t i;

        for (i = 0; i < prediction->states.count; i++)
                print_state(ctl, &prediction->states.items[i]);
        json_array_foreach(prediction->changes, i, item)
        {
                (void) printf("event %d, PCR %d, %s ", (int) json_integer_value(json_object_get(item, "event")),
                              (int) json_integer_value(json_object_get(item, "pcr")),
                              json_string_value(json_object_get(item, "bank")));
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, json_string_value(json_object_get(item, "what")));
                (void) printf(": %.16s… becomes %.16s…\n", json_string_value(json_object_get(item, "before")),
                              json_string_value(json_object_get(item, "after")));
        }
        json_array_foreach(prediction->notes, i, item)
        {
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_WARN, "Mind: ");
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, json_string_value(item));
                (void) fputc('\n', stdout);
        }
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        return attestctl_prediction_option(state, letter, value, error);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        attestctl_auto_prediction struct attestctl_prediction prediction = { .changes = NULL };
        struct base_error error = BASE_ERROR_INIT;

        if (!attestctl_prediction_make(state, &prediction, &error))
                return attestctl_fail_own(ctl, &error);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:o, s:O, s:O}", "states", attestctl_states_json(&prediction.states),
                                                      "changes", prediction.changes, "notes", prediction.notes));
        print_prediction(ctl, &prediction);
        return 0;
}

static const struct base_option options[] = {
        ATTESTCTL_PREDICTION_OPTIONS,
        { 0 },
};

const struct attestctl_command attestctl_seal_predict_command = {
        .name = "seal",
        .subcommand = "predict",
        .arguments = "",
        .summary = "Show the PCR values of the next boot, and the policies to sign for it",
        .help = "\nNeeds no daemon. Takes the log of a boot and puts in what will be different; PCR 11 of a unified kernel image "
                "needs "
                "no\nlog. What --json prints is what \"attestctl seal sign\" reads.\n",
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct attestctl_prediction_options),
        .run = run,
};
