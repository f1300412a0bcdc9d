"""`bohpo new`: a study and its trainer to start from, which run as they are."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from bohpo.cli.output import emit, say
from bohpo.errors import UsageError
from bohpo.study import NAME_PATTERN


def new(name: str, /, *, command: bool = False, json: bool = False) -> None:
    """Write NAME.toml and its trainer into the current directory.

    Args:
        name: Name of the study.
        command: Write a trainer that is an external command, to be rewritten in any language.
        json: Print the names of the files as one JSON object.

    Raises:
        UsageError: If the name cannot be one, or a file is there already.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(
            f"{name!r} is no name for a study; take up to 64 letters, digits, dots, dashes, a letter first"
        )
    module = _module_name(name)
    entry = f'command = ["python3", "{module}.py"]' if command else f'trainer = "{module}:train"'
    study, trainer = Path(f"{name}.toml"), Path(f"{module}.py")
    for path in (study, trainer):
        if path.exists():
            raise UsageError(f"{path} is there already; choose another name, or move it away")
    for path, template in ((study, "study.toml"), (trainer, "command.py" if command else "trainer.py")):
        text = importlib.resources.files("bohpo.cli.templates").joinpath(template).read_text(encoding="utf-8")
        with path.open("x", encoding="utf-8") as file:
            file.write(text.replace("NAME", name).replace("MODULE", module).replace("ENTRY", entry))
    if json:
        emit({"study": str(study), "trainer": str(trainer)})
        return
    say(f"wrote {study} and {trainer}; next:\n  bohpo check {study}\n  bohpo launch {study} --follow")


def _module_name(name: str) -> str:
    stem = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"{'study_' if stem[0].isdigit() else ''}{stem}_trainer"
