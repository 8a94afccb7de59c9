# SPDX-License-Identifier: BSD-2-Clause
"""The comments of a D-Bus interface's XML as a document of this folder, for man_page.py."""

import re
import textwrap
import xml.etree.ElementTree

SERVICES = {"org.attesterd.Client1": "org.attesterd.Client1"}  # bus names other than the daemon's


def parts(comment):
    """A comment "Name:\\n@argument: what\\n\\ntext" as its arguments and its text."""
    text = textwrap.dedent(comment).strip()
    text = text.split(":", 1)[1].strip("\n ") if re.match(r"[\w.]+:", text) else text
    arguments, paragraphs = {}, []
    name = None
    for line in text.splitlines():
        match = re.match(r"\s*@(\w+): (.*)", line)
        if match:
            name = match[1]
            arguments[name] = match[2]
        elif not line.strip():
            name = None
            paragraphs.append("")
        elif name is not None:
            arguments[name] += " " + line.strip()
        else:
            paragraphs.append(line.strip())
    return arguments, "\n".join(paragraphs).strip()


def signature(method):
    """Method(s issuer) → (s device)"""
    sides = {"in": [], "out": []}
    for argument in method.findall("arg"):
        sides[argument.get("direction", "in")].append(f"{argument.get('type')} {argument.get('name')}")
    answer = f" → ({', '.join(sides['out'])})" if sides["out"] else ""
    return f"{method.get('name')}({', '.join(sides['in'])}){answer}"


def document(source):
    parser = xml.etree.ElementTree.XMLParser(target=xml.etree.ElementTree.TreeBuilder(insert_comments=True))
    root = xml.etree.ElementTree.parse(source, parser).getroot()
    out, comment, properties = [], ("", ""), []
    for node in root:
        if not isinstance(node.tag, str):
            comment = parts(node.text)
            continue
        name = node.get("name")
        out += [f"# {name}(5): D-Bus interface of attesterd", "", "```", f"{SERVICES.get(name, 'org.attesterd')} {root.get('name')} {name}", "```", "", comment[1], "",
                "## Methods"]
        for member in node:
            if not isinstance(member.tag, str):
                comment = parts(member.text)
            elif member.tag == "method":
                out += ["", f"### {signature(member)}", comment[1], ""]
                if comment[0]:
                    out += ["| argument | |", "| --- | --- |", *(f"| `{key}` | {text} |" for key, text in comment[0].items())]
            elif member.tag == "property":
                properties.append(f"| `{member.get('name')}` ({member.get('type')}) | {comment[1]} |")
    if properties:
        out += ["", "## Properties", "| property | |", "| --- | --- |", *(line.replace("\n", " ") for line in properties)]
    out += ["", "## See also", "[attesterd.md](attesterd.md), [attestctl.md](attestctl.md)"]
    return "\n".join(out) + "\n"
