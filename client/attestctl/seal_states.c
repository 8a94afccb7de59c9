/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/seal_states.h"

#include "base/encode.h"
#include "client/attestctl/command.h"
#include "evidence/pcr_names.h"

#include <string.h>

void attestctl_states_clear(struct attestctl_states *states)
{
        free(states->items);
        *states = (struct attestctl_states){ 0 };
}

bool attestctl_states_add(struct attestctl_states *states, const struct attestctl_state *state, struct base_error *error)
{
        struct attestctl_state *items;

        if (states->count == ATTESTCTL_STATES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d boot states", ATTESTCTL_STATES_MAX);
        items = realloc(states->items, (states->count + 1) * sizeof(*items));
        if (items == NULL)
                return base_error_set_no_memory(error);
        states->items = items;
        items[states->count] = *state;
        if (!evidence_pcr_policy_digest(&state->pcrs, items[states->count].policy, error))
                return false;
        states->count++;
        return true;
}

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1);

        base_hex_encode(&text, BASE_BYTES(bytes, len));
        return json_string(base_buffer_c_string(&text));
}

static json_t *state_json(const struct attestctl_state *state)
{
        const struct evidence_pcr_bank *bank = &state->pcrs.banks[0];
        json_t *pcrs = json_array();

        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                uint32_t bit = 1u << pcr;

                if (!(bank->mask & bit))
                        continue;
                (void) json_array_append_new(
                        pcrs, json_pack("{s:i, s:s, s:o, s:o}", "pcr", (int) pcr, "purpose", evidence_pcr_purpose(pcr), "value",
                                        hex_json(bank->values[pcr], evidence_pcr_value_len(bank->algorithm)), "changed",
                                        state->compared & bit ? json_boolean((state->changed & bit) != 0) : json_null()));
        }
        return json_pack("{s:s, s:o, s:o, s:o}", "bank", evidence_pcr_bank_name(bank->algorithm), "phases",
                         state->phases[0] != '\0' ? attestctl_json_string(state->phases) : json_null(), "pcrs", pcrs, "policy",
                         hex_json(state->policy, sizeof(state->policy)));
}

json_t *attestctl_states_json(const struct attestctl_states *states)
{
        json_t *array = json_array();

        for (size_t i = 0; i < states->count; i++)
                (void) json_array_append_new(array, state_json(&states->items[i]));
        return array;
}

static bool malformed(const char *file, size_t index, const char *member, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "%s: states[%zu]%s: %s", file, index, member, what);
}

static bool get_hex(const json_t *text, uint8_t *ret, size_t len)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(len);

        if (!json_is_string(text) || json_string_length(text) != 2 * len ||
            !base_hex_decode(&bytes, json_string_value(text), 2 * len))
                return false;
        memcpy(ret, bytes.data, len);
        return true;
}

/* Those that keys are sealed to. */
static bool get_bank(const json_t *name, struct evidence_pcr_bank *ret)
{
        struct evidence_pcr_selection selection;
        char text[16];

        if (!json_is_string(name) || json_string_length(name) > 8)
                return false;
        (void) snprintf(text, sizeof(text), "%s:0", json_string_value(name));
        if (!evidence_pcr_selection_parse(text, &selection, NULL))
                return false;
        ret->algorithm = selection.algorithm;
        return true;
}

static bool get_pcrs(const json_t *list, struct evidence_pcr_bank *bank)
{
        if (!json_is_array(list) || json_array_size(list) == 0)
                return false;
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *item = json_array_get(list, i), *number = json_object_get(item, "pcr");
                json_int_t pcr = json_integer_value(number);

                if (!json_is_integer(number) || pcr < 0 || pcr >= EVIDENCE_PCR_COUNT || bank->mask & (1u << pcr) ||
                    !get_hex(json_object_get(item, "value"), bank->values[pcr], evidence_pcr_value_len(bank->algorithm)))
                        return false;
                bank->mask |= 1u << pcr;
        }
        return true;
}

static bool get_state(const char *file, const json_t *object, size_t index, struct attestctl_states *states,
                      struct base_error *error)
{
        struct attestctl_state state = { .pcrs.bank_count = 1 };
        const json_t *phases = json_object_get(object, "phases");
        uint8_t policy[EVIDENCE_PCR_DIGEST_LEN];

        if (!json_is_object(object))
                return malformed(file, index, "", "not an object", error);
        if (!get_bank(json_object_get(object, "bank"), &state.pcrs.banks[0]))
                return malformed(file, index, ".bank", "neither \"sha256\" nor \"sha384\"", error);
        if (!get_pcrs(json_object_get(object, "pcrs"), &state.pcrs.banks[0]))
                return malformed(file, index, ".pcrs", "not a list of different PCRs with values of the bank's length", error);
        if (json_is_string(phases) && json_string_length(phases) < sizeof(state.phases))
                memcpy(state.phases, json_string_value(phases), json_string_length(phases));
        if (!get_hex(json_object_get(object, "policy"), policy, sizeof(policy)))
                return malformed(file, index, ".policy", "not 64 hexadecimal digits", error);
        if (!attestctl_states_add(states, &state, error))
                return base_error_prefix(error, "%s", file);
        if (memcmp(policy, states->items[states->count - 1].policy, sizeof(policy)) != 0)
                return malformed(file, index, ".policy", "not the policy of these PCR values: the file was altered", error);
        return true;
}

static bool get_states(const char *file, const json_t *root, struct attestctl_states *states, struct base_error *error)
{
        const json_t *list = json_object_get(root, "states");

        if (!json_is_array(list) || json_array_size(list) == 0)
                return base_error_set(error, BASE_ERROR_MALFORMED,
                                      "%s: states: not a list: this is not what \"attestctl seal predict --json\" prints", file);
        for (size_t i = 0; i < json_array_size(list); i++)
                if (!get_state(file, json_array_get(list, i), i, states, error))
                        return false;
        return true;
}

bool attestctl_states_parse(const char *file, struct base_bytes json, struct attestctl_states *ret, struct base_error *error)
{
        attestctl_auto_states struct attestctl_states states = { 0 };
        json_error_t problem;
        json_t *root;
        bool done;

        if (json.len > ATTESTCTL_STATES_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: larger than %d bytes", file,
                                      ATTESTCTL_STATES_BYTES_MAX);
        root = json_loadb(json.len > 0 ? (const char *) json.data : "", json.len, JSON_REJECT_DUPLICATES, &problem);
        if (root == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "%s:%d:%d: %s", file, problem.line, problem.column,
                                      problem.text);
        done = get_states(file, root, &states, error);
        json_decref(root);
        if (!done)
                return false;
        *ret = states;
        states = (struct attestctl_states){ 0 };
        return true;
}
