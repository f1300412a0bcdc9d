"""A seat: `python -m bohpo.cluster.seat FOLDER`, a job of a queue that runs one attempt after another.

The folder, on the file system that driver and job share, holds

| file               | written by       | what                                                                |
| ------------------ | ---------------- | ------------------------------------------------------------------- |
| seat.json          | driver           | how many attempts it takes, and how long it waits for the next      |
| assignment-<k>.json | driver, or seat | what runs as number k; or, from whoever gives up first, "closed"    |
| cancel-<k>         | driver           | asks number k to stop                                               |
| ended-<k>.json     | seat             | number k has ended                                                  |
| seat.lock          | seat             | is held while it is at work                                         |

An assignment is linked into its place, which fails where there is one already: so a driver that hands over the next
attempt and a seat that gives up waiting for it never miss each other. A submission that the queue took without
saying so is repeated: of two seats of a folder the second one leaves, and the folder of one at work is left as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import FrameType
from typing import Any

from bohpo.durable import read_json, write_atomically, write_json
from bohpo.errors import QueueError
from bohpo.processes import WALL_SECONDS, end_with_parent
from bohpo.regular_files import append_regular, read_regular

IDLE_S = 120.0
"""How long a seat waits for its next attempt; the driver needs some seconds to propose one."""

MARGIN_S = 180.0
"""What has to be left of the wall time beside the longest attempt so far: for a checkpoint, and to start."""

LOCK_PATIENCE_S = 150.0
"""How long a seat whose job was requeued waits for the one before: a file server keeps a dead node's locks for 90 s."""

_TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a seat runs as its number k.

    Attributes:
        name: Name of the attempt's job, as it would have had it alone.
        command: Program and arguments.
        log: File for what it prints.
        environment: Variables to set beside those that are there.
    """

    name: str
    command: tuple[str, ...]
    log: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeatFolder:
    """The files of one seat."""

    path: Path

    def prepare(self, first: Assignment, *, attempts: int | None, idle_s: float = IDLE_S) -> None:
        """Write what the seat begins with.

        Args:
            first: Its number 1.
            attempts: Attempts that it takes in all, or None until its wall time.
            idle_s: Seconds that it waits for the next one.

        Raises:
            QueueError: If a seat is at work in the folder.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self.held() as is_free:
            if not is_free:
                raise QueueError(f"{first.name}: a job of this name is at work that the queue does not list yet")
            for left in self.path.glob("*-*"):  # of a submission under this name that failed
                left.unlink()
            write_json(self.path / "seat.json", {"attempts": attempts, "idle_seconds": idle_s})
            self.assign(1, first)

    @contextlib.contextmanager
    def held(self, *, patience_s: float = 0.0) -> Iterator[bool]:
        """Hold the folder for as long as the body takes; give False where somebody else does, for `patience_s`."""
        give_up = time.monotonic() + patience_s
        with append_regular(self.path / "seat.lock") as lock:
            while not (is_held := _is_locked(lock)) and time.monotonic() < give_up:
                time.sleep(_TICK_S)
            yield is_held

    def assign(self, number: int, assignment: Assignment) -> bool:
        """Hand over the seat's next attempt; give False where it has closed, or another came first."""
        return self._link(
            number,
            {
                "name": assignment.name,
                "command": list(assignment.command),
                "log": assignment.log,
                "environment": dict(assignment.environment),
            },
        )

    def close(self, number: int) -> bool:
        """Say that there will be no such number; give False where it was handed over already."""
        return self._link(number, {"closed": True})

    def assignment(self, number: int) -> Assignment | None:
        """Read an assignment; None where there is none, or the seat has closed."""
        data = self._read(number)
        if data is None or "closed" in data:
            return None
        return Assignment(data["name"], tuple(data["command"]), data["log"], data["environment"])

    def is_closed(self, number: int) -> bool:
        """Tell whether there will be no such number."""
        return "closed" in (self._read(number) or {})

    def last(self) -> int:
        """Give the last number that was handed over, or by which the seat was closed; 0 where there is none."""
        return max((int(path.stem.rpartition("-")[2]) for path in self.path.glob("assignment-*.json")), default=0)

    def has_ended(self, number: int) -> bool:
        """Tell whether a number has ended."""
        return (self.path / f"ended-{number}.json").exists()

    def ask_to_stop(self, number: int) -> None:
        """Have the worker of a number told to stop."""
        write_atomically(self.path / f"cancel-{number}", b"")

    def is_asked_to_stop(self, number: int) -> bool:
        """Tell whether a number was asked to stop."""
        return (self.path / f"cancel-{number}").exists()

    def _read(self, number: int) -> dict[str, Any] | None:
        data = read_json(self.path / f"assignment-{number}.json")
        return data if isinstance(data, dict) else None

    def _link(self, number: int, data: dict[str, Any]) -> bool:
        temporary = self.path / f".{uuid.uuid4().hex}"
        write_json(temporary, data)
        try:
            os.link(temporary, self.path / f"assignment-{number}.json")
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True


def _is_locked(lock: FileIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is known of others
        return True
    return True


class Seat:
    """The job's side of a seat."""

    def __init__(self, folder: SeatFolder, *, wall_seconds: float | None) -> None:
        """Read what the seat begins with.

        Args:
            folder: Its files.
            wall_seconds: How long its job may run from now on, or None where it does not know.
        """
        settings = json.loads(read_regular(folder.path / "seat.json"))
        self._folder = folder
        self._attempts: int | None = settings["attempts"]
        self._idle_s: float = settings["idle_seconds"]
        self._ends = None if wall_seconds is None else time.monotonic() + wall_seconds
        self._longest_s = 0.0
        self._is_stopping = False
        self._worker: subprocess.Popen[bytes] | None = None

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Have the worker save a checkpoint, and take no other attempt; safe in a signal handler."""
        self._is_stopping = True
        if self._worker is not None:
            self._worker.terminate()

    def run(self) -> None:
        """Run attempts until there are none, or no time for another."""
        number = 1
        while (assignment := self._wait_for(number)) is not None:
            began = time.monotonic()
            exit_code = self._run(number, assignment)
            self._longest_s = max(self._longest_s, time.monotonic() - began)
            if not self._takes(number + 1):
                self._folder.close(number + 1)  # before a driver learns that the seat is free
            write_json(self._folder.path / f"ended-{number}.json", {"exit_code": exit_code})
            number += 1

    def _wait_for(self, number: int) -> Assignment | None:
        give_up = time.monotonic() + self._idle_s
        while not self._folder.is_closed(number):
            if (assignment := self._folder.assignment(number)) is not None:
                return assignment
            if not self._takes(number) or time.monotonic() > give_up:
                self._folder.close(number)
            else:
                time.sleep(_TICK_S)
        return None

    def _takes(self, number: int) -> bool:
        is_full = self._attempts is not None and number > self._attempts
        fits = self._ends is None or self._ends - time.monotonic() > self._longest_s + MARGIN_S
        return not is_full and fits and not self._is_stopping

    def _run(self, number: int, assignment: Assignment) -> int:
        if self._is_stopping:
            return -signal.SIGTERM
        left = {} if self._ends is None else {WALL_SECONDS: str(max(0, int(self._ends - time.monotonic())))}
        with append_regular(Path(assignment.log)) as log:
            self._worker = subprocess.Popen(
                assignment.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **assignment.environment, **left},
                preexec_fn=functools.partial(end_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - no threads
            )
        if self._is_stopping:
            self._worker.terminate()
        is_told = False
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._worker.wait(_TICK_S)
            with contextlib.suppress(OSError):  # a file server that is away must not end the training
                if not is_told and self._folder.is_asked_to_stop(number):
                    self._worker.terminate()
                    is_told = True


def main(folder: Path) -> None:
    """Run the seat of a folder, unless there is one at work."""
    wall = os.environ.get(WALL_SECONDS)
    with SeatFolder(folder).held(patience_s=LOCK_PATIENCE_S) as is_alone:
        if not is_alone:
            sys.stderr.write("another job of this name is at work; leaving\n")
            return
        seat = Seat(SeatFolder(folder), wall_seconds=None if wall is None else float(wall))
        signal.signal(signal.SIGTERM, seat.stop)
        seat.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
