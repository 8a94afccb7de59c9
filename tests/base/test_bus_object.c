/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/bus_object.h"

#include <string.h>

#define PATH "/org/example/Thing"

static const struct base_bus_method methods[] = {
        { "org.example.One", "Do", "s", "" },
        { "org.example.Two", "Do", "u", "" },
        { "org.example.Two", "Stop", "", "" },
};

static const struct base_bus_method *method_at(size_t index)
{
        return index < BASE_COUNT(methods) ? &methods[index] : NULL;
}

static const struct base_bus_node nodes[] = { { PATH, "<node>thing</node>" }, { "/org", "<node>way</node>" } };

static const struct base_bus_object object = { PATH, nodes, BASE_COUNT(nodes), method_at };

/* A call with an argument of type `s` or `u`, or with none. */
static DBusMessage *call(const char *path, const char *interface, const char *member, int type)
{
        DBusMessage *message = dbus_message_new_method_call("org.example", path, interface, member);
        dbus_uint32_t number = 1;
        const char *text = "text";
        const void *value = type == DBUS_TYPE_STRING ? (const void *) &text : (const void *) &number;

        assert_non_null(message);
        dbus_message_set_serial(message, 1);
        if (type != DBUS_TYPE_INVALID)
                assert_true(dbus_message_append_args(message, type, value, DBUS_TYPE_INVALID));
        return message;
}

static void assert_finds(size_t index, const char *interface, const char *member, int type)
{
        DBusMessage *message = call(PATH, interface, member, type), *reply = NULL;
        size_t found = SIZE_MAX;

        assert_true(base_bus_object_find(&object, message, &found, &reply));
        assert_int_equal(found, index);
        assert_null(reply);
        dbus_message_unref(message);
}

/* The answer's error name, or its text if it is none. */
static void assert_answers(const char *wanted, const char *path, const char *interface, const char *member, int type)
{
        DBusMessage *message = call(path, interface, member, type), *reply = NULL;
        const char *text = NULL;
        size_t found = SIZE_MAX;

        assert_false(base_bus_object_find(&object, message, &found, &reply));
        assert_non_null(reply);
        assert_int_equal(found, SIZE_MAX);
        if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR)
                assert_true(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        else
                text = dbus_message_get_error_name(reply);
        assert_string_equal(text, wanted);
        dbus_message_unref(reply);
        dbus_message_unref(message);
}

static void find_call_of_a_method_gives_its_index(void **state)
{
        assert_finds(0, "org.example.One", "Do", DBUS_TYPE_STRING);
        assert_finds(1, "org.example.Two", "Do", DBUS_TYPE_UINT32);
        assert_finds(2, "org.example.Two", "Stop", DBUS_TYPE_INVALID);
}

static void find_call_without_interface_means_the_first_of_that_name(void **state)
{
        assert_finds(0, NULL, "Do", DBUS_TYPE_STRING);
        assert_finds(2, NULL, "Stop", DBUS_TYPE_INVALID);
}

static void find_what_is_not_there_says_which_part(void **state)
{
        assert_answers(DBUS_ERROR_UNKNOWN_OBJECT, "/org/example", "org.example.One", "Do", DBUS_TYPE_STRING);
        assert_answers(DBUS_ERROR_UNKNOWN_OBJECT, "/org", "org.example.One", "Do", DBUS_TYPE_STRING);
        assert_answers(DBUS_ERROR_UNKNOWN_INTERFACE, PATH, "org.example.Three", "Do", DBUS_TYPE_STRING);
        assert_answers(DBUS_ERROR_UNKNOWN_METHOD, PATH, "org.example.One", "Stop", DBUS_TYPE_INVALID);
        assert_answers(DBUS_ERROR_UNKNOWN_METHOD, PATH, NULL, "Start", DBUS_TYPE_INVALID);
}

static void find_arguments_of_another_signature_are_invalid(void **state)
{
        assert_answers("org.attesterd.Error.InvalidArgument", PATH, "org.example.One", "Do", DBUS_TYPE_UINT32);
        assert_answers("org.attesterd.Error.InvalidArgument", PATH, "org.example.Two", "Stop", DBUS_TYPE_STRING);
}

static void find_introspection_is_answered_for_the_object_and_the_way_to_it(void **state)
{
        assert_answers("<node>thing</node>", PATH, DBUS_INTERFACE_INTROSPECTABLE, "Introspect", DBUS_TYPE_INVALID);
        assert_answers("<node>way</node>", "/org", DBUS_INTERFACE_INTROSPECTABLE, "Introspect", DBUS_TYPE_INVALID);
        assert_answers(DBUS_ERROR_UNKNOWN_OBJECT, "/com", DBUS_INTERFACE_INTROSPECTABLE, "Introspect", DBUS_TYPE_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(find_call_of_a_method_gives_its_index),
                cmocka_unit_test(find_call_without_interface_means_the_first_of_that_name),
                cmocka_unit_test(find_what_is_not_there_says_which_part),
                cmocka_unit_test(find_arguments_of_another_signature_are_invalid),
                cmocka_unit_test(find_introspection_is_answered_for_the_object_and_the_way_to_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
