/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/approval.h"

#include "base/file.h"
#include "evidence/signature_file.h"
#include "tpm/pcr_read.h"

#include <limits.h>
#include <string.h>

static const char *const directories[] = { "/etc/systemd", "/run/systemd", "/usr/lib/systemd" };

#define PLACES_MAX (1 + BASE_COUNT(directories))

/* The paths to look at, in order; "" for the end. */
struct places {
        char paths[PLACES_MAX][PATH_MAX];
        size_t count;
};

static void list_places(const struct tpm_seal_config *config, const char *configured, const char *name, struct places *ret)
{
        ret->count = 0;
        if (configured[0] != '\0')
                (void) snprintf(ret->paths[ret->count++], PATH_MAX, "%s%s", config->root, configured);
        for (size_t i = 0; i < BASE_COUNT(directories); i++)
                (void) snprintf(ret->paths[ret->count++], PATH_MAX, "%s%s/%s", config->root, directories[i], name);
}

bool tpm_authority_load(const struct tpm_seal_config *config, struct evidence_authority *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);
        struct base_error problem = BASE_ERROR_INIT;
        struct places places;

        list_places(config, config->public_key, TPM_SEAL_PUBLIC_KEY_NAME, &places);
        /* A configured key is that one or none. */
        if (config->public_key[0] != '\0')
                places.count = 1;
        for (size_t i = 0; i < places.count; i++) {
                if (base_file_read(places.paths[i], &pem, &problem)) {
                        if (evidence_authority_from_pem(base_buffer_bytes(&pem), ret, &problem))
                                return true;
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                              "The authority's public key %s cannot be used. %s", places.paths[i],
                                              problem.message);
                }
                if (problem.code != BASE_ERROR_NOT_FOUND)
                        return base_error_copy(error, &problem);
        }
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                              "Seal mode \"signed\" needs the authority's public key, and there is no %s.",
                              config->public_key[0] != '\0' ? places.paths[0] : TPM_SEAL_PUBLIC_KEY_NAME " of systemd's");
}

static const uint16_t banks[] = { TPM_PCR_BANK_SHA256, TPM_PCR_BANK_SHA384 };

/* One search for a signature: what it compares with and what it has seen. */
struct search {
        struct tpm_connection *connection;
        const struct tpm_key_file *file;
        struct evidence_public *authority;
        uint8_t fingerprint[EVIDENCE_AUTHORITY_FINGERPRINT_LEN];
        uint32_t covered; /* PCRs that the authority's signatures are for */
        uint32_t refused; /* PCRs whose present values only a signature that does not hold is for */
        unsigned files;
        unsigned others; /* signatures by other keys */
};

enum result {
        RESULT_FOUND,
        RESULT_NONE,
        RESULT_FAILED,
};

static void search_clear(struct search *search)
{
        evidence_public_free_p(&search->authority);
}

/* The present values of all PCRs that the authority's signatures of one bank are for. */
static bool read_bank(struct search *search, const struct evidence_pcr_signatures *signatures, uint16_t bank,
                      struct evidence_pcrs *ret, struct base_error *error)
{
        struct tpm_pcr_selection wanted = { .bank = bank };

        ret->bank_count = 0;
        for (size_t i = 0; i < signatures->count; i++) {
                const struct evidence_pcr_signature *entry = &signatures->entries[i];

                if (entry->pcrs.algorithm != bank)
                        continue;
                if (memcmp(entry->fingerprint, search->fingerprint, sizeof(search->fingerprint)) == 0)
                        wanted.mask |= entry->pcrs.mask;
                else
                        search->others++;
        }
        search->covered |= wanted.mask;
        return wanted.mask == 0 || tpm_pcrs_read(search->connection, wanted, ESYS_TR_NONE, ret, error);
}

static enum result try_entry(struct search *search, const struct evidence_pcr_signature *entry, struct evidence_pcrs *present,
                             struct tpm_approval *approval, struct base_error *error)
{
        const struct tpm_key_file *file = search->file;
        struct base_error problem = BASE_ERROR_INIT;

        present->banks[0].mask = entry->pcrs.mask;
        if (!evidence_pcr_policy_digest(present, approval->policy, error))
                return RESULT_FAILED;
        if (memcmp(approval->policy, entry->policy, sizeof(entry->policy)) != 0)
                return RESULT_NONE;
        approval->pcrs = (struct tpm_pcr_selection){ .bank = entry->pcrs.algorithm, .mask = entry->pcrs.mask };
        if (evidence_authority_verify(search->authority, approval->policy, BASE_BYTES(file->policy_ref, file->policy_ref_len),
                                      BASE_BYTES(entry->signature, entry->signature_len), approval->signature,
                                      &approval->signature_len, &problem))
                return RESULT_FOUND;
        search->refused |= entry->pcrs.mask;
        return problem.code == BASE_ERROR_EVIDENCE_INVALID ? RESULT_NONE : (base_error_copy(error, &problem), RESULT_FAILED);
}

static bool is_ours(const struct search *search, const struct evidence_pcr_signature *entry, uint16_t bank)
{
        return entry->pcrs.algorithm == bank && memcmp(entry->fingerprint, search->fingerprint, sizeof(search->fingerprint)) == 0;
}

static enum result try_signatures(struct search *search, const struct evidence_pcr_signatures *signatures,
                                  struct tpm_approval *ret, struct base_error *error)
{
        for (size_t b = 0; b < BASE_COUNT(banks); b++) {
                struct evidence_pcrs present;

                if (!read_bank(search, signatures, banks[b], &present, error))
                        return RESULT_FAILED;
                for (size_t i = 0; i < signatures->count && present.bank_count == 1; i++) {
                        const struct evidence_pcr_signature *entry = &signatures->entries[i];
                        enum result result;

                        if (!is_ours(search, entry, banks[b]))
                                continue;
                        result = try_entry(search, entry, &present, ret, error);
                        if (result != RESULT_NONE)
                                return result;
                }
        }
        return RESULT_NONE;
}

/* NONE with `problem` set: the file is damaged. */
static enum result try_file(struct search *search, const char *path, struct tpm_approval *ret, struct base_error *problem,
                            struct base_error *error)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_FILE_BYTES_MAX);
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };
        struct base_error failure = BASE_ERROR_INIT;

        if (!base_file_read(path, &json, &failure)) {
                if (failure.code != BASE_ERROR_NOT_FOUND)
                        *problem = failure;
                return RESULT_NONE;
        }
        search->files++;
        if (!evidence_pcr_signatures_parse(path, base_buffer_bytes(&json), &signatures, problem))
                return RESULT_NONE;
        return try_signatures(search, &signatures, ret, error);
}

static bool not_approved(const struct search *search, uint32_t *ret_pcrs, struct base_error *error)
{
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(BASE_ERROR_TEXT_MAX / 2);
        const char *text;

        *ret_pcrs = search->refused != 0 ? search->refused : search->covered;
        if (search->files == 0)
                return base_error_set(error, BASE_ERROR_SEALED,
                                      "There is no " TPM_SEAL_SIGNATURES_NAME ", so the attestation key does not sign. Install "
                                      "the one that came with the running system.");
        if (search->covered == 0)
                return base_error_set(error, BASE_ERROR_SEALED,
                                      "No signature in " TPM_SEAL_SIGNATURES_NAME
                                      " is by the authority that the attestation key is sealed to%s.",
                                      search->others != 0 ? "; all are by other keys" : "");
        evidence_pcr_names_put(&names, *ret_pcrs);
        text = base_buffer_c_string(&names);
        if (text == NULL)
                text = "several PCRs";
        if (search->refused != 0)
                return base_error_set(error, BASE_ERROR_SEALED,
                                      "The signature for the present values of %s is not valid: it is forged, or was made under "
                                      "another policy reference and is revoked. Install a system that is signed now.",
                                      text);
        return base_error_set(error, BASE_ERROR_SEALED,
                              "There is no signature for the present values of %s, so the attestation key does not sign. Start a "
                              "system that its authority has signed, or install the signatures of this one.",
                              text);
}

static bool search_begin(struct search *search, struct base_error *error)
{
        const struct tpm_key_file *file = search->file;

        return evidence_public_new(BASE_BYTES(file->authority_area, file->authority_len), &search->authority, error) &&
               evidence_authority_fingerprint(search->authority, search->fingerprint, error);
}

bool tpm_approval_find(struct tpm_connection *connection, const struct tpm_key_file *file, const struct tpm_seal_config *config,
                       struct tpm_approval *ret, uint32_t *ret_pcrs, struct base_error *error)
{
        BASE_CLEANUP(search_clear) struct search search = { .connection = connection, .file = file };
        struct base_error problem = BASE_ERROR_INIT;
        struct tpm_approval approval;
        struct places places;

        if (!search_begin(&search, error))
                return false;
        list_places(config, config->signatures, TPM_SEAL_SIGNATURES_NAME, &places);
        for (size_t i = 0; i < places.count; i++) {
                switch (try_file(&search, places.paths[i], &approval, &problem, error)) {
                case RESULT_FOUND:
                        *ret = approval;
                        return true;
                case RESULT_FAILED:
                        return false;
                case RESULT_NONE:
                        break;
                }
        }
        if (problem.code != BASE_ERROR_NONE)
                return base_error_copy(error, &problem);
        return not_approved(&search, ret_pcrs, error);
}

struct nearest {
        struct evidence_pcr_bank approved, present;
        int distance;
};

/* `all`: the present values of every PCR that the authority's signatures are for. */
static void consider(struct search *search, const struct evidence_pcr_signature *entry, const struct evidence_pcrs *all,
                     struct nearest *nearest)
{
        const struct tpm_key_file *file = search->file;
        struct evidence_pcrs present, approved;
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN], signature[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];
        size_t signature_len;
        int distance;

        if (!evidence_pcrs_select(all, entry->pcrs, &present) || !evidence_pcr_policy_digest(&present, policy, NULL) ||
            !evidence_authority_verify(search->authority, entry->policy, BASE_BYTES(file->policy_ref, file->policy_ref_len),
                                       BASE_BYTES(entry->signature, entry->signature_len), signature, &signature_len, NULL))
                return;
        if (memcmp(policy, entry->policy, sizeof(policy)) == 0)
                approved = present;
        else if (!evidence_pcr_signature_values(entry, &approved))
                return;
        distance = __builtin_popcount(tpm_pcrs_changed(&approved, &present));
        if (nearest->approved.mask == 0 || distance < nearest->distance)
                *nearest = (struct nearest){ approved.banks[0], present.banks[0], distance };
}

static bool consider_file(struct search *search, const char *path, struct nearest *nearest, struct base_error *error)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_FILE_BYTES_MAX);
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };

        if (!base_file_read(path, &json, NULL) ||
            !evidence_pcr_signatures_parse(path, base_buffer_bytes(&json), &signatures, NULL))
                return true;
        for (size_t b = 0; b < BASE_COUNT(banks); b++) {
                struct evidence_pcrs all;

                if (!read_bank(search, &signatures, banks[b], &all, error))
                        return false;
                for (size_t i = 0; i < signatures.count && all.bank_count == 1; i++)
                        if (is_ours(search, &signatures.entries[i], banks[b]))
                                consider(search, &signatures.entries[i], &all, nearest);
        }
        return true;
}

bool tpm_approval_nearest(struct tpm_connection *connection, const struct tpm_key_file *file,
                          const struct tpm_seal_config *config, struct evidence_pcr_bank *ret_approved,
                          struct evidence_pcr_bank *ret_present, struct base_error *error)
{
        BASE_CLEANUP(search_clear) struct search search = { .connection = connection, .file = file };
        struct nearest nearest = { .distance = 0 };
        struct places places;

        if (!search_begin(&search, error))
                return false;
        list_places(config, config->signatures, TPM_SEAL_SIGNATURES_NAME, &places);
        for (size_t i = 0; i < places.count; i++)
                if (!consider_file(&search, places.paths[i], &nearest, error))
                        return false;
        *ret_approved = nearest.approved;
        *ret_present = nearest.present;
        return true;
}
