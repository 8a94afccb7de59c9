/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/sway_tree.h"

#include <jansson.h>
#include <string.h>

static const char magic[] = { 'i', '3', '-', 'i', 'p', 'c' };

void agent_sway_header_write(uint32_t len, uint32_t type, uint8_t ret[static AGENT_SWAY_HEADER_LEN])
{
        memcpy(ret, magic, sizeof(magic));
        memcpy(ret + sizeof(magic), &len, sizeof(len));
        memcpy(ret + sizeof(magic) + sizeof(len), &type, sizeof(type));
}

bool agent_sway_header_parse(const uint8_t header[static AGENT_SWAY_HEADER_LEN], uint32_t type, uint32_t *ret_len)
{
        uint32_t len, its_type;

        memcpy(&len, header + sizeof(magic), sizeof(len));
        memcpy(&its_type, header + sizeof(magic) + sizeof(len), sizeof(its_type));
        if (memcmp(header, magic, sizeof(magic)) != 0 || its_type != type || len > AGENT_SWAY_TREE_BYTES_MAX)
                return false;
        *ret_len = len;
        return true;
}

/* The walk's bounds, and what it found. */
struct walk {
        unsigned nodes;
        bool too_large;
        const json_t *focused;
};

static void visit(struct walk *walk, const json_t *node, unsigned depth)
{
        static const char *const lists[] = { "nodes", "floating_nodes" };

        if (walk->focused != NULL || !json_is_object(node))
                return;
        if (depth > AGENT_SWAY_TREE_DEPTH_MAX || ++walk->nodes > AGENT_SWAY_TREE_NODES_MAX) {
                walk->too_large = true;
                return;
        }
        if (json_is_true(json_object_get(node, "focused"))) {
                walk->focused = node;
                return;
        }
        for (size_t i = 0; i < BASE_COUNT(lists); i++) {
                const json_t *children = json_object_get(node, lists[i]);

                for (size_t child = 0; child < json_array_size(children); child++)
                        visit(walk, json_array_get(children, child), depth + 1);
        }
}

static enum agent_source_result unreadable(char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX], const char *reason)
{
        (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX, "%s", reason);
        return AGENT_SOURCE_UNREADABLE;
}

/* A number of 1 to `most`, or 0. */
static json_int_t number_of(const json_t *node, const char *name, json_int_t most)
{
        json_int_t number = json_integer_value(json_object_get(node, name));

        return number > 0 && number <= most ? number : 0;
}

static enum agent_source_result take_container(const json_t *node, pid_t *ret, uint32_t *ret_window,
                                               char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        const char *shell = json_string_value(json_object_get(node, "shell"));
        json_int_t pid = number_of(node, "pid", INT32_MAX), window = number_of(node, "window", UINT32_MAX);

        /* A workspace, an output, a container of containers. */
        if (shell == NULL)
                return AGENT_SOURCE_NO_WINDOW;
        if (strcmp(shell, "xwayland") == 0) {
                *ret_window = (uint32_t) window;
                return window != 0 ? AGENT_SOURCE_X11_WINDOW : unreadable(ret_reason, "sway does not tell the X window in front");
        }
        *ret = (pid_t) pid;
        return pid != 0 ? AGENT_SOURCE_WINDOW : unreadable(ret_reason, "sway does not know whose the window in front is");
}

enum agent_source_result agent_sway_tree_parse(struct base_bytes json, pid_t *ret, uint32_t *ret_window,
                                               char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        json_t *tree = json.len > AGENT_SWAY_TREE_BYTES_MAX
                               ? NULL
                               : json_loadb((const char *) json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
        struct walk walk = { .focused = NULL };
        enum agent_source_result result;

        if (!json_is_object(tree)) {
                json_decref(tree);
                return unreadable(ret_reason, "sway's tree of windows is not one");
        }
        visit(&walk, tree, 0);
        if (walk.focused != NULL)
                result = take_container(walk.focused, ret, ret_window, ret_reason);
        else if (walk.too_large)
                result = unreadable(ret_reason, "sway has too many windows");
        else
                result = AGENT_SOURCE_NO_WINDOW;
        json_decref(tree);
        return result;
}
