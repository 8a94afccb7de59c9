/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/snapshot.h"

#include "issuer/json.h"
#include "issuer/pkcs11.h"
#include "issuer/registry.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/ini.h"
#include "evidence/claims.h"
#include "evidence/ek_template.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define DIRECTORY_BYTES_MAX 16384

struct issuer_snapshot *issuer_snapshot_ref(struct issuer_snapshot *snapshot)
{
        (void) __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
        return snapshot;
}

void issuer_snapshot_unref(struct issuer_snapshot *snapshot)
{
        if (snapshot == NULL || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        issuer_keys_clear(&snapshot->keys);
        base_buffer_clear(&snapshot->directory);
        policy_free(snapshot->policy);
        evidence_ek_authorities_free(snapshot->authorities);
        base_buffer_clear(&snapshot->allow_list);
        base_buffer_clear(&snapshot->revoked);
        for (size_t i = 0; i < snapshot->group_count; i++)
                policy_free(snapshot->groups[i].policy);
        free(snapshot->groups);
        issuer_references_clear(&snapshot->reference_values);
        free(snapshot);
}

static void put_key(struct base_buffer *to, const struct issuer_key *key)
{
        if (to->data[to->len - 1] == '}')
                base_buffer_put_u8(to, ',');
        base_buffer_put_u8(to, '{');
        issuer_json_put_member_unsigned(to, "token-type", key->type);
        issuer_json_put_name(to, "token-key");
        base_buffer_put_u8(to, '"');
        base_base64_encode(to, token_public_key_encoded(token_issuer_key_public(key->key)), BASE_BASE64_URL);
        base_buffer_put_u8(to, '"');
        issuer_json_put_member_unsigned(to, "not-before", key->not_before);
        base_buffer_put_u8(to, '}');
}

/* RFC 9578, section 4, and docs/PROTOCOL.md. */
static bool make_directory(struct issuer_snapshot *snapshot, struct base_error *error)
{
        struct base_buffer *to = &snapshot->directory;
        base_auto_buffer struct base_buffer tag = BASE_BUFFER_INIT(ISSUER_ETAG_MAX);
        uint8_t hash[BASE_SHA256_LEN];
        struct base_bytes body;

        base_buffer_put_u8(to, '{');
        issuer_json_put_member_string(to, "issuer-request-uri", ISSUER_PATH_TOKEN);
        issuer_json_put_name(to, "token-keys");
        base_buffer_put_u8(to, '[');
        for (size_t i = 0; i < snapshot->keys.count && base_buffer_ok(to); i++)
                put_key(to, &snapshot->keys.items[i]);
        base_buffer_put_u8(to, ']');
        issuer_json_put_name(to, "attestation");
        base_buffer_put_u8(to, '{');
        issuer_json_put_member_string(to, "profile", EVIDENCE_PROFILE);
        issuer_json_put_member_string(to, "nonce-uri", ISSUER_PATH_NONCE);
        issuer_json_put_member_string(to, "enroll-uri", ISSUER_PATH_ENROLL);
        issuer_json_put_member_string(to, "event-log-uri", ISSUER_PATH_EVENT_LOG);
        base_buffer_put_string(to, "}}\n");
        body = base_buffer_bytes(to);
        if (!base_buffer_ok(to))
                return base_error_set_no_memory(error);
        if (!base_sha256(&body, 1, hash, error))
                return false;
        base_hex_encode(&tag, BASE_BYTES(hash, 16));
        if (base_buffer_c_string(&tag) == NULL)
                return base_error_set_no_memory(error);
        (void) snprintf(snapshot->etag, sizeof(snapshot->etag), "\"%s\"", base_buffer_c_string(&tag));
        return true;
}

static int compare_names(const void *a, const void *b)
{
        return memcmp(a, b, ISSUER_ALLOW_LIST_ENTRY_LEN);
}

/* One entry: a name of 68 hex digits, or a certificate's fingerprint of 64; '#' begins a comment line. */
static bool read_list_line(const char *file, unsigned number, const char *line, size_t len, struct base_buffer *to,
                           struct base_error *error)
{
        while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
                len--;
        if (len == 0 || line[0] == '#')
                return true;
        if (len == ISSUER_FINGERPRINT_LEN * 2)
                base_buffer_put_u16(to, 0);
        else if (len != ISSUER_ALLOW_LIST_ENTRY_LEN * 2)
                len = 0;
        if (len == 0 || !base_hex_decode(to, line, len))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                      "%s:%u:1: an endorsement key's name is %d hex digits, as tpm2_readpublic prints it, a "
                                      "certificate's SHA-256 fingerprint %d",
                                      file, number, ISSUER_ALLOW_LIST_ENTRY_LEN * 2, ISSUER_FINGERPRINT_LEN * 2);
        return base_buffer_ok(to) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s has more than %d entries", file, ISSUER_ALLOW_LIST_MAX);
}

static bool load_list(const char *file, struct base_buffer *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(ISSUER_ALLOW_LIST_BYTES_MAX);
        const char *at;
        unsigned number = 1;

        base_buffer_init(to, (size_t) ISSUER_ALLOW_LIST_MAX * ISSUER_ALLOW_LIST_ENTRY_LEN);
        if (!base_file_read(file, &text, error))
                return false;
        at = base_buffer_c_string(&text);
        if (at == NULL)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s is larger than %d bytes", file,
                                      ISSUER_ALLOW_LIST_BYTES_MAX);
        for (; *at != '\0'; number++) {
                size_t len = strcspn(at, "\n");

                if (!read_list_line(file, number, at, len, to, error))
                        return false;
                at += at[len] == '\0' ? len : len + 1;
        }
        if (to->len > 0)
                qsort(to->data, to->len / ISSUER_ALLOW_LIST_ENTRY_LEN, ISSUER_ALLOW_LIST_ENTRY_LEN, compare_names);
        return true;
}

static bool load_authorities(const struct issuer_config *config, struct evidence_ek_authorities **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_EK_AUTHORITIES_BYTES_MAX);
        base_auto_ini_files struct base_ini_files files = { 0 };
        const char *const directories[] = { config->ek_ca_directory };

        if (config->ek_ca_file != NULL && !base_file_read(config->ek_ca_file, &pem, error))
                return false;
        if (config->ek_ca_directory != NULL && !base_ini_list(directories, 1, ".pem", &files, error))
                return false;
        for (size_t i = 0; i < files.count; i++) {
                base_buffer_put_u8(&pem, '\n');
                if (!base_file_read(files.paths[i], &pem, error))
                        return false;
        }
        if (!evidence_ek_authorities_new(base_buffer_bytes(&pem), ret, error))
                return base_error_prefix(error, "endorsement key authorities in %s",
                                         config->ek_ca_file != NULL ? config->ek_ca_file : config->ek_ca_directory);
        return true;
}

static bool load_policy(const char *directory, struct policy **ret, struct base_error *error)
{
        policy_auto_policy struct policy *policy = NULL;

        if (!policy_load_directories(&directory, 1, NULL, &policy, error))
                return false;
        /* A directory that was named and is empty or gone would otherwise let everybody pass. */
        if (policy->count == 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "there is no rule in %s/*.conf", directory);
        *ret = BASE_STEAL(policy);
        return true;
}

static bool add_group(const char *directory, const char *name, struct issuer_snapshot *snapshot, struct base_error *error)
{
        struct issuer_group_policy *group = &snapshot->groups[snapshot->group_count];
        base_auto_free char *path = NULL;

        if (snapshot->group_count == ISSUER_GROUPS_MAX || strlen(name) > ISSUER_GROUP_NAME_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "%s/%s: at most %d groups have a policy, with names of at most %d bytes", directory, name,
                                      ISSUER_GROUPS_MAX, ISSUER_GROUP_NAME_MAX);
        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return base_error_set_no_memory(error);
        if (!load_policy(path, &group->policy, error))
                return false;
        (void) snprintf(group->group, sizeof(group->group), "%s", name);
        snapshot->group_count++;
        return true;
}

static void close_directory(DIR **directory)
{
        if (*directory != NULL)
                (void) closedir(*directory);
}

static bool load_group_policies(const char *path, struct issuer_snapshot *snapshot, struct base_error *error)
{
        BASE_CLEANUP(close_directory) DIR *directory = opendir(path);
        const struct dirent *entry;

        if (directory == NULL)
                return base_error_set_errno(error, errno, "cannot read the directory %s", path);
        snapshot->groups = calloc(ISSUER_GROUPS_MAX, sizeof(*snapshot->groups));
        if (snapshot->groups == NULL)
                return base_error_set_no_memory(error);
        while ((entry = readdir(directory)) != NULL)
                if (entry->d_name[0] != '.' && !add_group(path, entry->d_name, snapshot, error))
                        return false;
        return true;
}

const struct policy *issuer_snapshot_policy(const struct issuer_snapshot *snapshot, const char *group)
{
        for (size_t i = 0; i < snapshot->group_count; i++)
                if (strcmp(snapshot->groups[i].group, group) == 0)
                        return snapshot->groups[i].policy;
        return snapshot->policy;
}

unsigned issuer_snapshot_tokens_per_day(const struct issuer_snapshot *snapshot, const char *group)
{
        for (size_t i = 0; i < snapshot->quota_count; i++)
                if (strcmp(snapshot->quotas[i].group, group) == 0)
                        return snapshot->quotas[i].tokens_per_day;
        return snapshot->tokens_per_day;
}

static void take_quotas(struct issuer_snapshot *snapshot, const struct issuer_config *config)
{
        snapshot->tokens_per_day = config->tokens_per_day;
        snapshot->event_logs_per_hour = config->event_logs_per_hour;
        snapshot->enrollments_per_hour = config->enrollments_per_hour;
        snapshot->rotate_days = config->rotate_days;
        snapshot->quota_count = config->group_count;
        for (size_t i = 0; i < config->group_count; i++) {
                struct issuer_group_quota *quota = &snapshot->quotas[i];

                (void) snprintf(quota->group, sizeof(quota->group), "%s", config->groups[i].name);
                quota->tokens_per_day = config->groups[i].tokens_per_day;
        }
}

static bool fill(struct issuer_snapshot *snapshot, const struct issuer_config *config, uint64_t now, const char *state_directory,
                 struct base_error *error)
{
        take_quotas(snapshot, config);
        snapshot->ek_requirement = config->ek_requirement;
        if (config->ek_requirement == ISSUER_EK_CERTIFICATE && !load_authorities(config, &snapshot->authorities, error))
                return false;
        if (config->ek_requirement == ISSUER_EK_ALLOW_LIST && !load_list(config->ek_allow_list, &snapshot->allow_list, error))
                return false;
        if (config->ek_revocation_list != NULL && !load_list(config->ek_revocation_list, &snapshot->revoked, error))
                return false;
        if (config->policy_directory != NULL && !load_policy(config->policy_directory, &snapshot->policy, error))
                return false;
        if (config->group_policies != NULL && !load_group_policies(config->group_policies, snapshot, error))
                return false;
        if (!issuer_approvers_load(config, &snapshot->approvers, error))
                return false;
        if (config->reference_values != NULL &&
            !issuer_references_load(config->reference_values, &snapshot->reference_values, error))
                return false;
        return state_directory == NULL ||
               (issuer_keys_load(state_directory, issuer_pkcs11_other_types(config), now, config->rotate_days, &snapshot->keys,
                                 error) &&
                issuer_pkcs11_add_keys(config, &snapshot->keys, error) && make_directory(snapshot, error));
}

bool issuer_snapshot_load(const struct issuer_config *config, uint64_t now, const char *state_directory,
                          struct issuer_snapshot **ret, struct base_error *error)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = calloc(1, sizeof(*snapshot));

        if (snapshot == NULL)
                return base_error_set_no_memory(error);
        snapshot->references = 1;
        base_buffer_init(&snapshot->directory, DIRECTORY_BYTES_MAX);
        if (!fill(snapshot, config, now, state_directory, error))
                return false;
        *ret = BASE_STEAL(snapshot);
        return true;
}

static bool list_has(const struct base_buffer *list, struct base_bytes entry)
{
        return entry.len == ISSUER_ALLOW_LIST_ENTRY_LEN && list->len > 0 &&
               bsearch(entry.data, list->data, list->len / ISSUER_ALLOW_LIST_ENTRY_LEN, ISSUER_ALLOW_LIST_ENTRY_LEN,
                       compare_names) != NULL;
}

static bool list_has_fingerprint(const struct base_buffer *list, struct base_bytes fingerprint)
{
        uint8_t entry[ISSUER_ALLOW_LIST_ENTRY_LEN] = { 0 };

        if (fingerprint.len != ISSUER_FINGERPRINT_LEN)
                return false;
        memcpy(entry + sizeof(entry) - ISSUER_FINGERPRINT_LEN, fingerprint.data, fingerprint.len);
        return list_has(list, BASE_BYTES_OF(entry));
}

bool issuer_snapshot_is_revoked(const struct issuer_snapshot *snapshot, struct base_bytes ek_name,
                                struct base_bytes ek_other_name, struct base_bytes fingerprint)
{
        return list_has(&snapshot->revoked, ek_name) || list_has(&snapshot->revoked, ek_other_name) ||
               list_has_fingerprint(&snapshot->revoked, fingerprint);
}

/* A fingerprint is everybody's to know: it counts for the key that its certificate is for. */
static bool check_allow_list(const struct issuer_snapshot *snapshot, const struct evidence_public *endorsement_key,
                             struct base_bytes certificate, struct issuer_admission *admission, struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;
        bool bound = certificate.len > 0 && evidence_ek_certificate_check_subject(certificate, endorsement_key, &reason);

        admission->has_fingerprint = bound;
        if (list_has(&snapshot->allow_list, evidence_public_name(endorsement_key)))
                return true;
        if (!list_has_fingerprint(&snapshot->allow_list, BASE_BYTES_OF(admission->fingerprint)))
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "neither this device's endorsement key nor its certificate is on the issuer's list");
        return bound || base_error_copy(error, &reason);
}

static bool check_authorities(const struct issuer_snapshot *snapshot, const struct evidence_public *endorsement_key,
                              struct base_bytes certificate, uint64_t now, struct issuer_admission *admission,
                              struct base_error *error)
{
        if (certificate.len == 0)
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "this issuer needs the TPM maker's certificate for the endorsement key");
        admission->has_fingerprint = true;
        admission->certified = true;
        return evidence_ek_certificate_check(snapshot->authorities, certificate, endorsement_key, now, error);
}

bool issuer_snapshot_admit(const struct issuer_snapshot *snapshot, const struct evidence_public *endorsement_key,
                           struct base_bytes certificate, uint64_t now, struct issuer_admission *ret, struct base_error *error)
{
        struct issuer_admission admission = { .certified = false };
        bool admitted;

        if (!base_sha256(&certificate, 1, admission.fingerprint, error) ||
            !evidence_ek_other_name(endorsement_key, admission.ek_other_name, &admission.ek_other_name_len, error))
                return false;
        if (issuer_snapshot_is_revoked(snapshot, evidence_public_name(endorsement_key),
                                       BASE_BYTES(admission.ek_other_name, admission.ek_other_name_len),
                                       BASE_BYTES(admission.fingerprint, certificate.len == 0 ? 0 : ISSUER_FINGERPRINT_LEN)))
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                                      "this device's endorsement key is on the issuer's revocation list");
        switch (snapshot->ek_requirement) {
        case ISSUER_EK_CERTIFICATE:
                admitted = check_authorities(snapshot, endorsement_key, certificate, now, &admission, error);
                break;
        case ISSUER_EK_ALLOW_LIST:
                admitted = check_allow_list(snapshot, endorsement_key, certificate, &admission, error);
                break;
        case ISSUER_EK_ANY:
                admitted = true;
                break;
        default:
                return base_error_set(error, BASE_ERROR_INTERNAL, "nobody chose who may enrol");
        }
        if (admitted)
                *ret = admission;
        return admitted;
}
