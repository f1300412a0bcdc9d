"""Inspection of a trainer in a process of its own: `python -m bohpo.trainer.inspection DIRECTORY ENTRY ...`.

Each ENTRY is `train=module:function`, `evaluate=module:function` or `forecast=module:function`. Prints one JSON object:
the seconds that the imports took, a problem with its remedy by role for what cannot be called as jobs call it, and what
`forecast` says of the study's fixed settings, JSON on stdin. What the modules print goes to stderr.

A trainer's module may have a function `forecast(fixed) -> str | None`, which describes in a sentence how wide the
interval of a score will be. It must be quick, and read no volume.
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
FORECAST = "forecast"
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


def call_forecast(entry: str, directory: str, fixed: dict[str, object]) -> str | None:
    """Ask a trainer how sure its scores will be.

    Returns:
        One sentence without a full stop; why there is none if the function fails, as where the data are on another
        machine; None if it has nothing to say.
    """
    try:
        said = load_entry(entry, directory)(fixed)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of a trainer may raise anything
        return f"how wide the interval of a score will be is not known: {' '.join(str(error).split())}"
    return said if isinstance(said, str) else None


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
    entries = dict(word.split("=", 1) for word in named)
    problems = {role: inspect_entry(role, entries[role], directory) for role in ARGUMENTS if role in entries}
    seconds = time.monotonic() - began
    said = call_forecast(entries[FORECAST], directory, json.load(sys.stdin)) if FORECAST in entries else None
    json.dump({"seconds": seconds, "problems": problems, FORECAST: said}, answer)
    answer.close()


if __name__ == "__main__":
    main()
