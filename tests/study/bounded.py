"""Checks of studies in processes that may take 5 s of CPU time and 500 MB: more ends the process, and so fails a test.

Run as a script it reads a JSON list of studies on stdin, and prints for each what became of its process: exit code 0,
or the negative number of the signal that ended it, and what was said.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

CPU_SECONDS = 5
MEMORY = 500_000_000

Answer: TypeAlias = tuple[int, str]
"""How a process ended, and what the check said: the first mistake, or the row on the space."""


def check_bounded(texts: Sequence[str]) -> list[Answer]:
    """Check studies, each in a process of its own that is bounded."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.study.bounded"],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(int(code), str(said)) for code, said in json.loads(done.stdout)]


def _examine(text: str) -> str:
    """Do all that a check does with a text, short of looking for the trainer."""
    from bohpo.errors import StudyError
    from bohpo.service.checking import as_json, parameter_rows, summary_rows
    from bohpo.study import Study

    try:
        study = Study.parse(text)
    except StudyError as error:
        return str(error.mistakes[0])
    json.dumps([as_json(study, None), parameter_rows(study)])
    return dict(summary_rows(study))["space"]


def _bound() -> None:
    taken = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(taken.ru_utime + taken.ru_stime) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _in_a_process(text: str) -> Answer:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _bound()
        try:
            said = _examine(text)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            os.write(write_end, repr(error)[:4000].encode(errors="replace"))
            os._exit(1)
        os.write(write_end, said[:4000].encode(errors="replace"))
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        said = stream.read().decode()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def _main() -> None:
    _examine('name = "a"')  # what is imported late is imported before the limits hold
    _examine('trainer = "a:b"\nobjective.direction = "maximize"\nspace.x = { type = "int", low = 1, high = 2 }')
    json.dump([_in_a_process(text) for text in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    _main()
