"""Run checks that may hang or crash, and come back all the same.

A file server that went away blocks whoever touches it where no signal reaches, and so does a name server for a while.
So each check runs in a process of its own, all at a time; one that does not answer in time is killed, or abandoned
where even that has no effect.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.errors import BohpoError
from bohpo.processes import end_with_parent, send

DEADLINE_S = 60.0
"""Longer than any command or connection of a check is given, and than slow disks take to load the packages for it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One look at the machine.

    Attributes:
        name: What is looked at.
        look: Looks; raises nothing but errors of bohpo and of the system.
        if_hung: Remedy where it does not come to an end.
    """

    name: str
    look: Callable[[Plan], Sequence[Finding]]
    if_hung: str


@dataclass(frozen=True, slots=True)
class _Running:
    check: Check
    pid: int
    answer: int


def examine(checks: Sequence[Check], plan: Plan, *, deadline_s: float = DEADLINE_S) -> list[Finding]:
    """Run all checks side by side and give what they found, in their order.

    Args:
        checks: What to look at.
        plan: What the machine is to do.
        deadline_s: Seconds after which a check counts as hung.
    """
    sys.stdout.flush()
    running = [_start(check, plan) for check in checks]
    answers = _read_all([each.answer for each in running], time.monotonic() + deadline_s)
    for each in running:
        _end(each.pid)
    return [finding for each in running for finding in _findings(each.check, answers[each.answer], deadline_s)]


def _start(check: Check, plan: Plan) -> _Running:
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _look_and_leave(check, plan, writer, parent)
    os.close(writer)
    return _Running(check, pid, reader)


def _look_and_leave(check: Check, plan: Plan, writer: int, parent: int) -> NoReturn:
    answer: dict[str, Any] = {}
    try:
        os.setpgid(0, 0)
        end_with_parent(parent, signal.SIGKILL)
        answer = {"findings": [asdict(finding) for finding in check.look(plan)]}
    except (BohpoError, OSError) as error:
        answer = {"findings": [asdict(Finding(check.name, False, str(error)))]}
    finally:
        # What else went wrong is told by its kind alone: its text may hold what must not be shown.
        kind = sys.exc_info()[0]
        with contextlib.suppress(OSError), open(writer, "wb") as stream:
            stream.write(json.dumps(answer or {"failed": kind.__name__ if kind else "?"}).encode())
        os._exit(0)


def _read_all(descriptors: Sequence[int], give_up: float) -> dict[int, bytes | None]:
    """Read all that is written to pipes until their other ends are closed; None for those that take too long."""
    texts, whole = dict.fromkeys(descriptors, b""), set[int]()
    while len(whole) < len(texts) and (left_s := give_up - time.monotonic()) > 0:
        for descriptor in select.select([each for each in texts if each not in whole], [], [], left_s)[0]:
            part = os.read(descriptor, 65_536)
            texts[descriptor] += part
            if not part:
                whole.add(descriptor)
    for descriptor in descriptors:
        os.close(descriptor)
    return {descriptor: text if descriptor in whole else None for descriptor, text in texts.items()}


def _findings(check: Check, text: bytes | None, deadline_s: float) -> list[Finding]:
    if text is None:
        return [Finding(check.name, False, f"no answer within {deadline_s:g} s", check.if_hung)]
    try:
        answer = json.loads(text)
    except ValueError:
        return [Finding(check.name, False, "the check ended without an answer", "run it again, and report it")]
    if "failed" in answer:
        return [Finding(check.name, False, f"the check itself failed ({answer['failed']})", "please report it")]
    return [Finding(**finding) for finding in answer["findings"]]


def _end(pid: int) -> None:
    """Kill a check with all that it started; one that the kernel holds is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    send([pid], signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
