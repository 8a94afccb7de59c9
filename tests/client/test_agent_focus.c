/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/process.h"
#include "client/agent/focus/sway_tree.h"
#include "client/agent/focus/x11_values.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(literal) BASE_BYTES(literal, sizeof(literal) - 1)

/* ---- process ---- */

#define STAT_AFTER_PARENT " 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 "

static void agent_process_parse_stat_reads_parent_and_start(void **state)
{
        struct agent_process process;

        assert_true(agent_process_parse_stat(TEXT("42 (cat) S 7" STAT_AFTER_PARENT "123456 99 0\n"), &process));
        assert_int_equal(process.pid, 42);
        assert_int_equal(process.parent, 7);
        assert_int_equal(process.started, 123456);
}

static void agent_process_parse_stat_name_that_looks_like_fields_does_not_matter(void **state)
{
        struct agent_process process;

        assert_true(agent_process_parse_stat(TEXT("42 (a) S 1 (b) S 7" STAT_AFTER_PARENT "5 9\n"), &process));
        assert_int_equal(process.parent, 7);
        assert_true(agent_process_parse_stat(TEXT("42 ()) \n) S 7" STAT_AFTER_PARENT "5 9\n"), &process));
        assert_int_equal(process.parent, 7);
}

static void agent_process_parse_stat_damaged_is_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "42",
                "42 (cat",
                "42 (cat)",
                "42 (cat) ",
                "42 (cat) S",
                "42 (cat) S x",
                "0 (cat) S 7" STAT_AFTER_PARENT "5 9\n",
                "-1 (cat) S 7" STAT_AFTER_PARENT "5 9\n",
                "42 (cat) S 99999999999" STAT_AFTER_PARENT "5 9\n",
                "42 (cat) S 7" STAT_AFTER_PARENT "x 9\n",
                "42 (cat) S 7" STAT_AFTER_PARENT "99999999999999999999 9\n",
                "42 (cat) S 7" STAT_AFTER_PARENT "5",
        };
        struct agent_process process;

        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                assert_false(agent_process_parse_stat(base_bytes_from_string(texts[i]), &process));
}

#define USER_APPS "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"

static void agent_process_parse_application_finds_the_innermost(void **state)
{
        static const struct {
                const char *text;
                const char *application;
        } cases[] = {
                { USER_APPS "app-gnome-firefox-77.scope\n", USER_APPS "app-gnome-firefox-77.scope" },
                { USER_APPS "app-gnome-firefox-77.scope/inner\n", USER_APPS "app-gnome-firefox-77.scope" },
                { USER_APPS "app-x.slice/app-x@autostart.service\n", USER_APPS "app-x.slice/app-x@autostart.service" },
                { USER_APPS "snap.firefox.firefox-0a.scope\n", USER_APPS "snap.firefox.firefox-0a.scope" },
                { "1:name=systemd:/a/app-b.scope\n0::/a/app-c.scope\n", "0::/a/app-c.scope" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                char application[AGENT_PROCESS_APPLICATION_BYTES_MAX];

                assert_true(agent_process_parse_application(base_bytes_from_string(cases[i].text), application));
                assert_string_equal(application, cases[i].application);
        }
}

static void agent_process_parse_application_of_none_is_false(void **state)
{
        static const char *const texts[] = {
                "",
                "\n",
                "0::/\n",
                "0::/user.slice/user-1000.slice/session-2.scope\n",
                USER_APPS "app-x.slice/run-1.scope\n",
                USER_APPS "my-app-x.scope\n",
                "1:name=systemd:/a/app-b.scope\n",
                "0::",
                "0:/app-b.scope\n",
        };
        char application[AGENT_PROCESS_APPLICATION_BYTES_MAX];
        char endless[600] = "0::/app-";

        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                assert_false(agent_process_parse_application(base_bytes_from_string(texts[i]), application));
        memset(endless + strlen(endless), 'x', sizeof(endless) - strlen(endless) - 7);
        memcpy(endless + sizeof(endless) - 7, ".scope", 7);
        assert_false(agent_process_parse_application(base_bytes_from_string(endless), application));
}

/* A /proc of the test's own. */
struct tree {
        char path[32];
        int fd;
};

static int tree_new(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        (void) snprintf(tree->path, sizeof(tree->path), "/tmp/attester-proc-XXXXXX");
        assert_non_null(mkdtemp(tree->path));
        tree->fd = open(tree->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(tree->fd >= 0);
        *state = tree;
        return 0;
}

static int tree_free(void **state)
{
        static const char *const names[] = { "stat", "cgroup" };
        struct tree *tree = *state;

        for (int pid = 1; pid < 100; pid++) {
                char name[32];

                for (size_t i = 0; i < BASE_COUNT(names); i++) {
                        (void) snprintf(name, sizeof(name), "%d/%s", pid, names[i]);
                        (void) unlinkat(tree->fd, name, 0);
                }
                (void) snprintf(name, sizeof(name), "%d", pid);
                (void) unlinkat(tree->fd, name, AT_REMOVEDIR);
        }
        (void) close(tree->fd);
        assert_int_equal(rmdir(tree->path), 0);
        free(tree);
        return 0;
}

static void put_file(const struct tree *tree, int pid, const char *name, const char *text)
{
        char path[32];
        int fd;

        (void) snprintf(path, sizeof(path), "%d/%s", pid, name);
        fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void) close(fd);
}

/* `application`: NULL for a process of a session's control group. */
static void put(const struct tree *tree, int pid, int parent, int started, const char *application)
{
        char text[256];

        (void) snprintf(text, sizeof(text), "%d", pid);
        (void) mkdirat(tree->fd, text, 0755);
        (void) snprintf(text, sizeof(text), "%d (name) S %d" STAT_AFTER_PARENT "%d 9\n", pid, parent, started);
        put_file(tree, pid, "stat", text);
        if (application == NULL)
                (void) snprintf(text, sizeof(text), "0::/user.slice/user-1000.slice/session-2.scope\n");
        else
                (void) snprintf(text, sizeof(text), USER_APPS "%s\n", application);
        put_file(tree, pid, "cgroup", text);
}

static void assert_kind(const struct tree *tree, int caller, int window, enum agent_verdict_kind kind)
{
        assert_int_equal(agent_process_judge(tree->fd, caller, window).kind, kind);
}

static void agent_process_judge_same_or_ancestor_is_in_focus(void **state)
{
        const struct tree *tree = *state;

        put(tree, 1, 0, 1, NULL);
        put(tree, 10, 1, 100, NULL);
        put(tree, 20, 10, 200, NULL);
        put(tree, 30, 20, 200, NULL);
        assert_kind(tree, 10, 10, AGENT_VERDICT_FOCUSED);
        assert_kind(tree, 20, 10, AGENT_VERDICT_FOCUSED);
        assert_kind(tree, 30, 10, AGENT_VERDICT_FOCUSED);
}

static void agent_process_judge_descendant_sibling_or_stranger_is_not(void **state)
{
        const struct tree *tree = *state;

        put(tree, 1, 0, 1, NULL);
        put(tree, 10, 1, 100, NULL);
        put(tree, 20, 10, 200, NULL);
        put(tree, 30, 10, 200, NULL);
        put(tree, 40, 1, 200, NULL);
        assert_kind(tree, 10, 20, AGENT_VERDICT_ELSEWHERE);
        assert_kind(tree, 20, 30, AGENT_VERDICT_ELSEWHERE);
        assert_kind(tree, 20, 40, AGENT_VERDICT_ELSEWHERE);
        assert_kind(tree, 20, 1, AGENT_VERDICT_ELSEWHERE);
}

static void agent_process_judge_application_joins_its_processes(void **state)
{
        const struct tree *tree = *state;

        put(tree, 10, 1, 100, "app-browser-1.scope");
        put(tree, 20, 1, 200, "app-browser-1.scope");
        put(tree, 30, 1, 200, "app-browser-2.scope");
        assert_kind(tree, 20, 10, AGENT_VERDICT_FOCUSED);
        assert_kind(tree, 30, 10, AGENT_VERDICT_ELSEWHERE);
}

static void agent_process_judge_reused_number_of_a_parent_is_no_ancestor(void **state)
{
        const struct tree *tree = *state;

        /* The parent, 10, ended, and a younger process with a window has its number. */
        put(tree, 10, 1, 900, NULL);
        put(tree, 20, 10, 200, NULL);
        put(tree, 30, 20, 300, NULL);
        assert_kind(tree, 20, 10, AGENT_VERDICT_ELSEWHERE);
        assert_kind(tree, 30, 10, AGENT_VERDICT_ELSEWHERE);
}

static void agent_process_judge_ended_process_is_unreadable(void **state)
{
        const struct tree *tree = *state;

        put(tree, 10, 1, 100, NULL);
        assert_kind(tree, 10, 11, AGENT_VERDICT_UNREADABLE);
        assert_kind(tree, 11, 10, AGENT_VERDICT_UNREADABLE);
        put_file(tree, 10, "stat", "10 (");
        assert_kind(tree, 10, 10, AGENT_VERDICT_UNREADABLE);
        put_file(tree, 10, "stat", "12 (name) S 1" STAT_AFTER_PARENT "5 9\n");
        assert_kind(tree, 10, 10, AGENT_VERDICT_UNREADABLE);
}

static void agent_process_judge_circle_of_parents_ends(void **state)
{
        const struct tree *tree = *state;

        put(tree, 10, 20, 100, NULL);
        put(tree, 20, 10, 100, NULL);
        put(tree, 30, 1, 100, NULL);
        assert_kind(tree, 10, 30, AGENT_VERDICT_ELSEWHERE);
}

/* ---- X11 ---- */

static void agent_x11_parse_window_of_one_window_is_it(void **state)
{
        const uint32_t id = 0x1600003, two[2] = { 1, 2 };
        uint32_t window = 7;

        assert_false(agent_x11_parse_window(8, BASE_BYTES(&id, 4), &window));
        assert_false(agent_x11_parse_window(32, BASE_BYTES(&id, 3), &window));
        assert_false(agent_x11_parse_window(32, BASE_BYTES(two, 8), &window));
        assert_false(agent_x11_parse_window(32, BASE_BYTES(NULL, 0), &window));
        assert_int_equal(window, 7);
        assert_true(agent_x11_parse_window(32, BASE_BYTES(&id, 4), &window));
        assert_int_equal(window, id);
}

static void agent_x11_parse_client_pid_of_one_process_is_it(void **state)
{
        const uint32_t ids[] = { 0x1600000, 1, 0, 0x1600000, 2, 4, 4711 };
        pid_t pid = 0;

        assert_true(agent_x11_parse_client_pid(2, BASE_BYTES_OF(ids), &pid));
        assert_int_equal(pid, 4711);
}

static void agent_x11_parse_client_pid_of_none_or_damaged_is_refused(void **state)
{
        static const struct {
                uint32_t count;
                uint32_t words[8];
                size_t word_count;
        } cases[] = {
                { 0, { 0 }, 0 },                      /* a client elsewhere */
                { 1, { 1, 2, 0 }, 3 },                /* no number */
                { 1, { 1, 2, 4 }, 3 },                /* cut */
                { 1, { 1, 2, 4, 0 }, 4 },             /* process 0 */
                { 1, { 1, 2, 4, 0x80000000 }, 4 },    /* negative */
                { 1, { 1, 2, 8, 5, 6 }, 5 },          /* two numbers */
                { 2, { 1, 2, 4, 5, 1, 2, 4, 6 }, 8 }, /* two answers */
                { 1, { 1, 1, 0xfffffffc, 5 }, 4 },    /* longer than what there is */
                { 1, { 1, 1, 2, 5 }, 4 },             /* not of whole words */
                { 65, { 1, 2, 4, 5 }, 4 },            /* too many */
                { 2, { 1, 2, 4, 5 }, 4 },             /* fewer than said */
        };
        pid_t pid = -7;

        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                assert_false(
                        agent_x11_parse_client_pid(cases[i].count, BASE_BYTES(cases[i].words, cases[i].word_count * 4), &pid));
        assert_int_equal(pid, -7);
}

static void agent_x11_display_is_local_of_this_machine_only(void **state)
{
        static const char *const others[] = { "",       ":",       "0",           ":x",          ":0.",
                                              ":0.x",   ":0x",     "localhost:0", "127.0.0.1:0", "tcp/x:0",
                                              "unix:0", ":123456", "/tmp/socket", ":-1" };

        assert_true(agent_x11_display_is_local(":0"));
        assert_true(agent_x11_display_is_local(":10.1"));
        for (size_t i = 0; i < BASE_COUNT(others); i++)
                assert_false(agent_x11_display_is_local(others[i]));
}

/* ---- sway ---- */

static enum agent_source_result parse(const char *json, pid_t *ret, uint32_t *ret_window)
{
        char reason[AGENT_VERDICT_REASON_BYTES_MAX] = "";
        enum agent_source_result result = agent_sway_tree_parse(base_bytes_from_string(json), ret, ret_window, reason);

        assert_int_equal(reason[0] != '\0', result == AGENT_SOURCE_UNREADABLE);
        return result;
}

#define FOCUSED(more) "{\"focused\":false,\"nodes\":[{\"nodes\":[],\"floating_nodes\":[{\"focused\":true" more "}]}]}"

static void agent_sway_tree_parse_focused_view_is_its_process(void **state)
{
        uint32_t window = 0;
        pid_t pid = 0;

        assert_int_equal(parse(FOCUSED(",\"shell\":\"xdg_shell\",\"pid\":99"), &pid, &window), AGENT_SOURCE_WINDOW);
        assert_int_equal(pid, 99);
        assert_int_equal(window, 0);
}

static void agent_sway_tree_parse_xwayland_view_is_its_window_and_not_its_claim(void **state)
{
        uint32_t window = 0;
        pid_t pid = 0;

        assert_int_equal(parse(FOCUSED(",\"shell\":\"xwayland\",\"pid\":99,\"window\":4194307"), &pid, &window),
                         AGENT_SOURCE_X11_WINDOW);
        assert_int_equal(window, 4194307);
        assert_int_equal(pid, 0);
        assert_int_equal(parse(FOCUSED(",\"shell\":\"xwayland\",\"pid\":99"), &pid, &window), AGENT_SOURCE_UNREADABLE);
}

static void agent_sway_tree_parse_without_a_focused_view_is_no_window(void **state)
{
        uint32_t window = 0;
        pid_t pid = 0;

        assert_int_equal(parse("{}", &pid, &window), AGENT_SOURCE_NO_WINDOW);
        assert_int_equal(parse(FOCUSED(",\"type\":\"workspace\",\"pid\":99"), &pid, &window), AGENT_SOURCE_NO_WINDOW);
        assert_int_equal(parse("{\"nodes\":[{\"focused\":\"true\",\"shell\":\"xdg_shell\",\"pid\":9}, 5, null]}", &pid, &window),
                         AGENT_SOURCE_NO_WINDOW);
}

static void agent_sway_tree_parse_damaged_is_unreadable(void **state)
{
        static const char *const texts[] = {
                "",
                "[]",
                "5",
                "{\"focused\":true,\"focused\":false}",
                "{\"nodes\":[{\"focused\":true",
                "{} {}",
                FOCUSED(",\"shell\":\"xdg_shell\""),
                FOCUSED(",\"shell\":\"xdg_shell\",\"pid\":0"),
                FOCUSED(",\"shell\":\"xdg_shell\",\"pid\":-4"),
                FOCUSED(",\"shell\":\"xdg_shell\",\"pid\":4294967297"),
                FOCUSED(",\"shell\":\"xdg_shell\",\"pid\":\"99\""),
        };
        uint32_t window = 0;
        pid_t pid = 0;

        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                assert_int_equal(parse(texts[i], &pid, &window), AGENT_SOURCE_UNREADABLE);
}

static void agent_sway_tree_parse_too_deep_is_unreadable(void **state)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(4096);
        uint32_t window = 0;
        pid_t pid = 0;

        for (int i = 0; i <= AGENT_SWAY_TREE_DEPTH_MAX; i++)
                base_buffer_put_string(&json, "{\"nodes\":[");
        base_buffer_put_string(&json, "{\"focused\":true,\"shell\":\"xdg_shell\",\"pid\":9}");
        for (int i = 0; i <= AGENT_SWAY_TREE_DEPTH_MAX; i++)
                base_buffer_put_string(&json, "]}");
        base_buffer_put_u8(&json, 0);
        assert_int_equal(parse((const char *) json.data, &pid, &window), AGENT_SOURCE_UNREADABLE);
}

static void agent_sway_header_parse_takes_back_what_was_written(void **state)
{
        uint8_t header[AGENT_SWAY_HEADER_LEN];
        uint32_t len = 0;

        agent_sway_header_write(1000, AGENT_SWAY_MESSAGE_GET_TREE, header);
        assert_memory_equal(header, "i3-ipc", 6);
        assert_true(agent_sway_header_parse(header, AGENT_SWAY_MESSAGE_GET_TREE, &len));
        assert_int_equal(len, 1000);
        assert_false(agent_sway_header_parse(header, AGENT_SWAY_MESSAGE_GET_TREE + 1, &len));
        header[0] = 'I';
        assert_false(agent_sway_header_parse(header, AGENT_SWAY_MESSAGE_GET_TREE, &len));
        agent_sway_header_write(AGENT_SWAY_TREE_BYTES_MAX + 1, AGENT_SWAY_MESSAGE_GET_TREE, header);
        assert_false(agent_sway_header_parse(header, AGENT_SWAY_MESSAGE_GET_TREE, &len));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(agent_process_parse_stat_reads_parent_and_start),
                cmocka_unit_test(agent_process_parse_stat_name_that_looks_like_fields_does_not_matter),
                cmocka_unit_test(agent_process_parse_stat_damaged_is_refused),
                cmocka_unit_test(agent_process_parse_application_finds_the_innermost),
                cmocka_unit_test(agent_process_parse_application_of_none_is_false),
                cmocka_unit_test_setup_teardown(agent_process_judge_same_or_ancestor_is_in_focus, tree_new, tree_free),
                cmocka_unit_test_setup_teardown(agent_process_judge_descendant_sibling_or_stranger_is_not, tree_new, tree_free),
                cmocka_unit_test_setup_teardown(agent_process_judge_application_joins_its_processes, tree_new, tree_free),
                cmocka_unit_test_setup_teardown(agent_process_judge_reused_number_of_a_parent_is_no_ancestor, tree_new,
                                                tree_free),
                cmocka_unit_test_setup_teardown(agent_process_judge_ended_process_is_unreadable, tree_new, tree_free),
                cmocka_unit_test_setup_teardown(agent_process_judge_circle_of_parents_ends, tree_new, tree_free),
                cmocka_unit_test(agent_x11_parse_window_of_one_window_is_it),
                cmocka_unit_test(agent_x11_parse_client_pid_of_one_process_is_it),
                cmocka_unit_test(agent_x11_parse_client_pid_of_none_or_damaged_is_refused),
                cmocka_unit_test(agent_x11_display_is_local_of_this_machine_only),
                cmocka_unit_test(agent_sway_tree_parse_focused_view_is_its_process),
                cmocka_unit_test(agent_sway_tree_parse_xwayland_view_is_its_window_and_not_its_claim),
                cmocka_unit_test(agent_sway_tree_parse_without_a_focused_view_is_no_window),
                cmocka_unit_test(agent_sway_tree_parse_damaged_is_unreadable),
                cmocka_unit_test(agent_sway_tree_parse_too_deep_is_unreadable),
                cmocka_unit_test(agent_sway_header_parse_takes_back_what_was_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
