/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/refusals.h"

#include <string.h>

static struct issuer_refusals *make(void)
{
        struct issuer_refusals *refusals = NULL;
        struct base_error error;

        assert_ok(issuer_refusals_new(&refusals, &error));
        return refusals;
}

static void note(struct issuer_refusals *refusals, const char *device, enum base_error_code code, const char *text, uint64_t now)
{
        issuer_refusals_note(refusals, "token-request", device, 403, code, text, now);
}

static void note_of_the_same_kind_is_counted(void **state)
{
        issuer_auto_refusals struct issuer_refusals *refusals = make();
        struct issuer_refusal found[4];

        assert_int_equal(issuer_refusals_copy(refusals, NULL, found, 4), 0);
        note(refusals, "a", BASE_ERROR_POLICY_DENIED, "old", 10);
        note(refusals, "b", BASE_ERROR_POLICY_DENIED, "other", 20);
        note(refusals, "a", BASE_ERROR_POLICY_DENIED, "new", 30);
        note(refusals, "a", BASE_ERROR_RATE_LIMITED, "often", 25);
        assert_int_equal(issuer_refusals_copy(refusals, NULL, found, 4), 3);
        assert_string_equal(found[0].text, "new");
        assert_true(found[0].count == 2 && found[0].first == 10 && found[0].last == 30);
        assert_string_equal(found[1].text, "often");
        assert_string_equal(found[2].device, "b");
        assert_int_equal(issuer_refusals_copy(refusals, "a", found, 1), 1);
        assert_int_equal(issuer_refusals_copy(refusals, "c", found, 4), 0);
        assert_int_equal(issuer_refusals_count(refusals, "a"), 3);
        assert_int_equal(issuer_refusals_count(refusals, "c"), 0);
}

static void note_beyond_the_room_takes_the_place_of_the_longest_ago(void **state)
{
        issuer_auto_refusals struct issuer_refusals *refusals = make();
        static struct issuer_refusal found[ISSUER_REFUSALS_MAX];
        char device[16];

        for (unsigned i = 0; i < ISSUER_REFUSALS_OF_DEVICES_MAX + 3; i++) {
                (void) snprintf(device, sizeof(device), "%u", i);
                note(refusals, device, BASE_ERROR_POLICY_DENIED, "x", 100 + i);
        }
        assert_int_equal(issuer_refusals_copy(refusals, NULL, found, ISSUER_REFUSALS_MAX), ISSUER_REFUSALS_OF_DEVICES_MAX);
        assert_int_equal(issuer_refusals_count(refusals, "2"), 0);
        assert_int_equal(issuer_refusals_count(refusals, "3"), 1);
}

static void note_of_strangers_leaves_the_devices_entries(void **state)
{
        issuer_auto_refusals struct issuer_refusals *refusals = make();
        static struct issuer_refusal found[ISSUER_REFUSALS_MAX];

        note(refusals, "a", BASE_ERROR_POLICY_DENIED, "x", 1);
        for (unsigned i = 0; i < 10 * ISSUER_REFUSALS_MAX; i++)
                issuer_refusals_note(refusals, "enroll", "", i, BASE_ERROR_MALFORMED, "y", 2 + i);
        assert_int_equal(issuer_refusals_copy(refusals, NULL, found, ISSUER_REFUSALS_MAX), 1 + ISSUER_REFUSALS_OF_OTHERS_MAX);
        assert_int_equal(issuer_refusals_count(refusals, "a"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(note_of_the_same_kind_is_counted),
                cmocka_unit_test(note_beyond_the_room_takes_the_place_of_the_longest_ago),
                cmocka_unit_test(note_of_strangers_leaves_the_devices_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
