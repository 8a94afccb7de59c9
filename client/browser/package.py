#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes the extension for one browser: a directory and a zip, which differ between browsers in manifest.json and answer.js alone.

usage: package.py SOURCE BROWSER VERSION DIRECTORY ZIP
"""

import json
import pathlib
import shutil
import sys
import zipfile

FILES = ("api.js", "background.js", "challenge.js", "host.js", "refusals.js", "report.js", "sites.js",
         "popup.html", "popup.css", "popup.js", "icon-32.png", "icon-128.png",
         *(f"_locales/{language}/messages.json" for language in ("de", "en", "es", "fr", "it", "nl")))
EPOCH = (2020, 1, 1, 0, 0, 0)  # of every file in the zip, which is thus the same each time


def contents(source, browser, version):
    manifest = json.loads((source / "manifest.json.in").read_text().replace("@version@", version))
    manifest.update(json.loads((source / f"manifest.{browser}.json").read_text()))
    yield "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode()
    yield "answer.js", (source / f"answer.{browser}.js").read_bytes()
    for name in FILES:
        yield name, (source / name).read_bytes()


def main():
    source, browser, version, directory, archive = sys.argv[1:]
    directory = pathlib.Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents(pathlib.Path(source), browser, version):
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            packed.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
