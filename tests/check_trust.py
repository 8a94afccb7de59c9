#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every attack of docs/TRUST.md names a test that exists. Usage: check_trust.py SOURCE-DIRECTORY"""

import pathlib
import re
import sys

ATTACKS_MIN = 30


def problems(top, text):
    """Sentences about rows of the section "Attacks" whose last column names no test that is there."""
    section = text.split("\n## Attacks\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    if len(rows) < ATTACKS_MIN:
        yield f"there are only {len(rows)} attacks"
    for row in rows:
        named = re.fullmatch(r"\| .* \| `(tests/[\w/.]+): (\w+)` \|", row)
        if not named:
            yield f"names no test: {row}"
            continue
        file, case = top / named[1], named[2]
        if not file.is_file():
            yield f"there is no {named[1]}"
        elif not re.search(rf"^\s*(static void|def) {case}\(", file.read_text(), re.MULTILINE):
            yield f"{named[1]} has no case {case}"


def main():
    top = pathlib.Path(sys.argv[1])
    text = (top / "docs" / "TRUST.md").read_text()
    found = list(problems(top, text))
    for problem in found:
        print(f"docs/TRUST.md: {problem}")
    # The check itself has to notice a case that is gone.
    broken = text.replace("decide_second_token_for_one_challenge_is_spent", "no_such_case")
    if broken == text or not list(problems(top, broken)):
        found.append("the check finds nothing")
        print(found[-1])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
