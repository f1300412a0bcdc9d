"""Inspection of a trainer in a process of its own: `python -m bohpo.trainer.inspection DIRECTORY ENTRY ...`.

Each ENTRY is `train=module:function` or `evaluate=module:function`. Prints one JSON object: the seconds that the
imports took, and a problem with its remedy by role for what cannot be called as jobs call it. What the modules print
goes to stderr.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import time
from collections.abc import Callable

from bohpo.trainer.entry import load_entry
from bohpo.trainer.returned import REMEDY, refused_annotation

ARGUMENTS = {"train": ("config", "context"), "evaluate": ("config", "model", "context")}
"""What a function is called with, by its role."""

ABSENT = "is absent"


def inspect_entry(role: str, entry: str, directory: str) -> tuple[str, str] | None:
    """Import a function and return what is wrong with it and what to do; None where a job can call it.

    Args:
        role: `train` or `evaluate`.
        entry: `module:function`.
        directory: Where jobs run, and the first place where Python looks for the module.
    """
    try:
        function = load_entry(entry, directory)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module raises is what is asked for
        if _is_absent(entry):
            return ABSENT, f"define {entry.partition(':')[2]}({', '.join(ARGUMENTS[role])}) in its module"
        return f"cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}", "correct it"
    if problem := _signature_problem(function, ARGUMENTS[role]):
        return problem, f"it is called with {', '.join(ARGUMENTS[role])}"
    annotation = refused_annotation(function)
    return None if annotation is None else (f"is declared to return {annotation}", REMEDY)


def _is_absent(entry: str) -> bool:
    module, _, function = entry.partition(":")
    return module in sys.modules and not hasattr(sys.modules[module], function)


def _signature_problem(function: Callable[..., object], arguments: tuple[str, ...]) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one that is written in C may have none
        return ""
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return f"takes {signature}: {error}"
    return ""


def main() -> None:
    """Inspect the entries that the arguments name."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    began = time.monotonic()
    directory, *named = sys.argv[1:]
    entries = [word.partition("=")[::2] for word in named]
    problems = {role: inspect_entry(role, entry, directory) for role, entry in entries}
    json.dump({"seconds": time.monotonic() - began, "problems": problems}, answer)
    answer.close()


if __name__ == "__main__":
    main()
