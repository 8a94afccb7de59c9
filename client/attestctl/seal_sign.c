/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl seal sign: an authority's signatures for boot states, into tpm2-pcr-signature.json. */
#include "base/encode.h"
#include "base/file.h"
#include "client/attestctl/commands.h"
#include "client/attestctl/private_file.h"
#include "client/attestctl/seal_prediction.h"
#include "client/attestctl/table.h"
#include "evidence/signature_file.h"
#include "evidence/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define OUTPUT_MODE 0644 /* every reader of signatures may see them */

struct sign_state {
        struct attestctl_prediction_options prediction;
        const char *key;
        const char *policy_ref;
        const char *output;
};

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct sign_state *sign = state;

        switch (letter) {
        case 'k':
                sign->key = value;
                return true;
        case 'R':
                sign->policy_ref = value;
                return true;
        case 'o':
                sign->output = value;
                return true;
        default:
                return attestctl_prediction_option(&sign->prediction, letter, value, error);
        }
}

/* Who has this key approves boot states of the whole fleet. */
static bool read_key(const char *path, struct evidence_signer **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);

        return attestctl_private_file_read(path, &pem, error) &&
               (evidence_signer_from_pem(base_buffer_bytes(&pem), ret, error) || base_error_prefix(error, "%s", path));
}

/* Blocks, as a pipe's end should, which base_file_read() does not. */
static bool read_standard_input(struct base_buffer *to, struct base_error *error)
{
        uint8_t chunk[4096];
        ssize_t len;

        while ((len = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
                if (len < 0 && errno != EINTR)
                        return base_error_set_errno(error, errno, "cannot read standard input");
                if (len > 0)
                        base_buffer_put(to, chunk, (size_t) len);
                if (!base_buffer_ok(to))
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "standard input: larger than %d bytes",
                                              ATTESTCTL_STATES_BYTES_MAX);
        }
        return true;
}

/* From the options, or from what "seal predict --json" printed. */
static bool get_states(const struct sign_state *sign, char **arguments, int count, struct attestctl_prediction *ret,
                       struct base_error *error)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(ATTESTCTL_STATES_BYTES_MAX);
        const char *file = count > 0 ? arguments[0] : "standard input";

        if (sign->prediction.any && count > 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "give a FILE of predicted states or the options to predict them, not both");
        if (sign->prediction.any)
                return attestctl_prediction_make(&sign->prediction, ret, error);
        return (count > 0 ? base_file_read(file, &json, error) : read_standard_input(&json, error)) &&
               attestctl_states_parse(file, base_buffer_bytes(&json), &ret->states, error);
}

/* The selected values, one after the other. NULL without memory. */
static uint8_t *copy_values(const struct evidence_pcr_bank *bank)
{
        size_t len = evidence_pcr_value_len(bank->algorithm), next = 0;
        uint8_t *values = malloc(len * EVIDENCE_PCR_COUNT);

        for (unsigned pcr = 0; values != NULL && pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (bank->mask & (1u << pcr))
                        memcpy(values + len * next++, bank->values[pcr], len);
        return values;
}

static bool sign_state(const struct evidence_signer *signer, const struct attestctl_state *state, const char *policy_ref,
                       struct evidence_pcr_signature *ret, struct base_error *error)
{
        const struct evidence_pcr_bank *bank = &state->pcrs.banks[0];
        uint8_t signature[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];

        ret->pcrs = (struct evidence_pcr_selection){ .algorithm = bank->algorithm, .mask = bank->mask };
        memcpy(ret->fingerprint, evidence_signer_fingerprint(signer), sizeof(ret->fingerprint));
        memcpy(ret->policy, state->policy, sizeof(ret->policy));
        if (!evidence_signer_sign(signer, state->policy, base_bytes_from_string(policy_ref), signature, &ret->signature_len,
                                  error))
                return false;
        memcpy(ret->signature, signature, ret->signature_len);
        ret->values = copy_values(bank);
        return ret->values != NULL || base_error_set_no_memory(error);
}

static bool sign_states(const struct evidence_signer *signer, const struct attestctl_states *states, const char *policy_ref,
                        struct evidence_pcr_signatures *ret, struct base_error *error)
{
        ret->entries = calloc(states->count + 1, sizeof(*ret->entries));
        if (ret->entries == NULL)
                return base_error_set_no_memory(error);
        for (; ret->count < states->count; ret->count++)
                if (!sign_state(signer, &states->items[ret->count], policy_ref, &ret->entries[ret->count], error))
                        return false;
        return true;
}

static bool write_signatures(const char *path, const struct evidence_pcr_signatures *signatures, struct base_error *error)
{
        base_auto_buffer struct base_buffer before = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_FILE_BYTES_MAX),
                                            after = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_FILE_BYTES_MAX + 1);
        struct base_error problem = BASE_ERROR_INIT;

        if (!base_file_read(path, &before, &problem) && problem.code != BASE_ERROR_NOT_FOUND)
                return base_error_copy(error, &problem);
        return evidence_pcr_signatures_merge(path, base_buffer_bytes(&before), signatures->entries, signatures->count, &after,
                                             error) &&
               base_file_replace_at(AT_FDCWD, path, base_buffer_bytes(&after), OUTPUT_MODE, error);
}

static int report(struct attestctl *ctl, const struct sign_state *sign, const struct evidence_signer *signer,
                  const struct attestctl_prediction *prediction)
{
        base_auto_buffer struct base_buffer key = BASE_BUFFER_INIT(2 * EVIDENCE_AUTHORITY_FINGERPRINT_LEN + 1);
        const json_t *item;
        const char *hex;
        size_t i;

        base_hex_encode(&key, BASE_BYTES(evidence_signer_fingerprint(signer), EVIDENCE_AUTHORITY_FINGERPRINT_LEN));
        hex = base_buffer_c_string(&key);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:o, s:s, s:o, s:o, s:O}", "file", attestctl_json_string(sign->output),
                                                      "pkfp", hex, "policy_ref", attestctl_json_string(sign->policy_ref),
                                                      "states", attestctl_states_json(&prediction->states), "notes",
                                                      prediction->notes));
        attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, sign->output);
        (void) printf(": %zu signature%s by key %.16s…%s", prediction->states.count, prediction->states.count == 1 ? "" : "s",
                      hex, sign->policy_ref[0] != '\0' ? " under the reference " : "");
        attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, sign->policy_ref);
        (void) fputc('\n', stdout);
        json_array_foreach(prediction->notes, i, item)
        {
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_WARN, "Mind: ");
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, json_string_value(item));
                (void) fputc('\n', stdout);
        }
        return 0;
}

static bool check_options(struct sign_state *sign, struct base_error *error)
{
        if (sign->key == NULL || sign->output == NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "give --key KEY.pem and --output FILE");
        if (sign->policy_ref == NULL)
                sign->policy_ref = "";
        if (strlen(sign->policy_ref) > EVIDENCE_POLICY_REF_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--policy-ref has at most %d bytes",
                                      EVIDENCE_POLICY_REF_BYTES_MAX);
        return true;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        attestctl_auto_prediction struct attestctl_prediction prediction = { .notes = json_array() };
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };
        evidence_auto_signer struct evidence_signer *signer = NULL;
        struct base_error error = BASE_ERROR_INIT;
        struct sign_state *sign = state;

        if (!check_options(sign, &error) || !read_key(sign->key, &signer, &error) ||
            !get_states(sign, arguments, count, &prediction, &error) ||
            !sign_states(signer, &prediction.states, sign->policy_ref, &signatures, &error) ||
            !write_signatures(sign->output, &signatures, &error))
                return attestctl_fail_own(ctl, &error);
        return report(ctl, sign, signer, &prediction);
}

static const struct base_option options[] = {
        { 'k', "key", "FILE", "the authority's private key in PEM" },
        { 'R', "policy-ref", "TEXT", "the reference to sign under; systemd's readers want none" },
        { 'o', "output", "FILE", "where the signatures go; those that are there stay" },
        ATTESTCTL_PREDICTION_OPTIONS,
        { 0 },
};

const struct attestctl_command attestctl_seal_sign_command = {
        .name = "seal",
        .subcommand = "sign",
        .arguments = "[FILE]",
        .summary = "Sign boot states, so that keys sealed to the authority sign in them",
        .help = "\nNeeds no daemon. FILE is what \"attestctl seal predict --json\" printed, standard input if it is not given; "
                "or give "
                "the\noptions of \"attestctl seal predict\".\n",
        .arguments_max = 1,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct sign_state),
        .run = run,
};
