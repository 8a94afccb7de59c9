/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/commands.h"

const struct attestctl_command *const attestctl_commands[] = {
        &attestctl_status_command,
        &attestctl_doctor_command,
        &attestctl_posture_command,
        &attestctl_policy_check_command,
        &attestctl_policy_test_command,
        &attestctl_policy_diff_command,
        &attestctl_policy_export_command,
        &attestctl_policy_explain_command,
        &attestctl_policy_sign_command,
        &attestctl_policy_verify_command,
        &attestctl_policy_install_command,
        &attestctl_log_show_command,
        &attestctl_log_explain_command,
        &attestctl_log_verify_command,
        &attestctl_seal_predict_command,
        &attestctl_seal_sign_command,
        &attestctl_seal_status_command,
        &attestctl_issuers_command,
        &attestctl_token_command,
        &attestctl_fetch_command,
        &attestctl_enroll_command,
        &attestctl_reseal_command,
        &attestctl_reload_command,
        NULL,
};
