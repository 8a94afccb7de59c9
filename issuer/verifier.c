/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/verifier.h"

#include "issuer/facts.h"
#include "issuer/json.h"

#include "evidence/header.h"
#include "evidence/pcr_names.h"
#include "evidence/tpm_numbers.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define AUDIENCE_FACT "request.issuer" /* attesterd puts it into every claim for tokens */

/* What judging one request has found so far. */
struct trial {
        const struct issuer_verifier *verifier;
        const struct issuer_snapshot *snapshot;
        struct base_bytes request; /* token request, batch of these, or event log */
        size_t token_count;
        uint64_t now;
        struct evidence evidence;
        struct issuer_device device;
        struct evidence_verdict verified;
        struct issuer_boot boot;
        bool boot_known;  /* `boot` is of the boot that was quoted */
        bool rolled_back; /* the TPM was started more often in an earlier quote */
};

void issuer_verdict_clear(struct issuer_verdict *verdict)
{
        base_buffer_clear(&verdict->rules);
}

void issuer_verdict_set_failure(struct issuer_verdict *verdict, const struct base_error *error)
{
        verdict->status = 503;
        verdict->retry_after_s = ISSUER_BUSY_RETRY_AFTER_S;
        (void) base_error_set(&verdict->error, error->code, "The issuer cannot answer now; try again later.");
        base_error_set_detail(&verdict->error, "%s (%s)", error->message, error->detail);
}

static bool refuse(struct issuer_verdict *verdict, unsigned status, const struct base_error *reason)
{
        verdict->status = status;
        return base_error_copy(&verdict->error, reason);
}

static bool refuse_with(struct issuer_verdict *verdict, unsigned status, enum base_error_code code, const char *sentence)
{
        verdict->status = status;
        return base_error_set(&verdict->error, code, "%s", sentence);
}

/* An error that says something of the device is a refusal; any other is the issuer's own trouble. */
static bool refuse_or_fail(struct issuer_verdict *verdict, const struct base_error *reason)
{
        if (reason->code == BASE_ERROR_EVIDENCE_INVALID || reason->code == BASE_ERROR_UNSUPPORTED ||
            reason->code == BASE_ERROR_MALFORMED)
                return refuse(verdict, 403, reason);
        if (reason->code == BASE_ERROR_EVIDENCE_STALE)
                return refuse(verdict, 401, reason);
        issuer_verdict_set_failure(verdict, reason);
        return false;
}

static bool judge_standing(struct trial *trial, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;

        if (!issuer_registry_find(trial->verifier->registry, BASE_BYTES_OF(trial->evidence.key_id), &trial->device, &reason)) {
                if (reason.code == BASE_ERROR_NOT_FOUND)
                        return refuse_with(verdict, 403, BASE_ERROR_NOT_ENROLLED,
                                           "This device's key is not enrolled with this issuer; enrol it.");
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        memcpy(verdict->device, trial->device.id, sizeof(verdict->device));
        if (trial->device.status == ISSUER_DEVICE_REVOKED)
                return refuse_with(verdict, 403, BASE_ERROR_NOT_AUTHORIZED,
                                   "This device was revoked; ask the issuer's operator.");
        if (issuer_snapshot_is_revoked(
                    trial->snapshot, BASE_BYTES(trial->device.ek_name, trial->device.ek_name_len),
                    BASE_BYTES(trial->device.ek_other_name, trial->device.ek_other_name_len),
                    BASE_BYTES(trial->device.ek_fingerprint, trial->device.has_ek_fingerprint ? ISSUER_FINGERPRINT_LEN : 0)))
                return refuse_with(verdict, 403, BASE_ERROR_NOT_AUTHORIZED,
                                   "This device's endorsement key is on the issuer's revocation list.");
        if (trial->device.key_superseded)
                return refuse_with(verdict, 403, BASE_ERROR_NOT_ENROLLED,
                                   "This device has enrolled a newer key; use that or enrol again.");
        return true;
}

static bool judge_evidence(struct trial *trial, struct issuer_verdict *verdict)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct base_error reason = BASE_ERROR_INIT;
        struct evidence_expectation expectation = {
                .nonce_key = BASE_BYTES_OF(trial->verifier->nonce_key),
                .now = trial->now,
                .iat_skew_seconds_max = ISSUER_IAT_SKEW_S_MAX,
                .approvers = trial->snapshot->approvers.keys,
                .approver_count = trial->snapshot->approvers.count,
        };

        if (!evidence_public_new(BASE_BYTES(trial->device.ak_public, trial->device.ak_public_len), &key, &reason) ||
            !base_sha256(&trial->request, 1, expectation.request_digest, &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        expectation.attestation_key = key;
        return evidence_verify(&trial->evidence, &expectation, &trial->verified, &reason) || refuse_or_fail(verdict, &reason);
}

static bool judge_replay(struct trial *trial, struct issuer_verdict *verdict)
{
        const struct base_clock *clock = trial->verifier->clock;
        struct base_error reason = BASE_ERROR_INIT;

        switch (issuer_replay_add(trial->verifier->replay, trial->verified.leaf, (uint64_t) trial->device.row,
                                  clock->monotonic_ms(clock->context))) {
        case ISSUER_REPLAY_NEW:
                return true;
        case ISSUER_REPLAY_SEEN:
                return refuse_with(verdict, 401, BASE_ERROR_EVIDENCE_STALE, "This evidence was used before; make new evidence.");
        case ISSUER_REPLAY_SHARE:
                verdict->retry_after_s = ISSUER_BUSY_RETRY_AFTER_S;
                return refuse_with(verdict, 429, BASE_ERROR_RATE_LIMITED,
                                   "This device sends more evidence than one device may; try again later.");
        case ISSUER_REPLAY_FULL:
                break;
        }
        (void) base_error_set(&reason, BASE_ERROR_BUSY, "the replay table is full");
        issuer_verdict_set_failure(verdict, &reason);
        return false;
}

/* What the verifier can derive itself it never takes from the claims, and it does not let them contradict it. */
static bool judge_boot(struct trial *trial, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;
        bool found = issuer_registry_find_boot(trial->verifier->registry, trial->device.row, &trial->boot, &reason);

        if ((!found && reason.code != BASE_ERROR_NOT_FOUND) ||
            (found && !issuer_boot_holds(&trial->boot, &trial->evidence, &trial->verified, &trial->boot_known, &reason))) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        verdict->event_log_wanted = !trial->boot_known;
        return !trial->boot_known || issuer_boot_check_claims(&trial->boot, &trial->verified.claims, &reason) ||
               refuse_or_fail(verdict, &reason);
}

static void put_failed_names(const struct policy_results *results, char to[static ISSUER_RULE_NAMES_MAX])
{
        size_t used = 0;

        for (size_t i = 0; i < results->count; i++) {
                const char *name = results->items[i].rule->name;

                if (results->items[i].outcome == POLICY_OUTCOME_FAIL && used + strlen(name) + 2 <= ISSUER_RULE_NAMES_MAX)
                        used += (size_t) snprintf(to + used, ISSUER_RULE_NAMES_MAX - used, "%s%s", used == 0 ? "" : " ", name);
        }
}

static void put_failed_rules(const struct policy_results *results, struct base_buffer *to)
{
        base_buffer_put_u8(to, '[');
        for (size_t i = 0; i < results->count; i++) {
                const struct policy_result *result = &results->items[i];

                if (result->outcome != POLICY_OUTCOME_FAIL)
                        continue;
                if (to->data != NULL && to->data[to->len - 1] == '}')
                        base_buffer_put_u8(to, ',');
                base_buffer_put_u8(to, '{');
                issuer_json_put_member_string(to, "rule", result->rule->name);
                issuer_json_put_member_string(to, "reason", result->reason);
                issuer_json_put_member_string(to, "remedy", result->rule->remedy);
                base_buffer_put_u8(to, '}');
        }
        base_buffer_put_u8(to, ']');
        /* More than any peer reads: the summary has to do. */
        if (!base_buffer_ok(to))
                base_buffer_reset(to);
}

/* "firmware: pcr.approved is false; system: …" */
static void put_reasons(const struct policy_results *results, char *to, size_t size)
{
        size_t len = 0;

        for (size_t i = 0; i < results->count && len < size; i++)
                if (results->items[i].outcome == POLICY_OUTCOME_FAIL)
                        len += (size_t) snprintf(to + len, size - len, "%s%s: %s", len == 0 ? "" : "; ",
                                                 results->items[i].rule->name, results->items[i].reason);
}

static const struct issuer_approver *approver_of(const struct trial *trial)
{
        return issuer_approvers_find(&trial->snapshot->approvers, trial->verified.sealed_to_authority);
}

/* As in "sha256:7,11 sha1:7"; nothing if the key is not sealed to the quoted values themselves. */
static void put_sealed_pcrs(const struct trial *trial, struct base_buffer *to)
{
        const struct evidence_pcrs *sealed = &trial->verified.sealed;

        for (size_t i = 0; i < sealed->bank_count; i++) {
                const char *comma = "";

                base_buffer_printf(to, "%s%s:", i == 0 ? "" : " ", evidence_pcr_bank_name(sealed->banks[i].algorithm));
                for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                        if ((sealed->banks[i].mask & (1U << pcr)) == 0)
                                continue;
                        base_buffer_printf(to, "%s%u", comma, pcr);
                        comma = ",";
                }
        }
}

/* "the key is sealed to sha256:7" with its comma, or nothing. */
static void put_sealed(const struct trial *trial, struct base_buffer *to)
{
        if (approver_of(trial) != NULL)
                base_buffer_printf(to, ", and the key is sealed to what %s approves", approver_of(trial)->name);
        if (trial->verified.sealed.bank_count > 0)
                base_buffer_put_string(to, ", and the key is sealed to ");
        put_sealed_pcrs(trial, to);
}

/* For whoever looks at the device in the registry. It is the same for every request of a key, as a rule. */
static bool note_seal(struct trial *trial, struct issuer_verdict *verdict)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ISSUER_SEAL_TEXT_MAX);
        struct base_error reason = BASE_ERROR_INIT;
        const char *seal;

        if (approver_of(trial) != NULL)
                base_buffer_printf(&text, "approver %s", approver_of(trial)->name);
        else
                put_sealed_pcrs(trial, &text);
        if (text.len == 0)
                base_buffer_put_string(&text, "none");
        seal = base_buffer_c_string(&text);
        if (seal == NULL)
                seal = "many PCRs";
        if (strcmp(seal, trial->device.seal) == 0 ||
            issuer_registry_note_seal(trial->verifier->registry, trial->device.row, seal, &reason))
                return true;
        issuer_verdict_set_failure(verdict, &reason);
        return false;
}

/* `policy` NULL: there is none. `reference`: the name of the values that the PCRs have, or NULL. */
static void put_basis(const struct trial *trial, const struct policy *policy, const char *summary, const char *reference,
                      struct issuer_verdict *verdict)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ISSUER_BASIS_BYTES_MAX);
        const char *sealed;

        put_sealed(trial, &text);
        if (reference != NULL)
                base_buffer_printf(&text, ", and the PCRs are those of %s", reference);
        sealed = text.len == 0 ? "" : base_buffer_c_string(&text);
        if (sealed == NULL)
                sealed = ", and the key is sealed";
        if (policy == NULL)
                (void) snprintf(verdict->basis, sizeof(verdict->basis), "the evidence verifies%s; there is no policy", sealed);
        else
                (void) snprintf(verdict->basis, sizeof(verdict->basis), "the evidence verifies%s; policy version %" PRIu64 ": %s",
                                sealed, policy->version, summary);
}

/* Notes the quoted boot state, so that an operator can approve it, and finds out whether it is. */
static bool judge_boot_state(struct trial *trial, struct issuer_knowledge *knowledge, struct issuer_verdict *verdict)
{
        const struct evidence_pcr_selection reference = { EVIDENCE_TPM_ALG_SHA256, ISSUER_REFERENCE_PCRS };
        struct issuer_registry *registry = trial->verifier->registry;
        struct base_error reason = BASE_ERROR_INIT;
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        struct evidence_pcrs pcrs;

        if (!evidence_pcrs_select(&trial->verified.attest.pcrs, reference, &pcrs))
                return true;
        if (evidence_pcr_policy_digest(&pcrs, digest, &reason) &&
            issuer_registry_note_boot_state(registry, trial->device.row, digest, trial->now, &reason) &&
            issuer_registry_is_approved(registry, trial->device.group, digest, &knowledge->approved, &reason))
                return true;
        issuer_verdict_set_failure(verdict, &reason);
        return false;
}

/* The policy over the facts, with what is remembered of this device's failures. */
static bool evaluate(struct trial *trial, const struct policy *policy, const struct policy_facts *facts,
                     struct policy_results *ret, struct base_error *error)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;
        struct issuer_registry *registry = trial->verifier->registry;
        bool has_grace = policy_has_grace(policy);
        const struct policy_context context = {
                .issuer = trial->verifier->issuer,
                .device = base_bytes_from_string(trial->device.id),
                .now = trial->now,
                .graces = has_grace ? &graces : NULL,
        };

        return (!has_grace || issuer_registry_find_graces(registry, trial->device.row, &graces, error)) &&
               policy_evaluate(policy, facts, &context, ret, error) &&
               (!graces.changed || issuer_registry_put_graces(registry, trial->device.row, &graces, error));
}

static void match_references(const struct trial *trial, struct issuer_knowledge *knowledge)
{
        const struct issuer_reference *reference = issuer_references_match(&trial->snapshot->reference_values,
                                                                           trial->device.group, &trial->verified.attest.pcrs);

        if (reference == NULL)
                return;
        knowledge->approved = true;
        knowledge->reference = reference->name;
}

static bool judge_policy(struct trial *trial, struct issuer_verdict *verdict)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        struct issuer_knowledge knowledge = {
                .issuer = trial->verifier->issuer,
                .device = &trial->device,
                .boot = trial->boot_known ? &trial->boot : NULL,
                .approver = approver_of(trial),
                .rolled_back = trial->rolled_back,
        };
        const struct policy *policy = issuer_snapshot_policy(trial->snapshot, trial->device.group);
        struct base_error reason = BASE_ERROR_INIT;

        if (policy == NULL) {
                put_basis(trial, NULL, NULL, NULL, verdict);
                return true;
        }
        if (!judge_boot_state(trial, &knowledge, verdict))
                return false;
        match_references(trial, &knowledge);
        if (!issuer_facts_collect(&trial->evidence, &trial->verified, &knowledge, trial->now, &facts, &reason))
                return refuse_or_fail(verdict, &reason);
        if (!evaluate(trial, policy, &facts, &results, &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        if (results.pass) {
                put_basis(trial, policy, results.summary, knowledge.reference, verdict);
                return true;
        }
        put_failed_rules(&results, &verdict->rules);
        put_failed_names(&results, verdict->rule_names);
        put_reasons(&results, verdict->reasons, sizeof(verdict->reasons));
        verdict->status = 403;
        return base_error_set(&verdict->error, BASE_ERROR_POLICY_DENIED, "The device does not meet the issuer's policy: %s.",
                              results.summary);
}

static bool judge_quota(struct trial *trial, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;
        bool allowed;

        if (!issuer_registry_count_tokens(trial->verifier->registry, trial->device.row, trial->now, trial->token_count,
                                          issuer_snapshot_tokens_per_day(trial->snapshot, trial->device.group), &allowed,
                                          &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        if (allowed)
                return true;
        verdict->retry_after_s = (unsigned) (86400 - trial->now % 86400);
        return refuse_with(verdict, 429, BASE_ERROR_RATE_LIMITED,
                           trial->token_count == 1 ? "This device has had all its tokens for today."
                                                   : "This device has not as many tokens left for today.");
}

/* A log takes the issuer much longer than a request takes the device. */
static bool judge_log_quota(struct trial *trial, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;
        bool allowed;

        if (!issuer_registry_count_use(trial->verifier->registry, trial->device.row, ISSUER_USE_EVENT_LOG, trial->now,
                                       trial->snapshot->event_logs_per_hour, &allowed, &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        if (allowed)
                return true;
        verdict->retry_after_s = (unsigned) (3600 - trial->now % 3600);
        return refuse_with(verdict, 429, BASE_ERROR_RATE_LIMITED, "This device has sent too many event logs within the hour.");
}

/* A TPM counts its resets and never forgets one: who shows fewer than before has a copy of its state, or an old one of it. */
static bool judge_reset_count(struct trial *trial, struct issuer_verdict *verdict)
{
        uint32_t quoted = trial->verified.attest.reset_count, known = trial->device.reset_count;
        struct base_error reason = BASE_ERROR_INIT;

        trial->rolled_back = quoted < known;
        if (trial->rolled_back)
                (void) snprintf(verdict->warning, sizeof(verdict->warning),
                                "the TPM has been started %" PRIu32 " times, and %" PRIu32
                                " times before: there are two of it, or its state was set back",
                                quoted, known);
        if (quoted <= known ||
            issuer_registry_note_reset_count(trial->verifier->registry, BASE_BYTES_OF(trial->evidence.key_id), quoted, &reason))
                return true;
        issuer_verdict_set_failure(verdict, &reason);
        return false;
}

/* What token requests and event logs have in common. */
static bool judge_device(struct trial *trial, const char *header, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;

        if (!evidence_decode_header(header, strlen(header), &trial->evidence, &reason))
                return refuse(verdict, 400, &reason);
        return judge_standing(trial, verdict) && judge_evidence(trial, verdict) && judge_replay(trial, verdict) &&
               judge_reset_count(trial, verdict) && note_seal(trial, verdict);
}

static bool refuse_bare(struct issuer_verdict *verdict)
{
        return refuse_with(verdict, 401, BASE_ERROR_EVIDENCE_STALE,
                           "Attestation evidence is needed, made with the nonce of this response.");
}

/*
 * An issuer that passes a device's evidence on to another one can have it made with the other's nonce; but the device says whom
 * it is for. Who does not say so is no attesterd, and looks after itself.
 */
static bool judge_audience(struct trial *trial, struct issuer_verdict *verdict)
{
        const struct evidence_fact *named = evidence_claims_find_fact(&trial->verified.claims, AUDIENCE_FACT);
        const char *name = named != NULL && named->kind == EVIDENCE_FACT_STRING ? named->text : "";

        if (named == NULL || strcasecmp(name, trial->verifier->issuer) == 0)
                return true;
        verdict->status = 403;
        return base_error_set(&verdict->error, BASE_ERROR_EVIDENCE_INVALID,
                              "The evidence is for the issuer \"%.120s\", and this is %.120s: that has to be Name= at both ends.",
                              name, trial->verifier->issuer);
}

static bool judge(struct trial *trial, const char *header, struct issuer_verdict *verdict)
{
        (void) snprintf(verdict->basis, sizeof(verdict->basis), "no evidence is asked for");
        if (header == NULL)
                return !trial->verifier->require_evidence || refuse_bare(verdict);
        return judge_device(trial, header, verdict) && judge_audience(trial, verdict) && judge_boot(trial, verdict) &&
               judge_policy(trial, verdict) && judge_quota(trial, verdict);
}

static const char *secure_boot_words(const struct issuer_boot *boot)
{
        const struct evidence_fact *fact = issuer_boot_find(boot, "boot.secure_boot");

        if (fact == NULL)
                return "Secure Boot is not known";
        return fact->boolean ? "Secure Boot is on" : "Secure Boot is off";
}

static bool take_event_log(struct trial *trial, const char *header, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;

        if (header == NULL)
                return refuse_bare(verdict);
        if (!judge_device(trial, header, verdict) || !judge_log_quota(trial, verdict))
                return false;
        if (!issuer_boot_derive(trial->request, &trial->evidence, &trial->verified, &trial->boot, &reason))
                return refuse_or_fail(verdict, &reason);
        if (!issuer_registry_put_boot(trial->verifier->registry, trial->device.row, &trial->boot, trial->now, &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        (void) snprintf(verdict->basis, sizeof(verdict->basis), "the event log replays to the quoted PCRs; %s%s",
                        secure_boot_words(&trial->boot),
                        issuer_boot_find(&trial->boot, ISSUER_BOOT_LOG_FACT)->boolean ? ""
                                                                                      : "; it does not account for all of them");
        return true;
}

static void trial_begin(struct trial *trial, const struct issuer_verifier *verifier, const struct issuer_snapshot *snapshot,
                        struct base_bytes request, struct issuer_verdict *verdict)
{
        memset(trial, 0, sizeof(*trial));
        trial->verifier = verifier;
        trial->snapshot = snapshot;
        trial->request = request;
        trial->now = verifier->clock->wall_seconds(verifier->clock->context);
        *verdict = (struct issuer_verdict){ .rules = BASE_BUFFER_INIT(ISSUER_RULES_BYTES_MAX) };
}

void issuer_verifier_judge(const struct issuer_verifier *verifier, const struct issuer_snapshot *snapshot,
                           const char *evidence_header, struct base_bytes request, size_t token_count, struct issuer_verdict *ret)
{
        struct trial trial;

        trial_begin(&trial, verifier, snapshot, request, ret);
        trial.token_count = token_count;
        if (judge(&trial, evidence_header, ret))
                ret->status = 200;
        evidence_verdict_clear(&trial.verified);
}

void issuer_verifier_take_event_log(const struct issuer_verifier *verifier, const struct issuer_snapshot *snapshot,
                                    const char *evidence_header, struct base_bytes log, struct issuer_verdict *ret)
{
        struct trial trial;

        trial_begin(&trial, verifier, snapshot, log, ret);
        if (take_event_log(&trial, evidence_header, ret))
                ret->status = 204;
        evidence_verdict_clear(&trial.verified);
}
