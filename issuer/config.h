/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file attester-issuer.conf; docs/issuer.md describes each key. Used by attester-issuer; may be included
 * by issuer/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/pcrs.h"

#include <stdint.h>

#define ISSUER_APPROVERS_MAX      32
#define ISSUER_GROUPS_MAX         64 /* that have something of their own */
#define ISSUER_NAME_MAX           64 /* of an approver or a reference, bytes */
#define ISSUER_TOKENS_PER_DAY_MAX 1000000

/* Who may enrol. There is no default: the operator chooses. */
enum issuer_ek_requirement {
        ISSUER_EK_UNSET,
        ISSUER_EK_CERTIFICATE, /* a certificate by one of the configured authorities */
        ISSUER_EK_ALLOW_LIST,  /* the endorsement key's name is in a file */
        ISSUER_EK_ANY,         /* any TPM, a simulated one too */
};

/* [Approver NAME]: an authority that signs boot states (seal mode `signed`, docs/tpm.md). */
struct issuer_config_approver {
        char *name;
        char *public_key;                   /* path */
        char *policy_ref;                   /* NULL: the empty reference */
        struct evidence_pcr_selection pcrs; /* what all its signatures cover, says the operator; mask 0: nothing is said */
};

/* [Group NAME] */
struct issuer_config_group {
        char *name;
        unsigned tokens_per_day;
};

struct issuer_config {
        char *file; /* where it was read from; NULL if it was a text */
        /* [Issuer] */
        char *name;
        char *listen;
        char *metrics_listen; /* NULL: no metrics */
        bool tls;
        char *certificate;
        char *certificate_key;
        char *state_directory;
        unsigned threads;
        unsigned connections_max;
        unsigned idle_timeout_s;
        unsigned request_timeout_s;
        /* [Verifier] */
        bool require_evidence;
        enum issuer_ek_requirement ek_requirement;
        char *ek_ca_file;
        char *ek_ca_directory;
        char *ek_allow_list;
        char *ek_revocation_list; /* NULL: none */
        unsigned nonce_lifetime_s;
        char *policy_directory;  /* NULL: every device in good standing gets tokens */
        char *group_policies;    /* NULL, or a directory of directories: each is the policy of the group of its name */
        char *reference_values;  /* NULL, or a file or directory */
        unsigned tokens_per_day; /* 0: no limit */
        unsigned event_logs_per_hour;
        unsigned enrollments_per_hour;
        size_t approver_count;
        struct issuer_config_approver approvers[ISSUER_APPROVERS_MAX];
        size_t group_count;
        struct issuer_config_group groups[ISSUER_GROUPS_MAX];
        /* [Admin] */
        char *admin_listen; /* NULL: no admin page */
        char *admin_certificate;
        char *admin_certificate_key;
        char *admin_client_ca; /* NULL on a Unix socket */
        char *admin_client_allow_list;
        char *admin_client_revocation_list;
        char *admin_allowed_users; /* names or numbers, separated by spaces; NULL: root and the process's own */
        /* [Keys] */
        unsigned token_types;  /* ISSUER_TYPE_BIT() of each */
        unsigned rotate_days;  /* 0: never */
        char *pkcs11;          /* RFC 7512 URI of the key of type 0x0002; NULL: keys are in the state directory */
        char *pkcs11_previous; /* of the one before it; NULL: none */
        char *pkcs11_pin_file;
};

/*
 * Reads a file (or a text, `name` being its name in messages), sets what it leaves out to the defaults, and checks that
 * the settings go together. The caller clears `ret`.
 * Errors: CONFIG_INVALID as "file:line:column: what" (an unknown section or key, a bad value) or "file: what" (settings
 * that are missing or contradict each other), LIMIT_EXCEEDED, NOT_FOUND, IO, NO_MEMORY.
 */
bool issuer_config_load(const char *path, struct issuer_config *ret, struct base_error *error) BASE_MUST_CHECK;
bool issuer_config_parse(const char *name, struct base_bytes text, struct issuer_config *ret,
                         struct base_error *error) BASE_MUST_CHECK;

void issuer_config_clear(struct issuer_config *config);
#define issuer_auto_config BASE_CLEANUP(issuer_config_clear)
