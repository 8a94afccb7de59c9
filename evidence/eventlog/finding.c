/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/boot.h"

static const struct {
        const char *name;
        const char *text;
} findings[EVIDENCE_BOOT_FINDING_KIND_COUNT] = {
        [EVIDENCE_BOOT_NO_ACTION_DIGEST] = { "no-action-digest", "an event that is never measured carries a digest" },
        [EVIDENCE_BOOT_DIGEST_MISMATCH] = { "digest-mismatch", "the digest is not that of the data, which is ignored" },
        [EVIDENCE_BOOT_SEPARATOR_MISSING] = { "separator-missing", "the firmware did not close this PCR with a separator" },
        [EVIDENCE_BOOT_SEPARATOR_REPEATED] = { "separator-repeated", "there is a second separator" },
        [EVIDENCE_BOOT_SEPARATOR_ERROR] = { "separator-error", "the firmware says that it failed to measure" },
        [EVIDENCE_BOOT_SEPARATOR_RETYPED] = { "separator-retyped", "a separator by its digest, though not by its type" },
        [EVIDENCE_BOOT_AFTER_SEPARATOR] = { "after-separator", "configuration measured after the separator is ignored" },
        [EVIDENCE_BOOT_VARIABLE_MALFORMED] = { "variable-malformed",
                                               "the data is not a variable, or its content not signatures" },
        [EVIDENCE_BOOT_VARIABLE_FOREIGN] = { "variable-foreign", "a known name under another owner's GUID is ignored" },
        [EVIDENCE_BOOT_VARIABLE_REPEATED] = { "variable-repeated", "a variable is measured again with another content" },
        [EVIDENCE_BOOT_UNEXPECTED_EVENT] = { "unexpected-event", "an event of a type that does not belong there" },
        [EVIDENCE_BOOT_SECURE_BOOT_LENGTH] = { "secure-boot-length", "the variable SecureBoot is not one byte of 0 or 1" },
        [EVIDENCE_BOOT_APPLICATION_EARLY] = { "application-early",
                                              "an application before \"Calling EFI Application from Boot Option\"" },
        [EVIDENCE_BOOT_APPLICATION_MALFORMED] = { "application-malformed", "the application's device path cannot be read" },
        [EVIDENCE_BOOT_COMMAND_LINE_LABEL] = { "command-line-label",
                                               "a kernel command line that no measured command \"linux\" bears out" },
        [EVIDENCE_BOOT_EXIT_MISSING] = { "exit-missing", "the firmware did not see the operating system take over" },
        [EVIDENCE_BOOT_DROPPED] = { "dropped", "there is more than can be listed" },
};

const char *evidence_boot_finding_name(enum evidence_boot_finding_kind kind)
{
        return kind < EVIDENCE_BOOT_FINDING_KIND_COUNT ? findings[kind].name : "unknown";
}

const char *evidence_boot_finding_text(enum evidence_boot_finding_kind kind)
{
        return kind < EVIDENCE_BOOT_FINDING_KIND_COUNT ? findings[kind].text : "unknown";
}
