"""Print pins of constraints.txt for `make lock`, one a line: those that users need, or with --rest the others.

Follows the requirements of the installed packages. torch itself is left out: every build of it (CPU, CUDA versions) has
files of its own, and its index is named where it is installed.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from requirements import requirements

BY_BUILD = "torch"
ROOT = Path(__file__).resolve().parents[1]


def read_pins(constraints: Path) -> dict[str, str]:
    """Return the lines of a file of exact versions by the canonical names of their packages."""
    lines = constraints.read_text().split()
    return {canonicalize_name(line.partition("==")[0]): line for line in lines}


def close_over(wanted: list[str]) -> set[str]:
    """Return the canonical names of packages and of all that they require, with the extras that were asked for.

    Raises:
        importlib.metadata.PackageNotFoundError: If one of them is not installed.
    """
    queue, seen = [Requirement(text) for text in wanted], set[tuple[str, frozenset[str]]]()
    while queue:
        requirement = queue.pop()
        known = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if known in seen:
            continue
        seen.add(known)
        for text in importlib.metadata.requires(requirement.name) or ():
            further = Requirement(text)
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                queue.append(further)
    return {name for name, _ in seen}


def choose_pins(*, rest: bool) -> list[str]:
    """Return the pins of what users need, or of all else, in the order of constraints.txt.

    Raises:
        SystemExit: If a package that users need has no pin.
    """
    pins = read_pins(ROOT / "constraints.txt")
    needed = close_over(requirements(ROOT / "pyproject.toml"))
    if missing := sorted(needed - pins.keys()):
        raise SystemExit(f"constraints.txt has no version of {', '.join(missing)}; add `name==version` for each")
    return [line for name, line in pins.items() if name != BY_BUILD and (name in needed) != rest]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in choose_pins(rest="--rest" in sys.argv[1:])))
