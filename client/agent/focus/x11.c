/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/focus/source.h"
#include "client/agent/focus/x11_values.h"

#include <string.h>
#include <xcb/res.h>
#include <xcb/xcb.h>

#define ACTIVE_WINDOW "_NET_ACTIVE_WINDOW"
#define POINTER_ROOT  1u /* of GetInputFocus: the keyboard goes where the pointer is */

static void disconnect_p(xcb_connection_t **connection)
{
        xcb_disconnect(*connection);
}

/* The process that made a window, as the kernel told the X server: not _NET_WM_PID, which is the client's own claim. */
static bool owner_of(xcb_connection_t *connection, uint32_t window, pid_t *ret)
{
        const xcb_res_client_id_spec_t spec = { .client = window, .mask = XCB_RES_CLIENT_ID_MASK_LOCAL_CLIENT_PID };
        base_auto_free xcb_res_query_client_ids_reply_t *reply = xcb_res_query_client_ids_reply(
                connection, xcb_res_query_client_ids(connection, 1, &spec), NULL);

        return reply != NULL &&
               agent_x11_parse_client_pid(reply->num_ids, BASE_BYTES(reply + 1, (size_t) reply->length * 4), ret);
}

/* Version 1.2 of X-Resource has client ids. */
static bool has_client_ids(xcb_connection_t *connection)
{
        const xcb_query_extension_reply_t *extension = xcb_get_extension_data(connection, &xcb_res_id);
        base_auto_free xcb_res_query_version_reply_t *version = NULL;

        if (extension == NULL || !extension->present)
                return false;
        version = xcb_res_query_version_reply(connection, xcb_res_query_version(connection, 1, 2), NULL);
        return version != NULL && (version->server_major > 1 || (version->server_major == 1 && version->server_minor >= 2));
}

/* False: the window manager, if there is one, does not say. */
static bool active_window(xcb_connection_t *connection, xcb_window_t root, uint32_t *ret)
{
        base_auto_free xcb_intern_atom_reply_t *atom = xcb_intern_atom_reply(
                connection, xcb_intern_atom(connection, 1, sizeof(ACTIVE_WINDOW) - 1, ACTIVE_WINDOW), NULL);
        base_auto_free xcb_get_property_reply_t *property = NULL;

        if (atom == NULL || atom->atom == XCB_ATOM_NONE)
                return false;
        property = xcb_get_property_reply(connection, xcb_get_property(connection, 0, root, atom->atom, XCB_ATOM_WINDOW, 0, 1),
                                          NULL);
        return property != NULL && property->type == XCB_ATOM_WINDOW && property->bytes_after == 0 &&
               agent_x11_parse_window(
                       property->format,
                       BASE_BYTES(xcb_get_property_value(property), (size_t) xcb_get_property_value_length(property)), ret);
}

/* Where the keyboard goes; 0: to no window in particular. */
static bool input_focus(xcb_connection_t *connection, uint32_t *ret)
{
        base_auto_free xcb_get_input_focus_reply_t *focus = xcb_get_input_focus_reply(connection, xcb_get_input_focus(connection),
                                                                                      NULL);

        if (focus == NULL)
                return false;
        *ret = focus->focus == POINTER_ROOT ? 0 : focus->focus;
        return true;
}

static enum agent_source_result unreadable(char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX], const char *reason)
{
        (void) snprintf(ret_reason, AGENT_VERDICT_REASON_BYTES_MAX, "%s", reason);
        return AGENT_SOURCE_UNREADABLE;
}

static enum agent_source_result look(xcb_connection_t *connection, xcb_window_t root, uint32_t window, pid_t *ret,
                                     char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        pid_t keyboard = 0, active = 0;
        uint32_t active_id = 0;

        if (window != 0)
                return owner_of(connection, window, ret)
                               ? AGENT_SOURCE_WINDOW
                               : unreadable(ret_reason, "the X server does not know whose the window in front is");
        if (!input_focus(connection, &window))
                return unreadable(ret_reason, "the X server went away");
        if (window == 0 || window == root)
                return AGENT_SOURCE_NO_WINDOW;
        if (!owner_of(connection, window, &keyboard))
                return unreadable(ret_reason, "the X server does not know whose the window in front is");
        /* Any client can write the property and any client can take the keyboard; one that does both is seen on the screen. */
        if (active_window(connection, root, &active_id)) {
                if (active_id == 0)
                        return AGENT_SOURCE_NO_WINDOW;
                if (!owner_of(connection, active_id, &active))
                        return unreadable(ret_reason, "the X server does not know whose the window in front is");
                if (active != keyboard)
                        return AGENT_SOURCE_NO_WINDOW;
        }
        *ret = keyboard;
        return AGENT_SOURCE_WINDOW;
}

enum agent_source_result agent_source_x11(const char *display, uint32_t window, pid_t *ret,
                                          char ret_reason[AGENT_VERDICT_REASON_BYTES_MAX])
{
        BASE_CLEANUP(disconnect_p) xcb_connection_t *connection = NULL;
        xcb_screen_iterator_t screens;
        int screen = 0;

        if (!agent_x11_display_is_local(display))
                return unreadable(ret_reason, "the display is not one of this machine");
        connection = xcb_connect(display, &screen);
        if (xcb_connection_has_error(connection) != 0)
                return unreadable(ret_reason, "the X server cannot be reached");
        if (!agent_source_peer_is_trusted(xcb_get_file_descriptor(connection)))
                return unreadable(ret_reason, "the X server is another user's");
        if (!has_client_ids(connection))
                return unreadable(ret_reason, "the X server lacks the extension X-Resource 1.2");
        screens = xcb_setup_roots_iterator(xcb_get_setup(connection));
        for (; screens.rem > 1 && screen > 0; screen--)
                xcb_screen_next(&screens);
        if (screens.rem == 0)
                return unreadable(ret_reason, "the X server has no screen");
        return look(connection, screens.data->root, window, ret, ret_reason);
}
