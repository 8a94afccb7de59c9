/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "attesterd/config.h"
#include "attesterd/enrolment.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* A directory that stands for "/", with the configuration in etc. */
struct tree {
        char root[PATH_MAX / 4];
        char etc[PATH_MAX / 2];
};

static void make_parents(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
}

static void put(const struct tree *tree, const char *name, const char *text)
{
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s", tree->root, name);
        make_parents(path);
        assert_true(base_file_replace_at(AT_FDCWD, path, base_bytes_from_string(text), 0644, NULL));
}

static int set_up(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        (void) snprintf(tree->root, sizeof(tree->root), "/tmp/attesterd-config-XXXXXX");
        assert_non_null(mkdtemp(tree->root));
        (void) snprintf(tree->etc, sizeof(tree->etc), "%s/etc", tree->root);
        *state = tree;
        return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
        return remove(path);
}

static int tear_down(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(nftw(tree->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(tree);
        return 0;
}

static struct attesterd_config *load(const struct tree *tree)
{
        struct base_error error = BASE_ERROR_INIT;
        struct attesterd_config *config = NULL;

        if (!attesterd_config_load(tree->root, tree->etc, &config, &error))
                fail_msg("%s", error.message);
        return config;
}

/* The message's end, since it starts with the temporary directory. */
static void assert_refused(const struct tree *tree, const char *part)
{
        struct attesterd_config *config = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_false(attesterd_config_load(tree->root, tree->etc, &config, &error));
        if (strstr(error.message, part) == NULL)
                fail_msg("\"%s\" is not in \"%s\"", part, error.message);
        assert_int_equal(error.code, BASE_ERROR_CONFIG_INVALID);
        assert_null(config);
}

static void load_nothing_gives_defaults(void **state)
{
        struct attesterd_config *config = load(*state);

        assert_string_equal(config->tcti, "device:/dev/tpmrm0");
        assert_int_equal(config->seal.mode, TPM_SEAL_MODE_PCR);
        assert_string_equal(config->seal.policy_ref, "");
        assert_int_equal(config->seal_pcrs.mask, TPM_PCR_SEAL_DEFAULT);
        assert_int_equal(config->quote_pcrs.mask, TPM_PCR_QUOTE_DEFAULT);
        assert_int_equal(config->limits.requests_per_second, ATTESTERD_REQUESTS_PER_SECOND);
        assert_int_equal(config->limits.in_flight, ATTESTERD_IN_FLIGHT);
        assert_int_equal(config->issuer_count, 0);
        attesterd_config_free(config);
}

static void load_drop_ins_override_in_order(void **state)
{
        const struct tree *tree = *state;
        struct attesterd_config *config;

        put(tree, "etc/attesterd.conf", "[TPM]\nTcti=swtpm:a\nPcrs=sha256:7,11\n[Limits]\nRequestsPerSecond=1\nInFlight=9\n");
        put(tree, "usr/lib/attesterd/attesterd.conf.d/20-x.conf", "[Limits]\nRequestsPerSecond=2\n");
        put(tree, "etc/attesterd.conf.d/30-y.conf", "[Limits]\nRequestsPerSecond=3\nRequestsBurst=4\nInFlightPerUser=5\n");
        put(tree, "usr/lib/attesterd/attesterd.conf.d/30-y.conf", "[Limits]\nInFlight=6\n");
        config = load(tree);
        assert_string_equal(config->tcti, "swtpm:a");
        assert_int_equal(config->seal_pcrs.mask, 1u << 7 | 1u << 11);
        assert_int_equal(config->limits.requests_per_second, 3);
        assert_int_equal(config->limits.requests_burst, 4);
        assert_int_equal(config->limits.in_flight_per_user, 5);
        assert_int_equal(config->limits.in_flight, 9);
        attesterd_config_free(config);
}

static void load_seal_takes_an_authority(void **state)
{
        const struct tree *tree = *state;
        struct attesterd_config *config;

        put(tree, "etc/attesterd.conf", "[Seal]\nMode=signed\nPublicKey=/a/key.pem\nSignatures=/b/s.json\nPolicyRef=fleet-2\n");
        config = load(tree);
        assert_int_equal(config->seal.mode, TPM_SEAL_MODE_SIGNED);
        assert_string_equal(config->seal.root, tree->root);
        assert_string_equal(config->seal.public_key, "/a/key.pem");
        assert_string_equal(config->seal.signatures, "/b/s.json");
        assert_string_equal(config->seal.policy_ref, "fleet-2");
        attesterd_config_free(config);
}

static void load_issuers_are_sorted_with_default_url(void **state)
{
        const struct tree *tree = *state;
        struct attesterd_config *config;
        char text[PATH_MAX];

        put(tree, "ca.pem", "certificate");
        (void) snprintf(text, sizeof(text),
                        "[Issuer]\nName=a.example:8443\nUrl=https://b.example/d\nAttest=no\nCaFile=%s/ca.pem\n", tree->root);
        put(tree, "etc/issuers.d/z.conf", text);
        put(tree, "usr/lib/attesterd/issuers.d/b.conf", "[Issuer]\nName=b.example\nDirectoryMirror=https://c.example/b\n");
        config = load(tree);
        assert_int_equal(config->issuer_count, 2);
        assert_string_equal(config->issuers[0].name, "a.example:8443");
        assert_string_equal(config->issuers[0].url, "https://b.example/d");
        assert_false(config->issuers[0].attest);
        assert_memory_equal(config->issuers[0].ca_bundle, "certificate", 11);
        assert_string_equal(config->issuers[1].url, "https://b.example/.well-known/private-token-issuer-directory");
        assert_true(config->issuers[1].attest);
        assert_null(config->issuers[0].mirror);
        assert_string_equal(config->issuers[1].mirror, "https://c.example/b");
        assert_null(config->issuers[1].ca_bundle);
        attesterd_config_free(config);
}

static void load_what_is_wrong_is_named_with_its_place(void **state)
{
        static const struct {
                const char *file;
                const char *text;
                const char *message;
        } cases[] = {
                { "etc/attesterd.conf", "[TPM]\n Tcty=x\n", "attesterd.conf:2:2: unknown key Tcty" },
                { "etc/attesterd.conf", "[Seal]\nMode=both\n", "attesterd.conf:2:6: Mode=: not \"pcr\" or \"signed\"" },
                { "etc/attesterd.conf", "[Seal]\nPublicKey=key.pem\n", "PublicKey=: not an absolute path" },
                { "etc/attesterd.conf", "[Seal]\nSignatures=\n", "Signatures=: not an absolute path" },
                { "etc/attesterd.conf", "[Seal]\nPolicyRef=0123456789012345678901234567890123\n", "PolicyRef=: longer than 32" },
                { "etc/attesterd.conf", "[Tpm]\n", "attesterd.conf:1:2: unknown section Tpm" },
                { "etc/attesterd.conf", "[TPM]\nRequestsBurst=1\n", "attesterd.conf:2:1: unknown key RequestsBurst" },
                { "etc/attesterd.conf", "[TPM]\nPcrs=sha256:99\n", "attesterd.conf:2:6: Pcrs=: " },
                { "etc/attesterd.conf", "[TPM]\nTcti=\n", "attesterd.conf:2:6: Tcti=: " },
                { "etc/attesterd.conf", "[Limits]\nInFlight=0\n", "attesterd.conf:2:10: InFlight=: not a number from 1" },
                { "etc/attesterd.conf", "[Limits]\nInFlight=-1\n", "InFlight=: not a number" },
                { "etc/attesterd.conf", "[Limits]\nInFlight=7x\n", "InFlight=: not a number" },
                { "etc/attesterd.conf", "[Limits]\nInFlight=99999999999999999999\n", "InFlight=: not a number" },
                { "etc/attesterd.conf.d/x.conf", "[Limits\n", "x.conf:1:" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=A.example\n", "x.conf:2:6: Name=: not a host name" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=../../etc\n", "Name=: not a host name" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=.x\n", "Name=: not a host name" },
                { "etc/issuers.d/x.conf", "[Issuer]\nUrl=https://a.example/\n", "x.conf:1:1: the [Issuer] section has no Name=" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nUrl=http://a.example/\n",
                  "x.conf:3:5: Url=: not an https://" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nUrl=https://user:secret@a.example/\n",
                  "x.conf:3:5: Url=: not https://HOST/" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nDirectoryMirror=c.example\n",
                  "x.conf:3:17: DirectoryMirror=: not an https://" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nAttest=maybe\n", "x.conf:3:8: Attest=: not" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nCaFile=ca.pem\n", "CaFile=: not an absolute path" },
                { "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\nCaFile=/nowhere/ca.pem\n",
                  "CaFile=: /nowhere/ca.pem does not exist" },
                { "etc/issuers.d/x.conf", "", "x.conf:1:1: the [Issuer] section has no Name=" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                put(*state, cases[i].file, cases[i].text);
                assert_refused(*state, cases[i].message);
                put(*state, "etc/attesterd.conf", "");
                put(*state, "etc/attesterd.conf.d/x.conf", "");
        }
}

static void load_two_files_of_one_issuer_is_refused(void **state)
{
        put(*state, "etc/issuers.d/x.conf", "[Issuer]\nName=a.example\n");
        put(*state, "etc/issuers.d/y.conf", "[Issuer]\nName=a.example\n");
        assert_refused(*state, "two files in issuers.d name the issuer a.example");
}

static int open_root(const struct tree *tree)
{
        int fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void enrolment_is_what_was_saved(void **state)
{
        struct attesterd_enrolment saved = { .enrolled = true, .device = "0123abcd" }, loaded = { 0 };
        base_auto_close int fd = open_root(*state);

        memset(saved.key_name, 0xa5, sizeof(saved.key_name));
        assert_true(attesterd_enrolment_load(fd, "a.example", &loaded, NULL));
        assert_false(loaded.enrolled);
        assert_true(attesterd_enrolment_save(fd, "a.example", &saved, NULL));
        assert_true(attesterd_enrolment_load(fd, "a.example", &loaded, NULL));
        assert_true(loaded.enrolled);
        assert_string_equal(loaded.device, "0123abcd");
        assert_memory_equal(loaded.key_name, saved.key_name, sizeof(saved.key_name));
        assert_true(attesterd_enrolment_remove(fd, "a.example", NULL));
        assert_true(attesterd_enrolment_remove(fd, "a.example", NULL));
        assert_true(attesterd_enrolment_load(fd, "a.example", &loaded, NULL));
        assert_false(loaded.enrolled);
}

static void enrolment_damaged_is_state_invalid(void **state)
{
        static const char *const texts[] = {
                "",
                "[Enrolment]\n",
                "[Enrolment]\nDevice=a\n",
                "[Enrolment]\nDevice=a\nKeyName=00\n",
                "[Enrolment]\nDevice=a b\n",
                "\xff",
                "[Enrolment]\nKeyName=000b00000000000000000000000000000000000000000000000000000000000000000000\n",
        };
        base_auto_close int fd = open_root(*state);

        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                struct attesterd_enrolment loaded = { 0 };
                struct base_error error = BASE_ERROR_INIT;

                put(*state, "issuers/a.example", texts[i]);
                assert_false(attesterd_enrolment_load(fd, "a.example", &loaded, &error));
                assert_int_equal(error.code, BASE_ERROR_STATE_INVALID);
                assert_non_null(strstr(error.message, "damaged"));
        }
}

static void enrolment_of_a_newer_version_is_named(void **state)
{
        base_auto_close int fd = open_root(*state);
        struct attesterd_enrolment loaded = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        put(*state, "issuers/a.example", "[Enrolment]\nDevice=a\nColour=red\n");
        assert_false(attesterd_enrolment_load(fd, "a.example", &loaded, &error));
        assert_int_equal(error.code, BASE_ERROR_STATE_INVALID);
        assert_non_null(strstr(error.message, "newer attesterd"));
        assert_false(loaded.enrolled);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(load_nothing_gives_defaults, set_up, tear_down),
                cmocka_unit_test_setup_teardown(load_drop_ins_override_in_order, set_up, tear_down),
                cmocka_unit_test_setup_teardown(load_seal_takes_an_authority, set_up, tear_down),
                cmocka_unit_test_setup_teardown(load_issuers_are_sorted_with_default_url, set_up, tear_down),
                cmocka_unit_test_setup_teardown(load_what_is_wrong_is_named_with_its_place, set_up, tear_down),
                cmocka_unit_test_setup_teardown(load_two_files_of_one_issuer_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(enrolment_is_what_was_saved, set_up, tear_down),
                cmocka_unit_test_setup_teardown(enrolment_damaged_is_state_invalid, set_up, tear_down),
                cmocka_unit_test_setup_teardown(enrolment_of_a_newer_version_is_named, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
