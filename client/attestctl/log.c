/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl log: the firmware's event log, as it stands, as what follows from it, and against PCR values. */
#include "client/attestctl/commands.h"
#include "client/attestctl/log_file.h"
#include "client/attestctl/log_report.h"
#include "client/attestctl/pcr_values.h"

struct log_state {
        const char *pcrs;
        const char *pcr_file;
};

static int show_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        attestctl_auto_log_file struct attestctl_log_file file = ATTESTCTL_LOG_FILE_INIT;
        struct base_error error = BASE_ERROR_INIT;

        if (!attestctl_log_file_read(count > 0 ? arguments[0] : NULL, &file, &error))
                return attestctl_fail_own(ctl, &error);
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:o}", "events", attestctl_log_events_json(&file.log)));
        attestctl_log_print_events(ctl, &file.log);
        return 0;
}

static uint32_t logged_pcrs(const struct evidence_eventlog *log)
{
        uint32_t mask = 0;

        for (size_t i = 0; i < log->event_count; i++)
                if (log->events[i].type != EVIDENCE_EVENTLOG_NO_ACTION)
                        mask |= 1u << log->events[i].pcr;
        return mask;
}

/* Replays against the values and shows the rest. `compared`: they are a TPM's, and not the log's own. */
static int report(struct attestctl *ctl, const struct evidence_eventlog *log, const struct evidence_pcrs *pcrs, bool compared)
{
        evidence_auto_boot struct evidence_boot *boot = NULL;
        struct evidence_eventlog_replay replay;
        struct base_error error = BASE_ERROR_INIT;
        uint32_t logged = logged_pcrs(log);
        int status;

        if (!evidence_eventlog_replay(log, pcrs, &replay, &error) || !evidence_boot_new(log, &replay, &boot, &error))
                return attestctl_fail_own(ctl, &error);
        status = compared && replay.differing & logged ? base_error_exit_status(BASE_ERROR_EVIDENCE_INVALID) : 0;
        if (ctl->json) {
                int printed = attestctl_print_json(
                        json_pack("{s:b, s:b, s:o, s:o}", "compared", compared, "matches", compared && status == 0, "pcrs",
                                  attestctl_log_pcrs_json(&replay, logged), "boot", attestctl_log_boot_json(boot)));

                return printed != 0 ? printed : status;
        }
        if (compared)
                attestctl_log_print_pcrs(ctl, &replay, logged);
        else
                (void) puts("What the log says of itself; \"attestctl log verify\" compares it with PCR values.\n");
        attestctl_log_print_boot(ctl, boot);
        return status;
}

static int explain_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        attestctl_auto_log_file struct attestctl_log_file file = ATTESTCTL_LOG_FILE_INIT;
        struct base_error error = BASE_ERROR_INIT;
        struct evidence_pcrs pcrs = { .bank_count = 1 };

        if (!attestctl_log_file_read(count > 0 ? arguments[0] : NULL, &file, &error) ||
            !evidence_eventlog_compute(&file.log, file.log.banks[evidence_eventlog_strongest_bank(&file.log)], &pcrs.banks[0],
                                       &error))
                return attestctl_fail_own(ctl, &error);
        return report(ctl, &file.log, &pcrs, false);
}

static bool verify_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct log_state *log = state;

        if (letter == 'p')
                log->pcrs = value;
        else
                log->pcr_file = value;
        return true;
}

static bool values_read(const struct log_state *state, struct evidence_pcrs *pcrs, struct base_error *error)
{
        if ((state->pcrs == NULL) == (state->pcr_file == NULL))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "give --pcrs VALUES or --pcr-file FILE");
        if (state->pcrs != NULL)
                return attestctl_pcr_values_read(state->pcrs, pcrs, error);
        return attestctl_pcr_file_read(state->pcr_file, pcrs, error);
}

static int verify_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        attestctl_auto_log_file struct attestctl_log_file file = ATTESTCTL_LOG_FILE_INIT;
        struct base_error error = BASE_ERROR_INIT;
        struct evidence_pcrs pcrs = { .bank_count = 0 };

        if (!values_read(state, &pcrs, &error) || !attestctl_log_file_read(count > 0 ? arguments[0] : NULL, &file, &error))
                return attestctl_fail_own(ctl, &error);
        return report(ctl, &file.log, &pcrs, true);
}

const struct attestctl_command attestctl_log_show_command = {
        .name = "log",
        .subcommand = "show",
        .arguments = "[FILE]",
        .summary = "List the events of the firmware's event log",
        .help = "\nNeeds no daemon. FILE is " ATTESTCTL_LOG_DEFAULT "\nif it is not given, which only root can read.\n",
        .arguments_max = 1,
        .run = show_run,
};

const struct attestctl_command attestctl_log_explain_command = {
        .name = "log",
        .subcommand = "explain",
        .arguments = "[FILE]",
        .summary = "Show what an event log says of the boot, without a TPM's word for it",
        .help = "\nNeeds no daemon. FILE is as for \"log show\".\n",
        .arguments_max = 1,
        .run = explain_run,
};

static const struct base_option verify_options[] = {
        { 'p', "pcrs", "VALUES", "PCR values: sha256:0=HEX,7=HEX+sha1:0=HEX" },
        { 'f', "pcr-file", "FILE", "PCR values as tpm2_pcrread prints them" },
        { 0 },
};

const struct attestctl_command attestctl_log_verify_command = {
        .name = "log",
        .subcommand = "verify",
        .arguments = "[FILE]",
        .summary = "Compare an event log with PCR values, and show what follows from it",
        .help = "\nNeeds no daemon. FILE is as for \"log show\". Only what follows from PCRs that match is shown.\n",
        .arguments_max = 1,
        .options = verify_options,
        .take_option = verify_option,
        .state_size = sizeof(struct log_state),
        .run = verify_run,
};
