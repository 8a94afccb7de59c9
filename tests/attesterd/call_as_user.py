# SPDX-License-Identifier: BSD-2-Clause
"""Calls attesterd as whoever runs this. usage: call_as_user.py COUNT INTERFACE MEMBER [SIGNATURE ARGUMENT…]

Makes COUNT calls at once and prints JSON: how often each outcome came ("ok" or an error's name), and the last error's sentence.
Arguments are strings, but "token" stands for one small token request, "options" for no options, and "bytes" for some.
"""

import collections
import json
import os
import sys

import dbus.bus
import dbus.lowlevel

SPECIAL = {"token": [b"request"], "options": {}, "bytes": b"bytes"}


def main():
    count, interface, member, *rest = sys.argv[1:]
    bus = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
    outcomes, sentences, pending = collections.Counter(), [""], []

    def on_reply(reply):
        failed = isinstance(reply, dbus.lowlevel.ErrorMessage)
        outcomes[reply.get_error_name() if failed else "ok"] += 1
        if failed:
            sentences.append(str(reply.get_args_list()[0]))

    for _ in range(int(count)):
        message = dbus.lowlevel.MethodCallMessage("org.attesterd", "/org/attesterd", interface, member)
        if rest:
            message.append(*(SPECIAL.get(argument, argument) for argument in rest[1:]), signature=rest[0])
        pending.append(bus.send_message_with_reply(message, on_reply, 60))
    for call in pending:
        call.block()
    print(json.dumps({"outcomes": outcomes, "sentence": sentences[-1]}))


if __name__ == "__main__":
    main()
