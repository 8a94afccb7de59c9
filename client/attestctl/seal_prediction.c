/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/seal_prediction.h"

#include "base/encode.h"
#include "base/file.h"
#include "client/attestctl/log_file.h"
#include "client/attestctl/pcr_values.h"
#include "evidence/eventlog/predict.h"
#include "evidence/eventlog/replay.h"
#include "evidence/eventlog/uki.h"
#include "evidence/pcr_names.h"

#include <string.h>

#define BANKS_MAX 2
#define SYSFS_PCR "/sys/class/tpm/tpm0/pcr-%s/%u"

static const char *const default_phases[] = { "enter-initrd", "enter-initrd:leave-initrd", "enter-initrd:leave-initrd:sysinit",
                                              "enter-initrd:leave-initrd:sysinit:ready" };

/* What a bank comes to: as the log has it, and next time. */
struct bank {
        struct evidence_pcr_bank now;
        struct evidence_pcr_bank next;
};

/* All that a prediction reads; what the files hold must stay as long as it lasts. */
struct work {
        const struct attestctl_prediction_options *options;
        struct attestctl_prediction *ret;
        struct attestctl_log_file log;
        bool has_log;
        struct base_buffer replacements[ATTESTCTL_REPLACEMENTS_MAX];
        struct base_buffer image;
        struct base_buffer sections[EVIDENCE_UKI_SECTIONS];
        struct evidence_uki uki;
        bool has_uki;
        size_t bank_count;
        struct bank banks[BANKS_MAX];
};

static void work_clear(struct work *work)
{
        attestctl_log_file_clear(&work->log);
        base_buffer_clear(&work->image);
        for (size_t i = 0; i < BASE_COUNT(work->replacements); i++)
                base_buffer_clear(&work->replacements[i]);
        for (size_t i = 0; i < BASE_COUNT(work->sections); i++)
                base_buffer_clear(&work->sections[i]);
}

void attestctl_prediction_clear(struct attestctl_prediction *prediction)
{
        attestctl_states_clear(&prediction->states);
        json_decref(prediction->changes);
        json_decref(prediction->notes);
        prediction->changes = prediction->notes = NULL;
}

static bool append(const char **list, size_t max, size_t *count, const char *value, const char *name, struct base_error *error)
{
        if (*count == max)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--%s can be given %zu times", name, max);
        list[(*count)++] = value;
        return true;
}

bool attestctl_prediction_option(struct attestctl_prediction_options *options, char letter, const char *value,
                                 struct base_error *error)
{
        options->any = true;
        switch (letter) {
        case '4':
                options->log = value;
                return true;
        case '5':
                options->pcr_file = value;
                return true;
        case 'c':
                options->cmdline = value;
                return true;
        case 'u':
                options->uki = value;
                return true;
        case 'p':
                return append(options->selections, BASE_COUNT(options->selections), &options->selection_count, value, "pcrs",
                              error);
        case 'r':
                return append(options->replacements, BASE_COUNT(options->replacements), &options->replacement_count, value,
                              "replace", error);
        case 's':
                return append(options->sections, BASE_COUNT(options->sections), &options->section_count, value, "section", error);
        default:
                return append(options->phases, BASE_COUNT(options->phases), &options->phase_count, value, "phases", error);
        }
}

static void note(struct work *work, const char *text)
{
        (void) json_array_append_new(work->ret->notes, attestctl_json_string(text));
}

/* ---- PCR 11 ---- */

static bool read_sections(struct work *work, struct base_error *error)
{
        for (size_t i = 0; i < work->options->section_count; i++) {
                const char *text = work->options->sections[i], *equals = strchr(text, '=');
                size_t len = equals != NULL ? (size_t) (equals - text) : 0, at = 0;

                while (evidence_uki_section_name(at) != NULL &&
                       (strncmp(evidence_uki_section_name(at), text, len) != 0 || evidence_uki_section_name(at)[len] != '\0'))
                        at++;
                if (len == 0 || at == EVIDENCE_UKI_SECTIONS)
                        return base_error_set(
                                error, BASE_ERROR_INVALID_ARGUMENT,
                                "--section is NAME=FILE with a section that is measured, as .linux=vmlinuz, not \"%s\"", text);
                base_buffer_reset(&work->sections[at]);
                if (!base_file_read(equals + 1, &work->sections[at], error))
                        return false;
                work->uki.sections[at] = base_buffer_bytes(&work->sections[at]);
                work->has_uki = true;
        }
        return true;
}

static bool read_uki(struct work *work, struct base_error *error)
{
        const char *file = work->options->uki;
        struct evidence_pe pe;

        if (file != NULL) {
                if (!base_file_read(file, &work->image, error))
                        return false;
                if (!evidence_pe_parse(base_buffer_bytes(&work->image), &pe, error) ||
                    !evidence_uki_from_pe(&pe, &work->uki, error))
                        return base_error_prefix(error, "%s", file);
                work->has_uki = true;
        }
        return read_sections(work, error);
}

/* ---- the log ---- */

/* Sysfs tells any user what PCRs hold. False: it does not. */
static bool read_sysfs(uint16_t algorithm, uint32_t mask, struct evidence_pcrs *ret)
{
        *ret = (struct evidence_pcrs){ .bank_count = 1, .banks[0] = { .algorithm = algorithm, .mask = mask } };
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(4096), value = BASE_BUFFER_INIT(4096);
                size_t len = evidence_pcr_value_len(algorithm);
                char path[sizeof(SYSFS_PCR) + 16];

                if (!(mask & (1u << pcr)))
                        continue;
                (void) snprintf(path, sizeof(path), SYSFS_PCR, evidence_pcr_bank_name(algorithm), pcr);
                if (!base_file_read(path, &text, NULL) || text.len < 2 * len ||
                    !base_hex_decode(&value, (const char *) text.data, 2 * len))
                        return false;
                memcpy(ret->banks[0].values[pcr], value.data, len);
        }
        return true;
}

static bool differs(uint32_t mask, struct base_error *error)
{
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(BASE_ERROR_TEXT_MAX / 2);
        const char *text;

        evidence_pcr_names_put(&names, mask);
        text = base_buffer_c_string(&names);
        return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                              "The event log does not come to what the TPM holds in %s: it is of another boot, or not complete. "
                              "What follows from it would be wrong.",
                              text != NULL ? text : "several PCRs");
}

/* A prediction is worth what its log is worth. */
static bool compare_log(struct work *work, uint16_t algorithm, uint32_t mask, struct base_error *error)
{
        struct evidence_pcrs given = { .bank_count = 0 }, pcrs;
        struct evidence_eventlog_replay replay;

        if (work->options->pcr_file != NULL) {
                struct evidence_pcr_selection selection = { .algorithm = algorithm, .mask = mask };

                if (!attestctl_pcr_file_read(work->options->pcr_file, &given, error))
                        return false;
                if (!evidence_pcrs_select(&given, selection, &pcrs))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "%s lacks one of the PCRs of bank %s",
                                              work->options->pcr_file, evidence_pcr_bank_name(algorithm));
        } else if (work->options->log != NULL || !read_sysfs(algorithm, mask, &pcrs)) {
                note(work,
                     "Nothing has compared the log with a TPM (--pcr-file): if it is not true, what follows from it is not.");
                return true;
        }
        if (!evidence_eventlog_replay(&work->log.log, &pcrs, &replay, error))
                return false;
        return (replay.trusted & mask) == mask || differs(mask & ~replay.trusted, error);
}

static bool replace_all(struct work *work, struct evidence_prediction *prediction, struct base_error *error)
{
        for (size_t i = 0; i < work->options->replacement_count; i++) {
                const char *text = work->options->replacements[i], *equals = strrchr(text, '=');
                base_auto_free char *what = equals != NULL ? strndup(text, (size_t) (equals - text)) : NULL;

                if (equals == NULL || equals == text)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--replace is WHAT=FILE, not \"%s\"", text);
                if (what == NULL)
                        return base_error_set_no_memory(error);
                base_buffer_reset(&work->replacements[i]);
                if (!base_file_read(equals + 1, &work->replacements[i], error) ||
                    !evidence_prediction_replace(prediction, what, base_buffer_bytes(&work->replacements[i]), equals + 1, error))
                        return false;
        }
        return work->options->cmdline == NULL || evidence_prediction_command_line(prediction, work->options->cmdline, error);
}

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1);

        base_hex_encode(&text, BASE_BYTES(bytes, len));
        return json_string(base_buffer_c_string(&text));
}

static void list_changes(struct work *work, const struct evidence_prediction *prediction)
{
        uint16_t algorithm = prediction->log.banks[prediction->bank];
        size_t len = evidence_pcr_value_len(algorithm);

        for (size_t i = 0; i < prediction->change_count; i++) {
                const struct evidence_prediction_change *change = &prediction->changes[i];
                const struct evidence_eventlog_event *event = &work->log.log.events[change->event];
                char what[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1];

                evidence_eventlog_describe(event, what);
                (void) json_array_append_new(
                        work->ret->changes,
                        json_pack("{s:I, s:i, s:s, s:o, s:o, s:o}", "event", (json_int_t) change->event, "pcr", (int) event->pcr,
                                  "bank", evidence_pcr_bank_name(algorithm), "what", attestctl_json_string(what), "before",
                                  hex_json(event->digests[prediction->bank], len), "after", hex_json(change->digest, len)));
        }
}

/* Of PCRs that are asked for. */
static void list_warnings(struct work *work, const struct evidence_prediction *prediction, uint32_t mask)
{
        struct evidence_prediction_warning warnings[EVIDENCE_PREDICTION_WARNINGS_MAX];
        size_t count = evidence_prediction_warnings(prediction, warnings);

        for (size_t i = 0; i < count; i++) {
                char what[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1], text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 256];
                bool starts_not = warnings[i].kind == EVIDENCE_PREDICTION_FORBIDDEN ||
                                  warnings[i].kind == EVIDENCE_PREDICTION_AUTHORITY_GONE;

                if (!starts_not && !(mask & (1u << warnings[i].pcr)))
                        continue;
                evidence_eventlog_describe(&prediction->log.events[warnings[i].event], what);
                (void) snprintf(text, sizeof(text), "Event %zu, PCR %u, %s: %s.", warnings[i].event, (unsigned) warnings[i].pcr,
                                what, evidence_prediction_warning_text(warnings[i].kind));
                note(work, text);
        }
}

static bool check_unknown(const struct evidence_prediction *prediction, uint32_t mask, struct base_error *error)
{
        uint32_t unknown = evidence_prediction_unknown(prediction) & mask;

        return unknown == 0 || base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                              "PCR 8 cannot be predicted: GRUB measures each command of its configuration, and "
                                              "that is another one. Leave PCR 8 out, or start one machine and take its log.");
}

static bool predict_bank(struct work *work, uint16_t algorithm, uint32_t mask, struct bank *ret, struct base_error *error)
{
        evidence_auto_prediction struct evidence_prediction *prediction = NULL;

        if (!evidence_prediction_new(&work->log.log, algorithm, &prediction, error) ||
            !compare_log(work, algorithm, mask, error) || !evidence_prediction_compute(prediction, &ret->now, error) ||
            !replace_all(work, prediction, error) || !check_unknown(prediction, mask, error) ||
            !evidence_prediction_compute(prediction, &ret->next, error))
                return false;
        list_changes(work, prediction);
        list_warnings(work, prediction, mask);
        return true;
}

/* ---- states ---- */

static bool add_state(struct work *work, struct evidence_pcr_selection selection, const struct bank *bank, const char *phases,
                      struct base_error *error)
{
        struct attestctl_state state = { .pcrs = { .bank_count = 1, .banks[0] = bank->next } };
        struct evidence_pcr_bank *next = &state.pcrs.banks[0];

        next->mask = selection.mask;
        if (phases != NULL) {
                uint8_t *value = next->values[EVIDENCE_UKI_PCR];

                (void) snprintf(state.phases, sizeof(state.phases), "%s", phases);
                if (work->has_uki)
                        memset(value, 0, EVIDENCE_PCR_VALUE_BYTES_MAX);
                if ((work->has_uki && !evidence_uki_measure(&work->uki, selection.algorithm, value, error)) ||
                    !evidence_uki_measure_phases(phases, selection.algorithm, value, error))
                        return false;
        }
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (pcr != EVIDENCE_UKI_PCR && memcmp(next->values[pcr], bank->now.values[pcr], sizeof(next->values[pcr])) != 0)
                        state.changed |= 1u << pcr;
        state.compared = bank->now.mask & ~(1u << EVIDENCE_UKI_PCR);
        return attestctl_states_add(&work->ret->states, &state, error);
}

static bool add_states(struct work *work, struct evidence_pcr_selection selection, const struct bank *bank,
                       struct base_error *error)
{
        const struct attestctl_prediction_options *options = work->options;
        const char *const *phases = options->phase_count > 0 ? options->phases : default_phases;
        size_t count = options->phase_count > 0 ? options->phase_count : BASE_COUNT(default_phases);

        if (!(selection.mask & (1u << EVIDENCE_UKI_PCR)))
                return add_state(work, selection, bank, NULL, error);
        for (size_t i = 0; i < count; i++)
                if (!add_state(work, selection, bank, phases[i], error))
                        return false;
        return true;
}

/* The PCRs of a selection for which a log is needed. */
static uint32_t from_log(const struct work *work, struct evidence_pcr_selection selection)
{
        return work->has_uki ? selection.mask & ~(1u << EVIDENCE_UKI_PCR) : selection.mask;
}

static bool check_obstacles(uint32_t mask, struct base_error *error)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (mask & (1u << pcr) && evidence_prediction_obstacle(pcr) != NULL)
                        return base_error_set(error, BASE_ERROR_UNSUPPORTED, "PCR %u (%s) cannot be predicted: %s.", pcr,
                                              evidence_pcr_purpose(pcr), evidence_prediction_obstacle(pcr));
        return true;
}

static bool check_logged(uint32_t mask, const struct evidence_pcr_bank *next, struct base_error *error)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (mask & (1u << pcr) && !(next->mask & (1u << pcr)))
                        return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                              "PCR %u (%s): the log has no event of it, so it says nothing "
                                              "of a boot%s.",
                                              pcr, evidence_pcr_purpose(pcr),
                                              pcr == EVIDENCE_UKI_PCR ? "; give the image (--uki)" : "; leave it out of --pcrs");
        return true;
}

/* The masks of all selections of one bank together. */
static uint32_t bank_mask(const struct work *work, const struct evidence_pcr_selection *selections, size_t count,
                          uint16_t algorithm)
{
        uint32_t mask = 0;

        for (size_t i = 0; i < count; i++)
                if (selections[i].algorithm == algorithm)
                        mask |= from_log(work, selections[i]);
        return mask;
}

static bool get_bank(struct work *work, uint16_t algorithm, uint32_t mask, const struct bank **ret, struct base_error *error)
{
        struct bank *bank;

        for (size_t i = 0; i < work->bank_count; i++)
                if (work->banks[i].next.algorithm == algorithm) {
                        *ret = &work->banks[i];
                        return true;
                }
        bank = &work->banks[work->bank_count++];
        *bank = (struct bank){ .now.algorithm = algorithm, .next.algorithm = algorithm };
        *ret = bank;
        if (mask == 0)
                return true;
        if (!work->has_log) {
                if (!attestctl_log_file_read(work->options->log, &work->log, error))
                        return false;
                work->has_log = true;
        }
        return predict_bank(work, algorithm, mask, bank, error) && check_logged(mask, &bank->next, error);
}

static bool check_use(const struct work *work, uint32_t mask, struct base_error *error)
{
        const struct attestctl_prediction_options *options = work->options;

        if (work->has_uki && !(mask & (1u << EVIDENCE_UKI_PCR)))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "--uki and --section are for PCR 11, which --pcrs leaves out");
        if (options->phase_count > 0 && !(mask & (1u << EVIDENCE_UKI_PCR)))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--phases is for PCR 11, which --pcrs leaves out");
        if (work->has_uki && !(mask & ~(1u << EVIDENCE_UKI_PCR)) &&
            (options->log != NULL || options->pcr_file != NULL || options->cmdline != NULL || options->replacement_count > 0))
                return base_error_set(
                        error, BASE_ERROR_INVALID_ARGUMENT,
                        "PCR 11 of an image needs no log: --log, --pcr-file, --replace and --cmdline are for other PCRs");
        return true;
}

static bool predict(struct work *work, struct base_error *error)
{
        const struct attestctl_prediction_options *options = work->options;
        struct evidence_pcr_selection selections[ATTESTCTL_SELECTIONS_MAX];
        size_t count = options->selection_count > 0 ? options->selection_count : 1;
        uint32_t mask = 0;

        for (size_t i = 0; i < count; i++) {
                if (!evidence_pcr_selection_parse(options->selection_count > 0 ? options->selections[i] : "sha256:11",
                                                  &selections[i], error))
                        return false;
                mask |= selections[i].mask;
        }
        if (!check_obstacles(mask, error) || !read_uki(work, error) || !check_use(work, mask, error))
                return false;
        for (size_t i = 0; i < count; i++) {
                const struct bank *bank;

                if (!get_bank(work, selections[i].algorithm, bank_mask(work, selections, count, selections[i].algorithm), &bank,
                              error) ||
                    !add_states(work, selections[i], bank, error))
                        return false;
        }
        return true;
}

bool attestctl_prediction_make(const struct attestctl_prediction_options *options, struct attestctl_prediction *ret,
                               struct base_error *error)
{
        BASE_CLEANUP(work_clear) struct work work = { .options = options, .ret = ret, .log = ATTESTCTL_LOG_FILE_INIT };

        base_buffer_init(&work.image, EVIDENCE_PE_BYTES_MAX);
        for (size_t i = 0; i < BASE_COUNT(work.replacements); i++)
                base_buffer_init(&work.replacements[i], EVIDENCE_PE_BYTES_MAX);
        for (size_t i = 0; i < BASE_COUNT(work.sections); i++)
                base_buffer_init(&work.sections[i], EVIDENCE_PE_BYTES_MAX);
        if (ret->changes == NULL)
                ret->changes = json_array();
        if (ret->notes == NULL)
                ret->notes = json_array();
        return predict(&work, error);
}
