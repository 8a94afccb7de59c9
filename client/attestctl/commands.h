/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands' descriptions, for the table. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"

extern const struct attestctl_command attestctl_status_command;
extern const struct attestctl_command attestctl_doctor_command;
extern const struct attestctl_command attestctl_posture_command;
extern const struct attestctl_command attestctl_policy_check_command;
extern const struct attestctl_command attestctl_policy_explain_command;
extern const struct attestctl_command attestctl_policy_test_command;
extern const struct attestctl_command attestctl_policy_diff_command;
extern const struct attestctl_command attestctl_policy_export_command;
extern const struct attestctl_command attestctl_policy_sign_command;
extern const struct attestctl_command attestctl_policy_verify_command;
extern const struct attestctl_command attestctl_policy_install_command;
extern const struct attestctl_command attestctl_log_show_command;
extern const struct attestctl_command attestctl_log_explain_command;
extern const struct attestctl_command attestctl_log_verify_command;
extern const struct attestctl_command attestctl_seal_predict_command;
extern const struct attestctl_command attestctl_seal_sign_command;
extern const struct attestctl_command attestctl_seal_status_command;
extern const struct attestctl_command attestctl_issuers_command;
extern const struct attestctl_command attestctl_token_command;
extern const struct attestctl_command attestctl_fetch_command;
extern const struct attestctl_command attestctl_enroll_command;
extern const struct attestctl_command attestctl_reseal_command;
extern const struct attestctl_command attestctl_reload_command;
