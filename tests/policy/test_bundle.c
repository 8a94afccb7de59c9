/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bundle.h"
#include "tests/cmocka.h"

#include <string.h>

static struct base_bytes text(const char *string)
{
        return base_bytes_from_string(string);
}

/* Two files, given in the wrong order, of which the later one changes the earlier one's rule. */
static struct policy_bundle example(void)
{
        return (struct policy_bundle){
                .fleet = "example.org",
                .version = 7,
                .not_before = 100,
                .not_after = 200,
                .anchors = { { POLICY_ANCHOR_AUTHORITY, { 1 } }, { POLICY_ANCHOR_KEY, { 2 } } },
                .anchor_count = 2,
                .files = { { "20-more.conf", text("[Rule a]\nRequire=os.id == fedora\n") },
                           { "10-base.conf", text("[Policy]\nVersion=7\n[Rule a]\nRequire=os.id == debian\n") } },
                .file_count = 2,
        };
}

static void write_bundle(struct policy_bundle *bundle, struct base_buffer *to)
{
        const struct policy_bundle_signature signature = { .key = text("key"), .signature = text("signature") };

        assert_true(policy_bundle_put_content(bundle, to, NULL));
        assert_true(policy_bundle_put_signatures(&signature, 1, to, NULL));
}

static void parse_written_gives_all_of_it_in_order(void **state)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        struct policy_bundle bundle = example(), read;

        write_bundle(&bundle, &bytes);
        assert_true(policy_bundle_recognize(base_buffer_bytes(&bytes)));
        assert_true(policy_bundle_parse(base_buffer_bytes(&bytes), &read, NULL));
        assert_string_equal(read.fleet, "example.org");
        assert_int_equal(read.version, 7);
        assert_int_equal(read.not_before, 100);
        assert_int_equal(read.not_after, 200);
        assert_int_equal(read.anchor_count, 2);
        assert_int_equal(read.anchors[0].kind, POLICY_ANCHOR_KEY);
        assert_string_equal(read.files[0].name, "10-base.conf");
        assert_int_equal(read.signature_count, 1);
        assert_true(base_bytes_equal(read.signatures[0].signature, text("signature")));
        assert_true(read.content.len < bytes.len);
}

static void parse_every_prefix_and_one_byte_more_is_policy_invalid(void **state)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        struct policy_bundle bundle = example(), read;
        struct base_error error;

        write_bundle(&bundle, &bytes);
        for (size_t len = 0; len < bytes.len; len++) {
                error = (struct base_error) BASE_ERROR_INIT;
                assert_false(policy_bundle_parse(BASE_BYTES(bytes.data, len), &read, &error));
                assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
        }
        base_buffer_put_u8(&bytes, 0);
        assert_false(policy_bundle_parse(base_buffer_bytes(&bytes), &read, &error));
        assert_non_null(strstr(error.message, "behind its end"));
}

/* The one-byte change of `from` to `to`, which must be there, makes the bundle one that does not parse. */
static void assert_broken(const char *from, const char *to, const char *why)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        struct policy_bundle bundle = example(), read;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t *at;

        write_bundle(&bundle, &bytes);
        at = memmem(bytes.data, bytes.len, from, strlen(from));
        assert_non_null(at);
        memcpy(at, to, strlen(to));
        assert_false(policy_bundle_parse(base_buffer_bytes(&bytes), &read, &error));
        assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
        assert_non_null(strstr(error.message, why));
}

static void parse_another_encoding_of_the_same_is_policy_invalid(void **state)
{
        assert_broken("10-base.conf", "30-base.conf", "files are not in order");
        assert_broken("10-base.conf", "20-more.conf", "files are not in order");
        assert_broken("10-base.conf", "../base.conf", "name of a file");
        assert_broken("10-base.conf", "10-base.cong", "name of a file");
        assert_broken("example.org", "exam le.org", "name of its fleet");
        assert_broken("attesterd policy", "attesterd Policy", "no policy bundle");
}

static void parse_too_large_is_limit_exceeded(void **state)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX + 1);
        struct base_error error = BASE_ERROR_INIT;
        struct policy_bundle read;

        assert_non_null(base_buffer_extend(&bytes, POLICY_BUNDLE_BYTES_MAX + 1));
        assert_false(policy_bundle_parse(base_buffer_bytes(&bytes), &read, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

static void assert_not_written(const struct policy_bundle *bundle, enum base_error_code code)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct policy_bundle copy = *bundle;

        assert_false(policy_bundle_put_content(&copy, &bytes, &error));
        assert_int_equal(error.code, code);
}

static void put_content_that_would_not_parse_is_refused(void **state)
{
        static uint8_t large[POLICY_BUNDLE_BYTES_MAX];
        struct policy_bundle bundle = example();

        bundle.file_count = 0;
        assert_not_written(&bundle, BASE_ERROR_INVALID_ARGUMENT);
        bundle = example();
        bundle.not_before = 201;
        assert_not_written(&bundle, BASE_ERROR_INVALID_ARGUMENT);
        bundle = example();
        (void) strcpy(bundle.files[0].name, "10-base.conf");
        assert_not_written(&bundle, BASE_ERROR_INVALID_ARGUMENT);
        bundle = example();
        (void) strcpy(bundle.fleet, "a b");
        assert_not_written(&bundle, BASE_ERROR_INVALID_ARGUMENT);
        bundle = example();
        bundle.files[0].text = BASE_BYTES_OF(large);
        assert_not_written(&bundle, BASE_ERROR_LIMIT_EXCEEDED);
}

static void load_gives_the_policy_of_its_files(void **state)
{
        policy_auto_policy struct policy *policy = NULL, *same = NULL;
        struct policy_bundle bundle = example();
        const char *merged = "[Policy]\nVersion=7\n[Rule a]\nRequire=os.id == fedora\n";

        policy_bundle_sort(&bundle);
        assert_true(policy_bundle_load(&bundle, NULL, &policy, NULL));
        assert_true(policy_load_buffer("merged", text(merged), NULL, &same, NULL));
        assert_memory_equal(policy->digest, same->digest, sizeof(policy->digest));
        assert_int_equal(policy->version, 7);
}

static void load_version_that_is_not_the_files_is_policy_invalid(void **state)
{
        struct policy_bundle bundle = example();
        struct base_error error = BASE_ERROR_INIT;
        struct policy *policy = NULL;

        policy_bundle_sort(&bundle);
        bundle.version = 8;
        assert_false(policy_bundle_load(&bundle, NULL, &policy, &error));
        assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
        assert_non_null(strstr(error.message, "version 8"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_written_gives_all_of_it_in_order),
                cmocka_unit_test(parse_every_prefix_and_one_byte_more_is_policy_invalid),
                cmocka_unit_test(parse_another_encoding_of_the_same_is_policy_invalid),
                cmocka_unit_test(parse_too_large_is_limit_exceeded),
                cmocka_unit_test(put_content_that_would_not_parse_is_refused),
                cmocka_unit_test(load_gives_the_policy_of_its_files),
                cmocka_unit_test(load_version_that_is_not_the_files_is_policy_invalid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
