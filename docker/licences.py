"""Print the table of licences of all packages of constraints.txt, as `make licences` keeps it in a file.

Licences are what the installed packages say of themselves. Packages under a licence with copyleft are marked.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from email.message import Message
from pathlib import Path
from typing import cast

from pins import ROOT, close_over, read_pins
from requirements import requirements

COPYLEFT = re.compile(r"\b[AL]?GPL|General Public License|\bMPL\b|Mozilla Public|\bEPL\b|Eclipse Public", re.IGNORECASE)
UNNAMED = ("", "UNKNOWN", "Dual License")
LONGEST = 60

HEAD = """\
# Licences of the packages that bohpo uses

Made by `make licences` from what the packages of `constraints.txt` say of themselves; bohpo itself is under Apache-2.0.
bohpo ships none of them: `pip` installs each from its own source. *users* are the packages that bohpo and its extras
need; *development* are those of its tests and tools. Licences marked **copyleft** ask for more than a notice when
their package, or a changed copy of it, is passed on, for example in a container image.

| package | version | licence | for | |
| --- | --- | --- | --- | --- |
"""


def read_licence(name: str) -> str:
    """Return the licence that an installed package names: as an SPDX expression, in its field, or as classifiers.

    Raises:
        importlib.metadata.PackageNotFoundError: If it is not installed.
    """
    metadata = cast(Message, importlib.metadata.metadata(name))
    classifiers = [text for text in metadata.get_all("Classifier", []) if text.startswith("License ::")]
    field = str(metadata.get("License", "")).strip()
    candidates = [
        str(metadata.get("License-Expression", "")),
        field if len(field) <= LONGEST and "\n" not in field else "",
        " or ".join(sorted({text.rpartition(":: ")[2] for text in classifiers} - {"OSI Approved"})),
        field.partition("\n")[0][:LONGEST].strip(),
    ]
    return next((text for text in candidates if text not in UNNAMED), "not named; see the package")


def write_table() -> str:
    """Return the table as Markdown, one row for each package, by name."""
    needed = close_over(requirements(ROOT / "pyproject.toml"))
    rows = []
    for name, pin in sorted(read_pins(ROOT / "constraints.txt").items()):
        shown, _, version = pin.partition("==")
        licence = read_licence(name)
        mark = "**copyleft**" if COPYLEFT.search(licence) else ""
        purpose = "users" if name in needed else "development"
        rows.append(f"| {shown} | {version} | {licence.replace('|', '/')} | {purpose} | {mark} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(write_table(), encoding="utf-8")
