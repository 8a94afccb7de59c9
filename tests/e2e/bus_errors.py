# SPDX-License-Identifier: BSD-2-Clause
"""What tests assert about errors that come over a bus. Apart from stack.py, which needs nothing but Python's own library."""

import unittest

import dbus


class BusErrors(unittest.TestCase):
    def assert_error(self, name, function, *arguments, **keywords):
        """The call fails with org.attesterd.Error.`name` (or a full name) and a sentence, which is returned."""
        with self.assertRaises(dbus.DBusException) as caught:
            function(*arguments, **keywords)
        wanted = name if "." in name else f"org.attesterd.Error.{name}"
        self.assertEqual(caught.exception.get_dbus_name(), wanted, caught.exception.get_dbus_message())
        message = caught.exception.get_dbus_message()
        self.assertGreater(len(message), 10)
        return message
