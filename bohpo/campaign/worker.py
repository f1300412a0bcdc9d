"""The worker: `python -m bohpo.campaign.worker ATTEMPT_DIRECTORY` supervises the trainer of one attempt.

The trainer is a child process in a group of its own. It is killed when the worker dies, at its deadline, and when it
stays silent for too long; on SIGTERM, and before the job's wall time is reached, it gets time to save a checkpoint. The
worker's last act is `ended.json`. What it prints itself, to `worker.log`, tells why it could not do all that.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import FrameType

from bohpo.campaign.ending import Ending
from bohpo.campaign.given_devices import record_devices
from bohpo.campaign.repair import lost_folder, repair_folder
from bohpo.campaign.supervision import STOP_GRACE_S, TICK_S, Supervision
from bohpo.durable import write_json
from bohpo.processes import DRIVER_PID, die_with_parent, pin_process
from bohpo.regular_files import append_regular
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trial import AttemptState

LOCK_PATIENCE_S = 150.0
"""How long a worker waits for another one to leave: a file server keeps a dead node's locks for about 90 s."""

LAST_WORD_PATIENCE_S = 600.0
"""How long a worker tries to write its last word where the disk is full."""


def run_attempt(path: Path) -> None:
    """Run the attempt in a directory, unless it has ended, is closed, or another worker stays at it.

    Raises:
        OSError: If the folder cannot be used.
        ValueError: If it holds no attempt.
    """
    attempt = AttemptDirectory(path)
    spec = attempt.read_spec()
    with _only_worker(attempt) as alone:
        if not alone:
            _say("another worker is at this attempt")
        elif _may_begin(attempt):
            _write_end(attempt, spec, _supervise(attempt, spec))


def _may_begin(attempt: AttemptDirectory) -> bool:
    """Tell whether there is something left to do; a job that was requeued goes on with what it was stopped at.

    The driver makes `closed` and then looks for `ended.json`, the worker removes `ended.json` and then looks for
    `closed`: so it never happens that the worker begins and the driver records its attempt as preempted.
    """
    ending = Ending.read(attempt)
    if ending is not None and ending.state is AttemptState.PREEMPTED and not attempt.closed.exists():
        attempt.ended.unlink()
        if attempt.closed.exists():
            write_json(attempt.ended, ending.to_json())
    return not attempt.closed.exists() and not attempt.ended.exists()


def _write_end(attempt: AttemptDirectory, spec: AttemptSpec, ending: Ending) -> None:
    """Write how the attempt ended, for as long as that may help: a full disk may be cleared."""
    give_up = time.monotonic() + LAST_WORD_PATIENCE_S
    while True:
        try:
            if repair_folder(attempt, spec):
                ending = dataclasses.replace(ending, state=AttemptState.RAISED, reason=lost_folder(attempt))
            write_json(attempt.ended, ending.to_json())
        except OSError as error:
            _say(f"ended.json cannot be written: {error}; the attempt ended as {ending.state}: {ending.reason}")
            if time.monotonic() > give_up:
                raise
            time.sleep(min(10.0, LAST_WORD_PATIENCE_S))
        else:
            return


def _say(message: str) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    sys.stderr.write(f"{moment} bohpo worker {os.getpid()} on {socket.gethostname()}: {message}\n")


def _supervise(attempt: AttemptDirectory, spec: AttemptSpec) -> Ending:
    started = time.time()
    _pin()
    record_devices(attempt, os.environ)
    try:
        supervision = Supervision(attempt, spec)
    except OSError as error:
        return Ending(AttemptState.RAISED, f"the trainer cannot be started: {error}", started, time.time())

    def stop(_signal: int, _frame: FrameType | None) -> None:
        supervision.stop(AttemptState.PREEMPTED, STOP_GRACE_S)

    signal.signal(signal.SIGTERM, stop)
    if not _bound_to_driver():
        supervision.stop(AttemptState.PREEMPTED, STOP_GRACE_S)
    return supervision.wait()


def _pin() -> None:
    """Pin this process to its job's CPUs; the training goes on unpinned where that cannot be."""
    try:
        pin_process(os.environ)
    except (OSError, ValueError) as error:
        _say(f"not pinned to CPUs: {error}")


@contextlib.contextmanager
def _only_worker(attempt: AttemptDirectory) -> Iterator[bool]:
    """Hold the attempt's lock; wait for it a while, as a worker whose job was requeued may still be leaving."""
    with append_regular(attempt.path / "worker.lock") as lock:
        yield _locked(lock)


def _locked(lock: FileIO) -> bool:
    give_up = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                return False
            time.sleep(TICK_S)
        except OSError as error:
            _say(f"this file system has no locks ({error}); going on without")
            return True
        else:
            return True


def _bound_to_driver() -> bool:
    """Have SIGTERM sent when the driver dies, where the job is to end with it; give whether it still lives."""
    driver = os.environ.get(DRIVER_PID)
    if driver is None:
        return True
    die_with_parent(signal.SIGTERM)
    return os.getppid() == int(driver)


def main() -> int:
    """Run the attempt whose directory is the first argument; give the exit code."""
    try:
        run_attempt(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001 - the worker's boundary: whoever looks into worker.log must find why
        traceback.print_exc()
        _say(f"the attempt in {sys.argv[1:]} was not run to its end: {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
