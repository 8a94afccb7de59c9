/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies: named rules over facts, read from INI files with drop-ins, and their evaluation. The same code runs in the
 * daemon (early, with remedies for the person) and at the issuer's verifier (for real). docs/policy.md describes the
 * files. Used by attesterd, attestctl and attester-issuer; may be included by the folders that may include policy/.
 */
#pragma once

#include "base/buffer.h"
#include "base/hash.h"
#include "policy/diagnostics.h"
#include "policy/expression.h"
#include "policy/grace.h"

#define POLICY_RULES_MAX             1024
#define POLICY_RULE_NAME_BYTES_MAX   64  /* without the NUL; letters, digits, `_`, `-`, `.`; starts with a letter or digit */
#define POLICY_RULE_REMEDY_BYTES_MAX 512 /* without the NUL; UTF-8 without control characters */
#define POLICY_TRANSLATIONS_MAX      64  /* of one remedy */
#define POLICY_LOCALE_BYTES_MAX      32  /* without the NUL */
#define POLICY_SUMMARY_BYTES_MAX     192
#define POLICY_GRACE_S_MAX           (366 * 24 * 60 * 60)
#define POLICY_ROLLOUT_ALL           100 /* percent */
#define POLICY_ISSUER_BYTES_MAX      255 /* without the NUL; printable ASCII without spaces */

/* What it means that a rule does not pass. */
enum policy_severity {
        POLICY_SEVERITY_REQUIRE, /* the policy fails */
        POLICY_SEVERITY_WARN,    /* the person is told */
};

/* A remedy in another language: the value of Remedy[locale]=. */
struct policy_translation {
        char *locale;
        char *text;
        unsigned file_number; /* of the file that set it; the loader's own */
};

struct policy_rule {
        char *name;
        char *when;    /* the text of When=; NULL if the rule always applies */
        char *require; /* the text of Require= */
        char *remedy;  /* "" if there is none */
        char *issuer;  /* the only issuer that the rule holds for; NULL: it holds for all */
        enum policy_severity severity;
        uint32_t grace_s;                        /* how long a failure is let pass; 0: not at all */
        uint8_t rollout_percent;                 /* of the devices that the rule holds for; POLICY_ROLLOUT_ALL */
        struct policy_translation *translations; /* of the remedy, sorted by locale */
        size_t translation_count;
        struct policy_expression *when_expression;
        struct policy_expression *require_expression;
};

/* Immutable once loaded; any number of evaluations may share it. */
struct policy {
        uint64_t version;          /* the last Version= read; 0 if no file has one */
        struct policy_rule *rules; /* in the order in which their names first stood in the files */
        size_t count;
        uint8_t digest[BASE_SHA256_LEN];
};

/*
 * Each loads a policy; the caller frees `ret` with policy_free(). `diagnostics` (NULL if not wanted; the caller sets it
 * to zero) takes what is wrong with the files, as much as fits. `digest` is SHA-256 over version and rules, so that equal
 * rules have equal digests wherever they were read from. A fact that nothing sets (policy/known_facts.h), or that is
 * compared with values of another type, is an error.
 * Errors: POLICY_INVALID as "file:line:column: what", LIMIT_EXCEEDED, NOT_FOUND, IO (the first thing wrong), NO_MEMORY.
 */
bool policy_load_buffer(const char *name, struct base_bytes text, struct policy_diagnostics *diagnostics, struct policy **ret,
                        struct base_error *error) BASE_MUST_CHECK;
/* Several texts as the files of one policy, read in this order. */
struct policy_text {
        const char *name;
        struct base_bytes text;
};
bool policy_load_texts(const struct policy_text *texts, size_t count, struct policy_diagnostics *diagnostics, struct policy **ret,
                       struct base_error *error) BASE_MUST_CHECK;
bool policy_load_file(const char *path, struct policy_diagnostics *diagnostics, struct policy **ret,
                      struct base_error *error) BASE_MUST_CHECK;
/*
 * The files `*.conf` of directories, highest precedence first (see base_ini_list()), read in the order of their names. A
 * rule of a later file replaces, key by key, the rule of the same name in earlier ones. No file at all is an empty policy.
 */
bool policy_load_directories(const char *const *directories, size_t count, struct policy_diagnostics *diagnostics,
                             struct policy **ret, struct base_error *error) BASE_MUST_CHECK;
/* ROOT/etc/attesterd/policy.d, ROOT/run/attesterd/policy.d, ROOT/usr/lib/attesterd/policy.d; `root` is "" for the system. */
bool policy_load_system(const char *root, struct policy_diagnostics *diagnostics, struct policy **ret,
                        struct base_error *error) BASE_MUST_CHECK;

/*
 * The rule's remedy for a locale as setlocale(3) and $LANG have it ("de_AT.UTF-8", "sr@latin") or as BCP 47 does ("de-AT"):
 * the translation for language, territory and modifier, then without modifier, without territory, for the language alone;
 * else the untranslated one, which also NULL gives. Owned by the rule.
 * Source: the Desktop Entry Specification, "Localized values for keys".
 */
const char *policy_rule_remedy(const struct policy_rule *rule, const char *locale);

/* Calls `visitor` for each fact that the rule's expressions name, repetitions included. */
void policy_rule_visit_facts(const struct policy_rule *rule, void (*visitor)(const char *fact_name, void *context),
                             void *context);

void policy_free(struct policy *policy);
BASE_DEFINE_CLEANUP(struct policy, policy_free)
#define policy_auto_policy BASE_CLEANUP(policy_free_p)

enum policy_outcome {
        POLICY_OUTCOME_PASS,
        POLICY_OUTCOME_FAIL,
        POLICY_OUTCOME_SKIPPED, /* another issuer's, not rolled out to this device, or its When= is false */
        POLICY_OUTCOME_WARN,    /* would fail, but Severity=warn */
        POLICY_OUTCOME_GRACE,   /* would fail, but Grace= is not over */
        POLICY_OUTCOME_COUNT,
};

struct policy_result {
        const struct policy_rule *rule; /* its name, remedy and texts; owned by the policy */
        enum policy_outcome outcome;
        char *reason;          /* why it failed, warns, is in grace or was skipped; NULL if it passed */
        uint64_t grace_left_s; /* of GRACE */
};

struct policy_results {
        struct policy_result *items; /* one a rule, in the policy's order */
        size_t count;
        size_t failed;
        size_t skipped;
        size_t warned;
        size_t graced;
        bool pass;                              /* no rule failed; warnings and grace do not count */
        char summary[POLICY_SUMMARY_BYTES_MAX]; /* "all 5 rules pass", "2 of 5 rules fail", "the policy has no rules" */
};

#define POLICY_RESULTS_INIT                                                                                                      \
        {                                                                                                                        \
                0                                                                                                                \
        }

/* What an evaluation rests on besides the facts. */
struct policy_context {
        const char *issuer;           /* who is asked for tokens; NULL or "": nobody in particular */
        struct base_bytes device;     /* what tells this device from others in a rollout; empty: it is in all of them */
        uint64_t now;                 /* seconds since 1970, for `graces` */
        struct policy_graces *graces; /* read and changed; NULL: there is no grace */
};

/*
 * Evaluates every rule; `context` NULL is one of zeros. A rule is skipped if it holds for another issuer, is not rolled out to
 * the device, or its When= is false; one whose When= is unknown applies. A rule passes only if its Require= is true. One that
 * does not warns if it has Severity=warn, is in grace if its Grace= is not over, and else fails.
 * The results point into `policy`, which must outlive them; the caller clears `ret`. An outcome is a result; the only errors are
 * NO_MEMORY and CRYPTO.
 */
bool policy_evaluate(const struct policy *policy, const struct policy_facts *facts, const struct policy_context *context,
                     struct policy_results *ret, struct base_error *error) BASE_MUST_CHECK;

/* Whether some rule has Grace=. */
bool policy_has_grace(const struct policy *policy);

void policy_results_clear(struct policy_results *results);
#define policy_auto_results BASE_CLEANUP(policy_results_clear)

/* "pass", "fail", "skipped", "warn", "grace". */
const char *policy_outcome_name(enum policy_outcome outcome);
