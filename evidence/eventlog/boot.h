/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a replayed event log says about the boot. Only events of trusted PCRs are looked at; what an event says is used only if
 * its digest covers it, and is marked where it cannot be. Used by attester-issuer and attestctl.
 */
#pragma once

#include "evidence/eventlog/replay.h"

#define EVIDENCE_BOOT_APPLICATIONS_MAX  64
#define EVIDENCE_BOOT_AUTHORITIES_MAX   16
#define EVIDENCE_BOOT_COMMAND_LINES_MAX 8
#define EVIDENCE_BOOT_SECTIONS_MAX      64
#define EVIDENCE_BOOT_FINDINGS_MAX      64
#define EVIDENCE_BOOT_PATH_MAX          512  /* bytes of UTF-8 */
#define EVIDENCE_BOOT_TEXT_MAX          4096 /* bytes of UTF-8; a kernel's own limit is 2048 or 4096 */
#define EVIDENCE_BOOT_NAME_MAX          64

enum evidence_boot_secure_boot {
        EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN, /* PCR 7 is not trusted, or does not say it, or not plainly */
        EVIDENCE_BOOT_SECURE_BOOT_OFF,
        EVIDENCE_BOOT_SECURE_BOOT_ON,
        EVIDENCE_BOOT_SECURE_BOOT_ABSENT, /* the firmware has no variable SecureBoot: it does not know Secure Boot */
};

/* A variable of PCR 7, measured before the separator. */
struct evidence_boot_variable {
        bool known;
        size_t len_bytes;   /* 0: the variable does not exist */
        size_t entry_count; /* certificates and hashes in its EFI_SIGNATURE_LISTs */
        uint8_t sha256[32]; /* of its content */
};

/* A digest of PCR 7's authorities: what allowed an image to run, or shim's own settings. */
struct evidence_boot_authority {
        char name[EVIDENCE_BOOT_NAME_MAX + 1];
        uint8_t guid[16];
        bool by_shim;       /* the GUID is shim's: name is Shim, MokList, SbatLevel … */
        uint8_t sha256[32]; /* of its content: a certificate, mostly with its owner's GUID before */
};

struct evidence_boot_application {
        uint32_t event;
        uint32_t pcr; /* 4, or 2 for drivers */
        bool driver;
        size_t digest_len;
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX]; /* Authenticode, in the bank of replay.algorithms[pcr] */
        char path[EVIDENCE_BOOT_PATH_MAX + 1];        /* as the log says; no digest covers it. "" if it has none */
};

enum evidence_boot_loader {
        EVIDENCE_BOOT_LOADER_GRUB,
        EVIDENCE_BOOT_LOADER_SYSTEMD, /* systemd-boot or systemd-stub */
};

struct evidence_boot_command_line {
        uint32_t event;
        uint32_t pcr;
        enum evidence_boot_loader loader;
        bool authentic; /* that this is a command line was measured too, and not only its text */
        bool plain;     /* printable ASCII, and all that was measured: nothing was replaced or cut off for the text below */
        char text[EVIDENCE_BOOT_TEXT_MAX + 1];
};

/* Digests under a name: a section of a unified kernel image (PCR 11), what shim measures (PCR 14). */
struct evidence_boot_section {
        uint32_t event;
        uint32_t pcr;
        bool name_authentic; /* the name was measured as well. PCR 14's names are not */
        char name[EVIDENCE_BOOT_NAME_MAX + 1];
        size_t digest_len;
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];
};

enum evidence_boot_finding_kind {
        EVIDENCE_BOOT_NO_ACTION_DIGEST,  /* EV_NO_ACTION with a digest: somebody wanted it to look measured */
        EVIDENCE_BOOT_DIGEST_MISMATCH,   /* the digest is not that of the data, as it should be for the type: data ignored */
        EVIDENCE_BOOT_SEPARATOR_MISSING, /* of a trusted PCR 0 to 7 */
        EVIDENCE_BOOT_SEPARATOR_REPEATED,
        EVIDENCE_BOOT_SEPARATOR_ERROR,   /* the firmware says that it failed */
        EVIDENCE_BOOT_SEPARATOR_RETYPED, /* an event of another type with a separator's digest: taken as the separator */
        EVIDENCE_BOOT_AFTER_SEPARATOR,   /* a configuration variable measured after the separator: ignored */
        EVIDENCE_BOOT_VARIABLE_MALFORMED,
        EVIDENCE_BOOT_VARIABLE_FOREIGN,      /* a known name under another GUID: ignored */
        EVIDENCE_BOOT_VARIABLE_REPEATED,     /* measured twice with different contents: unknown */
        EVIDENCE_BOOT_UNEXPECTED_EVENT,      /* before PCR 7's separator, or in PCR 4, of a type that does not belong there */
        EVIDENCE_BOOT_SECURE_BOOT_LENGTH,    /* SecureBoot is not one byte of 0 or 1 */
        EVIDENCE_BOOT_APPLICATION_EARLY,     /* an application of PCR 4 before "Calling EFI Application from Boot Option" */
        EVIDENCE_BOOT_APPLICATION_MALFORMED, /* its data is not an image load event, or its device path is broken */
        EVIDENCE_BOOT_COMMAND_LINE_LABEL,    /* a kernel command line by its label alone, which no digest covers */
        EVIDENCE_BOOT_EXIT_MISSING,          /* no "Exit Boot Services Invocation" in a trusted PCR 5 */
        EVIDENCE_BOOT_DROPPED,               /* more than a limit of this header: the rest is not listed */
        EVIDENCE_BOOT_FINDING_KIND_COUNT,
};

struct evidence_boot_finding {
        enum evidence_boot_finding_kind kind;
        bool has_event;
        uint32_t event; /* number and offset, if has_event */
        size_t offset;
        uint32_t pcr;
};

struct evidence_boot {
        uint32_t trusted; /* as the replay's */
        enum evidence_boot_secure_boot secure_boot;
        bool setup_mode_known;
        bool setup_mode; /* no platform key is enrolled */
        struct evidence_boot_variable pk, kek, db, dbx;
        uint32_t separators;      /* bit n: PCR n is trusted and has exactly one separator, no error */
        bool exit_boot_services;  /* PCR 5 is trusted and has "Exit Boot Services Returned with Success" */
        uint8_t startup_locality; /* of PCR 0, if that is trusted */
        bool mok_list_trusted_known;
        bool mok_list_trusted;                       /* shim lets the kernel trust MokList for its own keyring */
        char sbat_level[EVIDENCE_BOOT_NAME_MAX + 1]; /* the date line of shim's revocations ("sbat,1,2021030218"), or "" */
        bool uefi_debug_mode;                        /* the firmware allows a debugger */
        bool dma_protection_disabled;                /* the firmware says that devices may read all memory */
        size_t authority_count;
        struct evidence_boot_authority authorities[EVIDENCE_BOOT_AUTHORITIES_MAX];
        bool applications_complete; /* PCR 4 is trusted, and all its applications are listed */
        size_t application_count;
        struct evidence_boot_application applications[EVIDENCE_BOOT_APPLICATIONS_MAX];
        size_t section_count;
        struct evidence_boot_section sections[EVIDENCE_BOOT_SECTIONS_MAX];
        /* PCRs 8 and 12 are trusted, and each of their events has its text or is a listed line: no command line hides in them. */
        bool command_lines_complete;
        size_t command_line_count;
        struct evidence_boot_command_line command_lines[EVIDENCE_BOOT_COMMAND_LINES_MAX];
        size_t grub_command_count; /* GRUB commands whose digest covers them */
        size_t finding_count;
        struct evidence_boot_finding findings[EVIDENCE_BOOT_FINDINGS_MAX];
};

/*
 * Derives. `replay` must be of this log. What firmware and loaders measured stands before what a running system could add to a
 * PCR, but nothing marks the border: of lists the first entries are the boot's, and whoever wants exactly one must ask for
 * exactly one. GRUB boots the last kernel that it was told to load. Free with evidence_boot_free(). What is odd about a log is a
 * finding and no error. Errors: NO_MEMORY, CRYPTO.
 */
bool evidence_boot_new(const struct evidence_eventlog *log, const struct evidence_eventlog_replay *replay,
                       struct evidence_boot **ret, struct base_error *error) BASE_MUST_CHECK;
void evidence_boot_free(struct evidence_boot *boot);
BASE_DEFINE_CLEANUP(struct evidence_boot, evidence_boot_free)
#define evidence_auto_boot BASE_CLEANUP(evidence_boot_free_p)

/* A short name ("separator-missing") and a sentence, for people and JSON; never NULL. */
const char *evidence_boot_finding_name(enum evidence_boot_finding_kind kind);
const char *evidence_boot_finding_text(enum evidence_boot_finding_kind kind);
