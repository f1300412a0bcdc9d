"""Print what bohpo needs, its extras for users included, one requirement a line."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: Path) -> list[str]:
    """List the requirements of a project and of its extras, those of its developers excepted."""
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = [wanted for name, wanted in project["optional-dependencies"].items() if name != "dev"]
    return [*project["dependencies"], *(requirement for wanted in extras for requirement in wanted)]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{requirement}\n" for requirement in requirements(Path(sys.argv[1]))))
