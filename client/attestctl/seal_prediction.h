/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the options of "attestctl seal predict" and "attestctl seal sign" to boot states. Runs in attestctl; may be included by
 * client/attestctl only.
 */
#pragma once

#include "client/attestctl/command.h"
#include "client/attestctl/seal_states.h"

#define ATTESTCTL_SELECTIONS_MAX   8
#define ATTESTCTL_REPLACEMENTS_MAX 32
#define ATTESTCTL_PATHS_MAX        16 /* of phases */

/* The rows for struct base_option; letters of a command's own must be others. */
#define ATTESTCTL_PREDICTION_OPTIONS                                                                                             \
        { '4', "log", "FILE", "the event log of a boot that went before (default: this boot's)" },                               \
                { '5', "pcr-file", "FILE", "what tpm2_pcrread printed there; the log must come to it" },                         \
                { 'p', "pcrs", "PCRS", "which PCRs, as in sha256:7+11; may be repeated (default: sha256:11)" },                  \
                { 'r', "replace", "WHAT=FILE",                                                                                   \
                  "FILE takes the place of an image, a file, or PK, KEK, db, dbx; may be repeated" },                            \
                { 'c', "cmdline", "TEXT", "another kernel command line" },                                                       \
                { 'u', "uki", "FILE", "PCR 11 of this unified kernel image" },                                                   \
                { 's', "section", "NAME=FILE", "PCR 11 with this section, as in .linux=vmlinuz; may be repeated" },              \
        {                                                                                                                        \
                'P', "phases", "PHASES", "only at this point of the boot, as in enter-initrd:leave-initrd; may be repeated"      \
        }

struct attestctl_prediction_options {
        bool any; /* one of these was given */
        const char *log;
        const char *pcr_file;
        const char *cmdline;
        const char *uki;
        const char *selections[ATTESTCTL_SELECTIONS_MAX];
        size_t selection_count;
        const char *replacements[ATTESTCTL_REPLACEMENTS_MAX];
        size_t replacement_count;
        const char *sections[ATTESTCTL_REPLACEMENTS_MAX];
        size_t section_count;
        const char *phases[ATTESTCTL_PATHS_MAX];
        size_t phase_count;
};

/* Takes an option of the rows above. Errors: INVALID_ARGUMENT (too many of one). */
bool attestctl_prediction_option(struct attestctl_prediction_options *options, char letter, const char *value,
                                 struct base_error *error) BASE_MUST_CHECK;

struct attestctl_prediction {
        struct attestctl_states states;
        json_t *changes; /* [{"event", "pcr", "bank", "what", "before", "after"}] */
        json_t *notes;   /* sentences: what may be otherwise */
};

void attestctl_prediction_clear(struct attestctl_prediction *prediction);
#define attestctl_auto_prediction BASE_CLEANUP(attestctl_prediction_clear)

/*
 * Predicts. The caller clears `ret`, which may be filled in part on failure. Errors: INVALID_ARGUMENT, EVIDENCE_INVALID (the log
 * does not come to the TPM's values), UNSUPPORTED (what cannot be predicted, and why), and those of reading the files, which
 * name file and place.
 */
bool attestctl_prediction_make(const struct attestctl_prediction_options *options, struct attestctl_prediction *ret,
                               struct base_error *error) BASE_MUST_CHECK;
