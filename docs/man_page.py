#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes a manual page of a document of this folder, or of a D-Bus interface's XML.

Usage: man_page.py VERSION SOURCE OUTPUT [DOCUMENT ...], where DOCUMENTs are what links may lead to.

The documents are written in a small part of Markdown: headings, paragraphs, lists, fenced code, tables, links, `code`, **bold** and
*emphasis*. The first line is "# NAME(SECTION): what it is"; fenced code before the first "##" is the synopsis. A table becomes
a list: the first column is the tag, a column headed "default" comes last, other columns but the last keep their heading.
"""

import pathlib
import re
import sys
import textwrap

import dbus_document

TITLE = re.compile(r"# (?P<name>[\w.-]+)\((?P<section>[1-8])\): (?P<what>.+)")
INLINE = re.compile(r"`(?P<code>[^`]+)`|\[(?P<text>[^\]]+)\]\((?P<link>[^)]+)\)|\*\*(?P<bold>[^*]+)\*\*|(?<![\w*])\*(?P<em>[^*\s][^*]*)\*")


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def plain(text):
    """Text outside of code: a hyphen may stay one."""
    return text.replace("\\", "\\e")


def protect(line):
    """A line of text that roff does not take for a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def filled(text):
    lines = textwrap.wrap(text, 79, break_long_words=False, break_on_hyphens=False)
    return "\n".join(protect(line) for line in lines) or "\\&"


class Page:
    def __init__(self, source, version, documents):
        text = source.read_text()
        if source.suffix == ".xml":
            text = dbus_document.document(source)
        # Comments say of a block of commands whether a test runs it.
        self.lines = [line for line in text.splitlines() if not line.startswith("<!-- ")]
        title = TITLE.fullmatch(self.lines.pop(0))
        if title is None:
            sys.exit(f"{source}: the first line is not \"# NAME(SECTION): what it is\"")
        self.name, self.section, self.what = title.group("name", "section", "what")
        self.documents = documents
        self.references = set()
        self.out = [f'.TH "{escape(self.name.upper())}" {self.section} "" "attesterd {version}" ""', ".SH NAME",
                    f"{escape(self.name)} \\- {plain(self.what)}"]

    def inline(self, text):
        out, end = [], 0
        for match in INLINE.finditer(text):
            out.append(plain(text[end:match.start()]))
            end = match.end()
            if match["code"]:
                out.append(f"\\fB{escape(match['code'])}\\fR")
            elif match["bold"]:
                out.append(f"\\fB{plain(match['bold'].replace('`', ''))}\\fR")
            elif match["em"]:
                out.append(f"\\fI{plain(match['em'])}\\fR")
            else:
                out.append(self.link(match["text"], match["link"]))
        return "".join(out) + plain(text[end:])

    def link(self, text, target):
        page = self.documents.get(target.split("/")[-1].split("#")[0])
        if page is not None:
            self.references.add(page)
            reference = f"\\fB{escape(page[0])}\\fR({page[1]})"
            return reference if text.endswith((".md", ".xml", ")")) or text == page[0] else f"{plain(text)}, {reference}"
        return f"\\fI{escape(target.split('/')[-1] if text == target else text)}\\fR"

    def paragraph(self, text):
        self.out.append(filled(self.inline(" ".join(text.split()))))

    def separate(self):
        if not self.out[-1].startswith((".SH", ".SS", ".PP")):
            self.out.append(".PP")

    def heading(self, name):
        self.out.append(f".SH {plain(name.upper())}" if "`" not in name else f".SH {plain(name.replace('`', ''))}")

    def code(self, lines):
        self.separate()
        self.out += [".in +4n", ".EX", *(protect(escape(line)) for line in lines), ".EE", ".in"]

    def synopsis(self, lines):
        self.out += [".SH SYNOPSIS", ".nf"]
        for line in lines:
            word, rest = line.split(" ", 1) if " " in line else (line, "")
            self.out.append(f"\\fB{escape(word)}\\fR {escape(rest)}".rstrip())
        self.out.append(".fi")

    def table(self, rows):
        headings = [cell.strip("`* ") for cell in rows[0]]
        for row in rows[1:]:
            self.out += [".TP", protect(self.inline(row[0]) or "\\&")]
            columns = [i for i in range(1, len(headings)) if i < len(row) and row[i] not in ("", "–")]
            defaults = [i for i in columns if headings[i] == "default"]
            texts = [i for i in columns if i not in defaults]
            parts = [self.cell(headings[i], row[i], i == max(texts)) for i in texts]
            parts += ["Needed." if row[i] == "needed" else f"Default: {self.inline(row[i])}." for i in defaults]
            self.out.append(filled(" ".join(parts)))

    def cell(self, heading, text, is_last):
        sentence = self.inline(text)
        if not is_last:
            return f"{sentence}:" if heading in ("", "name") else f"{plain(heading)}: {sentence};"
        return sentence if sentence.endswith((".", "?")) else sentence + "."

    def blocks(self):
        """("heading"|"code"|"table"|"item"|"text", content), in order."""
        i = 0
        while i < len(self.lines):
            line = self.lines[i]
            if line.startswith("```"):
                end = next(k for k in range(i + 1, len(self.lines)) if self.lines[k].startswith("```"))
                yield "code", self.lines[i + 1:end]
                i = end + 1
            elif line.startswith("|"):
                end = i
                while end < len(self.lines) and self.lines[end].startswith("|"):
                    end += 1
                rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in self.lines[i:end]]
                yield "table", [rows[0]] + rows[2:]
                i = end
            elif line.startswith("#"):
                yield "heading", line
                i += 1
            elif not line.strip():
                i += 1
            else:
                end = i + 1
                while end < len(self.lines) and self.lines[end].strip() and not re.match(r"#|\||```|\s*(- |\d+\. )", self.lines[end]):
                    end += 1
                yield ("item" if re.match(r"\s*(- |\d+\. )", line) else "text"), " ".join(self.lines[i:end])
                i = end

    def body(self):
        in_preamble, described = True, False
        for kind, content in self.blocks():
            if kind == "heading":
                in_preamble = False
                level, name = content.split(" ", 1)
                self.heading(name) if level == "##" else self.out.append(f".SS {self.inline(name)}")
                continue
            if in_preamble and kind == "code" and not described:
                self.synopsis(content)
                continue
            if in_preamble and not described:
                self.out.append(".SH DESCRIPTION")
                described = True
            if kind == "code":
                self.code(content)
            elif kind == "table":
                self.table(content)
            elif kind == "item":
                mark, text = re.match(r"\s*(-|\d+\.) (.*)", content).groups()
                self.out.append(".IP \\(bu 2" if mark == "-" else f".IP {mark} 4")
                self.paragraph(text)
            else:
                self.separate()
                self.paragraph(content)

    def page(self):
        self.body()
        references = sorted(self.references - {(self.name, self.section)}, key=lambda page: (page[1], page[0]))
        if references:
            self.out += [".SH SEE ALSO", ",\n".join(f".BR {escape(name)} ({section})" for name, section in references).replace(",\n", " ,\n")]
        return "\n".join(self.out) + "\n"


def title_of(file):
    first = f"# {file.stem}(5): interface" if file.suffix == ".xml" else file.read_text().split("\n", 1)[0]
    title = TITLE.fullmatch(first)
    return None if title is None else title.group("name", "section")


def main():
    version, source, output, *documents = sys.argv[1:]
    pages = {pathlib.Path(file).name: title_of(pathlib.Path(file)) for file in documents}
    pathlib.Path(output).write_text(Page(pathlib.Path(source), version, pages).page())


if __name__ == "__main__":
    main()
