/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl policy sign: policy files into a signed bundle for a fleet. */
#include "base/file.h"
#include "base/ini.h"
#include "client/attestctl/commands.h"
#include "client/attestctl/policy_bundle.h"
#include "client/attestctl/policy_files.h"
#include "client/attestctl/private_file.h"
#include "policy/bundle_signer.h"
#include "policy/bundle_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define OUTPUT_MODE 0644

enum {
        OPTION_NEXT_KEY = '4',
        OPTION_NEXT_CERTIFICATE,
        OPTION_RETIRE,
        OPTION_NOT_BEFORE,
        OPTION_NOT_AFTER,
        OPTION_VERSION,
};

struct sign_state {
        const char *key;
        const char *certificate;
        const char *next_key;
        const char *next_certificate;
        const char *fleet;
        const char *output;
        uint64_t version;
        bool has_version;
        bool retire;
        uint64_t not_before;
        uint64_t not_after;
};

/* What is read into a bundle. */
struct contents {
        struct policy_bundle bundle;
        struct base_buffer texts[POLICY_BUNDLE_FILES_MAX];
};

static void contents_free_p(struct contents **contents)
{
        if (*contents == NULL)
                return;
        for (size_t i = 0; i < POLICY_BUNDLE_FILES_MAX; i++)
                base_buffer_clear(&(*contents)->texts[i]);
        free(*contents);
}

static bool read_time(const char *value, uint64_t *ret, struct base_error *error)
{
        static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ" };

        for (size_t i = 0; i < BASE_COUNT(forms); i++) {
                struct tm parts = { 0 };
                const char *end = strptime(value, forms[i], &parts);
                time_t seconds;

                if (end == NULL || *end != '\0')
                        continue;
                seconds = timegm(&parts);
                if (seconds > 0) {
                        *ret = (uint64_t) seconds;
                        return true;
                }
        }
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                              "\"%s\" is no time as in 2026-12-31 or 2026-12-31T08:00:00Z (UTC)", value);
}

static bool read_version(const char *value, struct sign_state *sign, struct base_error *error)
{
        errno = 0;
        sign->version = strtoumax(value, NULL, 10);
        sign->has_version = true;
        if (*value == '\0' || value[strspn(value, "0123456789")] != '\0' || errno != 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--version takes an unsigned integer of 64 bits");
        return true;
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct sign_state *sign = state;
        const struct {
                char letter;
                const char **to;
        } texts[] = {
                { 'k', &sign->key },   { 'c', &sign->certificate }, { OPTION_NEXT_KEY, &sign->next_key },
                { 'f', &sign->fleet }, { 'o', &sign->output },      { OPTION_NEXT_CERTIFICATE, &sign->next_certificate },
        };

        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                if (texts[i].letter == letter) {
                        *texts[i].to = value;
                        return true;
                }
        if (letter == OPTION_RETIRE) {
                sign->retire = true;
                return true;
        }
        if (letter == OPTION_VERSION)
                return read_version(value, sign, error);
        return read_time(value, letter == OPTION_NOT_BEFORE ? &sign->not_before : &sign->not_after, error);
}

static bool check_options(const struct sign_state *sign, struct base_error *error)
{
        if (sign->key == NULL || sign->fleet == NULL || sign->output == NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "give --key KEY, --fleet NAME and --output BUNDLE");
        if (sign->next_key == NULL && (sign->next_certificate != NULL || sign->retire))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "--next-certificate and --retire say something of --next-key, which is not given");
        if (strlen(sign->fleet) > POLICY_BUNDLE_FLEET_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a fleet's name has at most %d bytes",
                                      POLICY_BUNDLE_FLEET_BYTES_MAX);
        return true;
}

static bool read_signer(const char *key_path, const char *certificate_path, struct policy_signer **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer key = BASE_BUFFER_INIT(POLICY_SIGNER_PEM_BYTES_MAX),
                                            certificates = BASE_BUFFER_INIT(POLICY_SIGNER_PEM_BYTES_MAX);

        if (!attestctl_private_file_read(key_path, &key, error) ||
            (certificate_path != NULL && !base_file_read(certificate_path, &certificates, error)))
                return false;
        return policy_signer_new(base_buffer_bytes(&key), base_buffer_bytes(&certificates), ret, error) ||
               base_error_prefix(error, "%s", key_path);
}

static bool add_file(struct contents *contents, const char *path, struct base_error *error)
{
        const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
        size_t number = contents->bundle.file_count;
        struct policy_bundle_file *file = &contents->bundle.files[number];

        if (number == POLICY_BUNDLE_FILES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a policy bundle holds at most %d files",
                                      POLICY_BUNDLE_FILES_MAX);
        if (!policy_file_name_valid(name))
                return base_error_set(
                        error, BASE_ERROR_INVALID_ARGUMENT,
                        "%s: a policy file's name has at most %d letters, digits, '-', '_' and '.', and ends in .conf", path,
                        POLICY_BUNDLE_FILE_NAME_BYTES_MAX);
        base_buffer_init(&contents->texts[number], POLICY_BUNDLE_BYTES_MAX);
        if (!base_file_read(path, &contents->texts[number], error))
                return false;
        (void) strcpy(file->name, name);
        file->text = base_buffer_bytes(&contents->texts[number]);
        contents->bundle.file_count++;
        return true;
}

static bool add_path(struct contents *contents, const char *path, struct base_error *error)
{
        base_auto_ini_files struct base_ini_files files = { 0 };
        struct stat status;

        if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
                return add_file(contents, path, error);
        if (!base_ini_list(&path, 1, ".conf", &files, error))
                return false;
        for (size_t i = 0; i < files.count; i++)
                if (!add_file(contents, files.paths[i], error))
                        return false;
        return true;
}

/* With a next key: from then on that one, and the present one too unless it is retired. */
static void name_successors(const struct sign_state *sign, struct policy_signer *const signers[static 2],
                            struct policy_bundle *bundle)
{
        if (signers[1] == NULL)
                return;
        bundle->anchors[bundle->anchor_count++] = policy_signer_anchor(signers[1]);
        if (!sign->retire)
                bundle->anchors[bundle->anchor_count++] = policy_signer_anchor(signers[0]);
}

static bool read_all(const struct sign_state *sign, char **paths, int count, struct contents *contents, struct base_error *error)
{
        struct policy_bundle *bundle = &contents->bundle;

        for (int i = 0; i < count; i++)
                if (!add_path(contents, paths[i], error))
                        return false;
        policy_bundle_sort(bundle);
        (void) strcpy(bundle->fleet, sign->fleet);
        bundle->not_before = sign->not_before;
        bundle->not_after = sign->not_after;
        return true;
}

/* What it has made it reads again as a device will. */
static bool write_bundle(const struct sign_state *sign, struct contents *contents, struct policy_signer *const signers[static 2],
                         char ret_signer[POLICY_SIGNER_BYTES_MAX], struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        struct policy_bundle made;

        name_successors(sign, signers, &contents->bundle);
        return policy_bundle_sign(&contents->bundle, signers, signers[1] == NULL ? 1 : 2, &bytes, error) &&
               policy_bundle_parse(base_buffer_bytes(&bytes), &made, error) &&
               policy_bundle_signatures_check(&made, ret_signer, error) &&
               base_file_replace_at(AT_FDCWD, sign->output, base_buffer_bytes(&bytes), OUTPUT_MODE, error);
}

/* The policy as the bundle's files make it; its version is the bundle's. Returns the exit status. */
static int load_policy(struct attestctl *ctl, const struct sign_state *sign, struct policy_bundle *bundle, struct policy **ret)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct policy_text texts[POLICY_BUNDLE_FILES_MAX];
        struct base_error error = BASE_ERROR_INIT;
        json_t *errors;

        for (size_t i = 0; i < bundle->file_count; i++)
                texts[i] = (struct policy_text){ .name = bundle->files[i].name, .text = bundle->files[i].text };
        if (diagnostics == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (!policy_load_texts(texts, bundle->file_count, diagnostics, ret, &error)) {
                errors = json_array();
                return attestctl_fail_files(ctl, attestctl_policy_report(ctl, diagnostics, sign->fleet, &error, errors), errors);
        }
        bundle->version = (*ret)->version;
        if (bundle->version == 0)
                (void) base_error_set(
                        &error, BASE_ERROR_POLICY_INVALID,
                        "the policy has no Version=, which tells devices the newer bundle: add [Policy] and Version=1");
        else if (sign->has_version && sign->version != bundle->version)
                (void) base_error_set(&error, BASE_ERROR_POLICY_INVALID,
                                      "Version= of the files is %" PRIu64 ", and not %" PRIu64 " as --version has it",
                                      bundle->version, sign->version);
        return error.code == BASE_ERROR_NONE ? 0 : attestctl_fail_own(ctl, &error);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        BASE_CLEANUP(contents_free_p) struct contents *contents = calloc(1, sizeof(*contents));
        policy_auto_signer struct policy_signer *signer = NULL, *next = NULL;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;
        const struct sign_state *sign = state;
        char name[POLICY_SIGNER_BYTES_MAX];
        int status;

        if (contents == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (!check_options(sign, &error) || !read_signer(sign->key, sign->certificate, &signer, &error) ||
            (sign->next_key != NULL && !read_signer(sign->next_key, sign->next_certificate, &next, &error)) ||
            !read_all(sign, arguments, count, contents, &error))
                return attestctl_fail_own(ctl, &error);
        status = load_policy(ctl, sign, &contents->bundle, &policy);
        if (status != 0)
                return status;
        if (!write_bundle(sign, contents, (struct policy_signer *[2]){ signer, next }, name, &error))
                return attestctl_fail_own(ctl, &error);
        return attestctl_bundle_report(ctl, &contents->bundle, policy, name, true);
}

static const struct base_option options[] = {
        { 'k', "key", "FILE", "private key in PEM: Ed25519, EC P-256 or P-384" },
        { 'c', "certificate", "FILE",
          "the key's certificate and those above it in PEM, the authority's last; without it, devices "
          "trust the key itself" },
        { 'f', "fleet", "NAME", "for which devices: Fleet= of their configuration" },
        { 'o', "output", "FILE", "where the bundle goes" },
        { OPTION_VERSION, "version", "N", "refuse if Version= of the files is another" },
        { OPTION_NOT_BEFORE, "not-before", "TIME", "devices refuse it before this time (UTC)" },
        { OPTION_NOT_AFTER, "not-after", "TIME", "devices refuse it after this time" },
        { OPTION_NEXT_KEY, "next-key", "FILE", "signs too; devices trust it from this bundle on, besides the key" },
        { OPTION_NEXT_CERTIFICATE, "next-certificate", "FILE", "of the next key, as --certificate" },
        { OPTION_RETIRE, "retire", NULL, "devices trust the next key alone from this bundle on" },
        { 0 },
};

const struct attestctl_command attestctl_policy_sign_command = {
        .name = "policy",
        .subcommand = "sign",
        .arguments = "FILE…",
        .summary = "Sign policy files, or those of a directory, as a bundle for a fleet",
        .help = "\nNeeds no daemon. The files are checked as \"attestctl policy check\" does. The bundle's version is Version= "
                "of the "
                "policy;\ndevices accept no bundle with a lower one than they have.\n",
        .arguments_min = 1,
        .arguments_max = INT_MAX,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct sign_state),
        .run = run,
};
