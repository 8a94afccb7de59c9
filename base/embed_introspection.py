#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a C header with the introspection text of an object, made of the interface XML files and nothing else.

usage: embed_introspection.py MACRO OUTPUT FILE...
"""

import pathlib
import re
import sys

DOCTYPE = (
    '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n'
    ' "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n'
)

STANDARD = """ <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect"><arg name="xml" type="s" direction="out"/></method>
 </interface>
 <interface name="org.freedesktop.DBus.Properties">
  <method name="Get">
   <arg name="interface" type="s" direction="in"/><arg name="name" type="s" direction="in"/>
   <arg name="value" type="v" direction="out"/>
  </method>
  <method name="GetAll">
   <arg name="interface" type="s" direction="in"/><arg name="properties" type="a{sv}" direction="out"/>
  </method>
  <method name="Set">
   <arg name="interface" type="s" direction="in"/><arg name="name" type="s" direction="in"/>
   <arg name="value" type="v" direction="in"/>
  </method>
  <signal name="PropertiesChanged">
   <arg name="interface" type="s"/><arg name="changed" type="a{sv}"/><arg name="invalidated" type="as"/>
  </signal>
 </interface>
"""


def interface_of(path):
    """The <interface> element of a file, without comments and indentation."""
    text = re.sub(r"<!--.*?-->", "", pathlib.Path(path).read_text(), flags=re.DOTALL)
    body = re.search(r"<interface.*</interface>", text, flags=re.DOTALL).group(0)
    return "".join(" " + line.strip() + "\n" for line in body.splitlines() if line.strip())


def c_string(text):
    lines = text.replace("\\", "\\\\").replace('"', '\\"').splitlines()
    return "\n".join('        "%s\\n"' % line for line in lines)


def main():
    macro, output, *files = sys.argv[1:]
    body = DOCTYPE + "<node>\n" + STANDARD + "".join(interface_of(path) for path in files) + "</node>\n"
    pathlib.Path(output).write_text(
        "/* Made from the interface XML files by embed_introspection.py. */\n#pragma once\n\n"
        f"#define {macro} \\\n{c_string(body)}\n".replace('\\n"\n        "', '\\n" \\\n        "')
    )


if __name__ == "__main__":
    main()
