/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent remembers of its notices, and the text of one. */
#include "base/file.h"
#include "client/agent/notice.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_S 1790000000

static void memory_has_a_rule_for_a_day(void **state)
{
        struct agent_notice_memory memory = { .count = 0 };

        (void) state;
        assert_false(agent_notice_memory_has(&memory, "disk", NOW_S));
        assert_true(agent_notice_memory_add(&memory, "disk", NOW_S));
        assert_true(agent_notice_memory_has(&memory, "disk", NOW_S));
        assert_true(agent_notice_memory_has(&memory, "disk", NOW_S + AGENT_NOTICE_DAY_S - 1));
        assert_false(agent_notice_memory_has(&memory, "disk", NOW_S + AGENT_NOTICE_DAY_S));
        assert_false(agent_notice_memory_has(&memory, "unlocked", NOW_S));
        /* The clock was set back: it would be silent for however long that was. */
        assert_false(agent_notice_memory_has(&memory, "disk", NOW_S - 1));
        agent_notice_memory_remove(&memory, "disk");
        assert_false(agent_notice_memory_has(&memory, "disk", NOW_S));
        assert_int_equal(memory.count, 0);
}

static void memory_that_is_full_takes_more_when_something_is_old(void **state)
{
        struct agent_notice_memory memory = { .count = 0 };
        char rule[16];

        (void) state;
        for (unsigned i = 0; i < AGENT_NOTICE_CAUSES_MAX; i++) {
                (void) snprintf(rule, sizeof(rule), "rule-%u", i);
                assert_true(agent_notice_memory_add(&memory, rule, NOW_S + i));
        }
        assert_false(agent_notice_memory_add(&memory, "more", NOW_S + 100));
        assert_true(agent_notice_memory_add(&memory, "rule-7", NOW_S + 100));
        assert_true(agent_notice_memory_add(&memory, "more", NOW_S + AGENT_NOTICE_DAY_S));
        assert_false(agent_notice_memory_add(&memory, "yet more", NOW_S + AGENT_NOTICE_DAY_S));
        assert_int_equal(memory.count, AGENT_NOTICE_CAUSES_MAX);
}

static void remove_tree(const char *top)
{
        const char *const parts[] = { "a/b/attester-agent/notices", "a/b/attester-agent", "a/b", "a", "" };
        char path[256];

        for (size_t i = 0; i < BASE_COUNT(parts); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", top, parts[i]);
                (void) remove(path);
        }
}

static void memory_is_kept_in_a_file_without_names(void **state)
{
        struct agent_notice_memory memory, again;
        char top[] = "/tmp/attester-notice-XXXXXX";
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_NOTICE_FILE_MAX);
        char home[64], path[128];
        struct base_error error;

        (void) state;
        assert_non_null(mkdtemp(top));
        (void) snprintf(home, sizeof(home), "%s/a/b", top);
        (void) snprintf(path, sizeof(path), "%s/attester-agent/notices", home);
        agent_notice_memory_load(&memory, home, NULL);
        assert_true(agent_notice_memory_add(&memory, "shop.example", NOW_S));
        assert_true(agent_notice_memory_add(&memory, "disk", NOW_S + 1));
        assert_true(agent_notice_memory_save(&memory, &error));
        agent_notice_memory_load(&again, home, NULL);
        assert_int_equal(again.count, 2);
        assert_true(agent_notice_memory_has(&again, "disk", NOW_S + 1));
        assert_true(base_file_read(path, &text, &error));
        assert_null(memmem(text.data, text.len, "example", strlen("example")));
        /* A damaged file is as none. */
        assert_int_equal(truncate(path, 40), 0);
        agent_notice_memory_load(&again, home, NULL);
        assert_int_equal(again.count, 0);
        remove_tree(top);
}

static void memory_without_a_place_says_so(void **state)
{
        struct agent_notice_memory memory;
        struct base_error error;

        (void) state;
        agent_notice_memory_load(&memory, "relative", NULL);
        assert_string_equal(memory.directory, "");
        assert_false(agent_notice_memory_save(&memory, &error));
        agent_notice_memory_load(&memory, NULL, "/home/x");
        assert_string_equal(memory.directory, "/home/x/.local/state/attester-agent");
        agent_notice_memory_load(&memory, "/proc", NULL);
        assert_false(agent_notice_memory_save(&memory, &error));
}

static void text_has_no_markup_and_no_lines(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(AGENT_NOTICE_BODY_MAX);

        (void) state;
        agent_notice_append_text(&text, "<a href=\"x\">Übel</a> & \x1b[31m\nmehr");
        assert_string_equal(base_buffer_c_string(&text), "&lt;a href=&quot;x&quot;&gt;Übel&lt;/a&gt; &amp;  [31m mehr");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_has_a_rule_for_a_day),
                cmocka_unit_test(memory_that_is_full_takes_more_when_something_is_old),
                cmocka_unit_test(memory_is_kept_in_a_file_without_names),
                cmocka_unit_test(memory_without_a_place_says_so),
                cmocka_unit_test(text_has_no_markup_and_no_lines),
        };

        return cmocka_run_group_tests_name("agent-notice", tests, NULL, NULL);
}
