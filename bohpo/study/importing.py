"""Import of the functions that a study names, in a child process with a time limit: they may be heavy, hang or exit."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bohpo.errors import Mistake
from bohpo.processes import PYTHON
from bohpo.study.entry import defines
from bohpo.trainer.inspection import ABSENT, FORECAST

if TYPE_CHECKING:
    from bohpo.study.study import Study

IMPORT_LIMIT_S = 120.0
"""torch from a busy file server may take a minute."""

_LESS = "import less at the top of the module; `bohpo check --no-import` leaves it out"
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of importing the functions of a study.

    Attributes:
        seconds: What the imports took, in a fresh process.
        mistakes: What keeps jobs from calling them.
        has_evaluate: Whether there is something that scores a model, for `bohpo evaluate`.
        forecast: What the trainer's module says of how sure the scores will be; None if it says nothing.
    """

    seconds: float
    mistakes: tuple[Mistake, ...]
    has_evaluate: bool
    forecast: str | None = None


def why_not_imported(study: Study) -> str:
    """Return why the functions of a settled study cannot be imported here as jobs do; empty where they can."""
    cluster = study.cluster
    if not study.trainer and not study.evaluation_entry:
        return "a command is not imported"
    if cluster.backend != "local" and (cluster.python or cluster.container or cluster.setup):
        return "jobs have a Python of their own; `bohpo try STUDY --job` imports it there"
    return ""


def import_entries(study: Study, *, limit_s: float = IMPORT_LIMIT_S) -> Imported:
    """Import the trainer and the evaluator of a study as jobs do, in a process that is killed after `limit_s`."""
    entries = {role: entry for role, entry in (("train", study.trainer), ("evaluate", study.evaluation_entry)) if entry}
    keys = {"train": "trainer", "evaluate": "evaluator" if study.evaluator else "trainer"}
    first = keys[next(iter(entries))]
    words = [str(study.working_directory), *(f"{role}={entry}" for role, entry in entries.items())]
    forecast = f"{(study.trainer or '').partition(':')[0]}:{FORECAST}"
    if study.trainer and defines(forecast, study.working_directory):
        words.append(f"{FORECAST}={forecast}")
    command = (*PYTHON, "-m", "bohpo.trainer.inspection", *words)
    code, answer, said = _run(command, words[0], json.dumps(dict(study.fixed)), limit_s)
    if code is None:
        problem = f"its import has not ended after {limit_s:g} s"
        return Imported(limit_s, (Mistake(first, problem, _LESS),), has_evaluate=False)
    if not answer:
        problem = f"its import ended the process with exit code {code}: {said or 'it printed nothing'}"
        return Imported(
            0.0, (Mistake(first, problem, "start nothing while the module is imported"),), has_evaluate=False
        )
    told = json.loads(answer)
    problems = {role: problem for role, problem in told["problems"].items() if problem}
    lacks_evaluate = problems.get("evaluate", ("",))[0] == ABSENT
    if lacks_evaluate and not study.evaluator:  # it need not be there, as long as nobody asks for it
        del problems["evaluate"]
    mistakes = tuple(
        Mistake(keys[role], f"{entries[role]} {problem}", remedy) for role, (problem, remedy) in problems.items()
    )
    has_evaluate = bool(study.evaluate_command) or ("evaluate" in entries and not lacks_evaluate)
    return Imported(told["seconds"], mistakes, has_evaluate, told[FORECAST])


def _run(command: tuple[str, ...], directory: str, text: str, limit_s: float) -> tuple[int | None, str, str]:
    """Run a command in a group of its own; return its exit code or None at the limit, its output, its last line."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as talk:
        stdin.write(text.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command, cwd=directory, stdin=stdin, stdout=output, stderr=talk, start_new_session=True
        )
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(limit_s)
        with contextlib.suppress(ProcessLookupError):  # what it started goes, too
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.seek(0)
        talk.seek(max(0, talk.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = talk.read().decode(errors="replace").split("\n")
        last = next((" ".join(line.split()) for line in reversed(lines) if line.strip()), "")
        return code, output.read().decode(), last
