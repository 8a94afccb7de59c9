/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl doctor: one page that says what is wrong with this device and how to mend it, the first thing first. */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

#include "base/file.h"
#include "policy/known_facts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define FINDINGS_MAX     256
#define BUNDLE_BYTES_MAX (1024 * 1024)

enum grade {
        GRADE_GOOD,
        GRADE_WARN,
        GRADE_BAD,
};

struct finding {
        enum grade grade;
        int status;          /* of BAD: the exit status that stands for it */
        size_t public_bytes; /* of the text: what support may read if the rest tells facts of the administrator's own; 0: all */
        char check[96];
        char text[640];
        char remedy[640]; /* "": none */
};

struct findings {
        struct finding items[FINDINGS_MAX];
        size_t count;
};

struct doctor_state {
        const char *bundle;
};

static const char *const grade_names[] = { "good", "warning", "bad" };

__attribute__((format(printf, 5, 6))) static struct finding *note(struct findings *findings, enum grade grade, int status,
                                                                  const char *check, const char *format, ...)
{
        struct finding *finding = &findings->items[findings->count == FINDINGS_MAX ? FINDINGS_MAX - 1 : findings->count++];
        va_list arguments;

        *finding = (struct finding){ .grade = grade, .status = status };
        (void) snprintf(finding->check, sizeof(finding->check), "%s", check);
        va_start(arguments, format);
        (void) vsnprintf(finding->text, sizeof(finding->text), format, arguments);
        va_end(arguments);
        return finding;
}

__attribute__((format(printf, 2, 3))) static void advise(struct finding *finding, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(finding->remedy, sizeof(finding->remedy), format, arguments);
        va_end(arguments);
}

static void check_tpm(struct findings *findings, const struct attester_status *status)
{
        if (strcmp(status->tpm_state, "ready") == 0)
                (void) note(findings, GRADE_GOOD, 0, "TPM", "ready");
        else if (strcmp(status->tpm_state, "connecting") == 0)
                (void) note(findings, GRADE_WARN, 0, "TPM", "nobody has needed it yet");
        else
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_TPM_UNAVAILABLE, "TPM", "%s", status->tpm_state),
                       "No TPM: turn it on in the firmware's settings. No access: attesterd's user has to be in the group tss.");
}

/* What is in force stays so; what did not come may be newer. */
static void check_fetch(struct findings *findings, const struct attester_status *status)
{
        char when[ATTESTCTL_TIME_BYTES];

        attestctl_time_text(status->policy_fetch_failed_at, when);
        advise(note(findings, GRADE_WARN, 0, "policy", "the fleet's bundle could not be fetched: %s at %s: %s",
                    status->policy_fetch_name, when, status->policy_fetch_error),
               "`BundleUrl=` and `BundleCaFile=` in attesterd.conf, network and proxy; then `attestctl reload`, which tries "
               "again at once.");
}

static void check_files(struct findings *findings, const struct attester_status *status)
{
        if (status->config_error[0] != '\0')
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_CONFIG_INVALID, "configuration", "%s", status->config_error),
                       "What was in force before still is. Mend the file, then `attestctl reload`.");
        else
                (void) note(findings, GRADE_GOOD, 0, "configuration", "in force");
        if (status->policy_error[0] != '\0')
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_POLICY_INVALID, "policy", "%s", status->policy_error),
                       "Files: `attestctl policy check FILE` shows all errors; mend them, then `attestctl reload`. "
                       "A fleet's bundle: get the newest one, then `attestctl policy install BUNDLE`.");
        else if (status->policy_fetch_name[0] != '\0')
                check_fetch(findings, status);
        else if (status->policy_version == 0)
                (void) note(findings, GRADE_GOOD, 0, "policy", "none, or without Version=");
        else
                (void) note(findings, GRADE_GOOD, 0, "policy", "version %" PRIu64, status->policy_version);
}

/* An issuer of the status, with its directory, or why that could not be had. */
struct seen_issuer {
        struct attester_issuer *issuer; /* NULL: see `error` */
        struct attester_error error;
};

/* Whether enrolment is what the issuer waits for; unknown until its directory was fetched, which says whether it takes evidence.
 */
static bool lacks_enrollment(const struct attester_issuer_state *state, const struct seen_issuer *seen)
{
        return strcmp(state->enrollment, "not-enrolled") == 0 && seen->issuer != NULL && seen->issuer->attestation;
}

static void check_key(struct findings *findings, const struct attester_status *status, const struct seen_issuer *seen)
{
        const char *state = status->seal_state;
        bool wanted = false;

        for (size_t i = 0; i < status->issuer_count; i++)
                wanted = wanted || lacks_enrollment(&status->issuers[i], &seen[i]);

        if (strncmp(state, "sealed", strlen("sealed")) == 0)
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_SEALED, "key", "%s", state),
                       "`attestctl seal status` shows what changed. If that was wanted: `attestctl reseal`, then enrol again.");
        else if (strcmp(state, "open") == 0)
                (void) note(findings, GRADE_GOOD, 0, "key", "signs in this boot state");
        else if (strcmp(state, "none") == 0 && wanted)
                (void) note(findings, GRADE_WARN, 0, "key", "there is none yet; enrolment makes it");
        else
                (void) note(findings, GRADE_GOOD, 0, "key", "%s", state);
}

static void check_rules(struct attestctl *ctl, struct findings *findings, const char *issuer)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_rule *rules = NULL;
        size_t count = 0, met = 0;
        bool passed = false;

        if (attester_evaluate(ctl->attester, issuer, &ctl->options, &passed, &rules, &count, &error) < 0) {
                (void) note(findings, GRADE_BAD, error.code, issuer, "its rules cannot be evaluated: %s", error.message);
                return;
        }
        for (size_t i = 0; i < count; i++) {
                bool is_bad = strcmp(rules[i].outcome, "fail") == 0;
                struct finding *finding;

                if (strcmp(rules[i].outcome, "pass") == 0 || strcmp(rules[i].outcome, "skipped") == 0) {
                        met++;
                        continue;
                }
                finding = note(findings, is_bad ? GRADE_BAD : GRADE_WARN, ATTESTER_ERROR_POLICY_DENIED, issuer, "rule %s: %s%s",
                               rules[i].name, rules[i].reason, strcmp(rules[i].outcome, "grace") == 0 ? " (in grace)" : "");
                if (strstr(rules[i].reason, "custom.") != NULL)
                        finding->public_bytes = strlen("rule : ") + strlen(rules[i].name);
                advise(finding, "%s", rules[i].remedy);
        }
        if (met == count && count > 0)
                (void) note(findings, GRADE_GOOD, 0, issuer, "this device meets all of its own rules");
        attester_rules_free(rules, count);
}

static void check_issuer(struct attestctl *ctl, struct findings *findings, const struct attester_issuer_state *state,
                         const struct seen_issuer *seen)
{
        const struct attester_issuer *issuer = seen->issuer;

        if (issuer == NULL)
                advise(note(findings, GRADE_BAD, seen->error.code, state->name, "%s", seen->error.message),
                       "Network, proxy and `Url=` of its file in issuers.d; its operator, if it is down.");
        else if (issuer->key_count == 0)
                (void) note(findings, GRADE_BAD, ATTESTER_ERROR_ISSUER_REJECTED, state->name, "it has no token key");
        else
                (void) note(findings, GRADE_GOOD, 0, state->name, "its directory is here");
        if (issuer != NULL && issuer->mirror != NULL && strcmp(issuer->mirror, "agrees") != 0)
                advise(note(findings, GRADE_WARN, ATTESTER_ERROR_ISSUER_UNREACHABLE, state->name,
                            "its keys could not be compared: the mirror is %s", issuer->mirror),
                       "`DirectoryMirror=` of its file in issuers.d");
        if (lacks_enrollment(state, seen))
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_NOT_ENROLLED, state->name, "it does not know this device"),
                       "`attestctl enroll %s`", state->name);
        check_rules(ctl, findings, state->name);
}

/* What is first here is what everything behind it rests on. */
static void examine(struct attestctl *ctl, struct findings *findings, char **ret_version)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_status *status = NULL;
        base_auto_free struct seen_issuer *seen = NULL;
        struct attester_seal *seal = NULL;

        /* Makes the daemon look at the TPM; what it found is in the status. */
        (void) attester_get_seal(ctl->attester, &ctl->options, &seal, NULL);
        attester_seal_free(seal);
        if (attester_get_status(ctl->attester, &ctl->options, &status, &error) < 0) {
                advise(note(findings, GRADE_BAD, error.code, "attesterd", "%s", error.message),
                       "`systemctl status attesterd` and `journalctl -u attesterd` say why it does not run.");
                return;
        }
        *ret_version = strdup(status->version);
        (void) note(findings, GRADE_GOOD, 0, "attesterd", "version %s answers", status->version);
        check_tpm(findings, status);
        check_files(findings, status);
        seen = calloc(status->issuer_count + 1, sizeof(*seen));
        if (seen == NULL) {
                (void) note(findings, GRADE_BAD, ATTESTER_ERROR_NO_MEMORY, "attestctl", "out of memory");
                attester_status_free(status);
                return;
        }
        for (size_t i = 0; i < status->issuer_count; i++)
                (void) attester_get_issuer(ctl->attester, status->issuers[i].name, &ctl->options, &seen[i].issuer,
                                           &seen[i].error);
        check_key(findings, status, seen);
        if (status->issuer_count == 0)
                advise(note(findings, GRADE_BAD, ATTESTER_ERROR_ISSUER_UNKNOWN, "issuers", "none is configured"),
                       "Ask your fleet's administrator for a file for /etc/attesterd/issuers.d.");
        for (size_t i = 0; i < status->issuer_count; i++)
                check_issuer(ctl, findings, &status->issuers[i], &seen[i]);
        for (size_t i = 0; i < status->issuer_count; i++)
                attester_issuer_free(seen[i].issuer);
        attester_status_free(status);
}

/* Without what is not `public_only`, for a file that leaves the device. */
static json_t *findings_json(const struct findings *findings, bool public_only)
{
        json_t *array = json_array();

        for (size_t i = 0; i < findings->count; i++) {
                const struct finding *finding = &findings->items[i];
                bool cut = public_only && finding->public_bytes > 0;
                char text[sizeof(finding->text)];

                (void) snprintf(text, sizeof(text), "%.*s%s", cut ? (int) finding->public_bytes : (int) sizeof(text),
                                finding->text,
                                cut ? "by facts of the administrator's own (custom.*), which are not told here" : "");
                (void) json_array_append_new(array,
                                             json_pack("{s:o, s:s, s:o, s:o}", "check", attestctl_json_string(finding->check),
                                                       "grade", grade_names[finding->grade], "text", attestctl_json_string(text),
                                                       "remedy", attestctl_json_string(finding->remedy)));
        }
        return array;
}

static void print_remedies(const struct attestctl *ctl, const struct findings *findings)
{
        unsigned number = 0;

        for (size_t i = 0; i < findings->count; i++) {
                const struct finding *finding = &findings->items[i];

                if (finding->remedy[0] == '\0')
                        continue;
                (void) printf("%s%2u. ", number == 0 ? "\nWhat to do, in this order:\n" : "", number + 1);
                number++;
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_HEADING, finding->check);
                (void) fputs(": ", stdout);
                attestctl_print_wrapped(stdout, ctl->color_out, ATTESTCTL_PLAIN, strlen("nn. : ") + strlen(finding->check),
                                        finding->remedy);
                (void) fputc('\n', stdout);
        }
}

static void print_findings(const struct attestctl *ctl, const struct findings *findings)
{
        static const enum attestctl_color colors[] = { ATTESTCTL_GOOD, ATTESTCTL_WARN, ATTESTCTL_BAD };
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, 3);
        for (size_t i = 0; i < findings->count; i++) {
                attestctl_table_add(&table, colors[findings->items[i].grade], grade_names[findings->items[i].grade]);
                attestctl_table_add(&table, ATTESTCTL_HEADING, findings->items[i].check);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, findings->items[i].text);
        }
        attestctl_table_print(&table, stdout, ctl->color_out);
        print_remedies(ctl, findings);
}

/* Facts that this project's programs set: none names a person or tells one device from another. */
static json_t *facts_json(struct attestctl *ctl)
{
        struct attester_fact *facts = NULL;
        json_t *object = json_object();
        size_t count = 0;

        if (attester_get_facts(ctl->attester, &ctl->options, &facts, &count, NULL) < 0)
                return object;
        for (size_t i = 0; i < count; i++)
                if (policy_known_fact_find(facts[i].name) != NULL)
                        (void) json_object_set_new(object, facts[i].name,
                                                   json_pack("{s:s, s:o}", "value_is",
                                                             facts[i].type == ATTESTER_VALUE_UNREADABLE ? "unreadable" : "known",
                                                             "text", attestctl_json_string(facts[i].text)));
        attester_facts_free(facts, count);
        return object;
}

static bool write_bundle(struct attestctl *ctl, const struct findings *findings, const char *version, const char *path,
                         struct base_error *error)
{
        json_t *document = json_pack("{s:o, s:o, s:o}", "version", attestctl_json_string(version == NULL ? "" : version),
                                     "findings", findings_json(findings, true), "facts", facts_json(ctl));
        char *text = document == NULL ? NULL : json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII);
        bool done;

        json_decref(document);
        if (text == NULL)
                return base_error_set_no_memory(error);
        done = base_file_replace_at(AT_FDCWD, path, base_bytes_from_string(text), 0600, error);
        free(text);
        return done;
}

static int exit_status(const struct findings *findings)
{
        for (size_t i = 0; i < findings->count; i++)
                if (findings->items[i].grade == GRADE_BAD)
                        return findings->items[i].status;
        return 0;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        const char *path = ((struct doctor_state *) state)->bundle;
        base_auto_free struct findings *findings = calloc(1, sizeof(*findings));
        base_auto_free char *version = NULL;
        struct base_error error = BASE_ERROR_INIT;
        int printed = 0;

        if (findings == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        examine(ctl, findings, &version);
        if (ctl->json)
                printed = attestctl_print_json(json_pack("{s:o}", "findings", findings_json(findings, false)));
        else
                print_findings(ctl, findings);
        if (path != NULL && !write_bundle(ctl, findings, version, path, &error))
                return attestctl_fail_own(ctl, &error);
        return printed != 0 ? printed : exit_status(findings);
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        ((struct doctor_state *) state)->bundle = value;
        return true;
}

static const struct base_option options[] = {
        { 'b', "bundle", "FILE", "also write what support needs, and nothing secret, to FILE" },
        { 0 },
};

const struct attestctl_command attestctl_doctor_command = {
        .name = "doctor",
        .arguments = "",
        .summary = "Say what is wrong with this device and how to mend it",
        .help = "\nEnds with the status of the first thing that is bad. The bundle holds versions, findings and the facts that\n"
                "attesterd measures; no key, no token, no identifier of the device, no fact of the administrator's own.\n",
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct doctor_state),
        .run = run,
};
