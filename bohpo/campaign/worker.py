"""The worker: `python -m bohpo.campaign.worker ATTEMPT_DIRECTORY` supervises the trainer of one attempt.

The trainer is a child process in a group of its own. It is killed when the worker dies, at its deadline, and when it
stays silent for too long; on SIGTERM it gets time to save a checkpoint. The worker's last act is `ended.json`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from bohpo.campaign.ending import Ending, classify
from bohpo.campaign.log import CappedLog
from bohpo.durable import write_json
from bohpo.processes import ATTEMPT_DIRECTORY, DRIVER_PID, die_with_parent, end_processes, send
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trial import AttemptState

HEARTBEAT_S = 1.0
LONGEST_TICK_S = 5.0
"""Whatever is longer between two looks was no work: the machine or the worker was suspended."""

STOP_GRACE_S = 20.0
"""What a trainer gets to save a checkpoint; then its group is killed."""

_READ_BYTES = 65536
_WORKER = os.getpid()


class Supervision:
    """The supervision of one trainer, from its start to the tidy end of its group."""

    def __init__(self, attempt: AttemptDirectory, spec: AttemptSpec) -> None:
        """Start the trainer."""
        self._attempt = attempt
        self._spec = spec
        self._log = CappedLog(attempt.log, spec.log_bytes)
        self._started = time.time()
        self._stopped_for: AttemptState | None = None
        self._kill_at: float | None = None
        self._last_tick = time.monotonic()
        self._awake_s = 0.0
        self._last_sign = (0.0, 0.0)
        self._process = subprocess.Popen(
            trainer_command(attempt, spec),
            cwd=spec.working_directory,
            env=trainer_environment(attempt, spec),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_worker,  # noqa: PLW1509 - the worker has no threads
        )

    def stop(self, reason: AttemptState, grace_s: float) -> None:
        """Ask the trainer to end, and kill its group after `grace_s` seconds.

        Its children are not asked: those that load data for it would die before it has saved a checkpoint.
        """
        if self._stopped_for is None:
            self._stopped_for = reason
            self._kill_at = time.monotonic() + grace_s
            send([self._process.pid], signal.SIGTERM)

    def wait(self) -> Ending:
        """Watch over the trainer until it has ended, then tell how."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        os.set_blocking(pipe, False)
        process = os.pidfd_open(self._process.pid)
        open_pipe = [pipe]
        while True:
            with contextlib.suppress(OSError):
                self._attempt.heartbeat.touch()
            ready, _, _ = select.select([process, *open_pipe], [], [], HEARTBEAT_S)
            if pipe in ready and not self._copy_log(pipe):
                open_pipe = []
            if process in ready:
                break
            self._enforce_limits()
        self._signal_group(signal.SIGKILL)
        exit_code = self._process.wait()
        self._copy_log(pipe)
        end_processes(ATTEMPT_DIRECTORY, str(self._attempt.path), grace_s=0.0)
        os.close(process)
        state, reason = classify(
            self._attempt,
            self._spec,
            exit_code=exit_code,
            last_line=self._log.last_line,
            stopped_for=self._stopped_for,
        )
        self._log.close()
        return Ending(state, reason, self._started, time.time())

    def _copy_log(self, pipe: int) -> bool:
        """Copy what the trainer printed; give whether it may print more."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(pipe, _READ_BYTES):
                self._log.write(chunk)
            return False
        return True

    def _enforce_limits(self) -> None:
        """Enforce deadline and silence in seconds awake: a suspended machine or process does not use them up."""
        now = time.monotonic()
        self._awake_s += min(now - self._last_tick, LONGEST_TICK_S)
        self._last_tick = now
        deadline, silence = self._spec.deadline_seconds, self._spec.silence_seconds
        if deadline is not None and self._awake_s > deadline:
            self.stop(AttemptState.TIMED_OUT, 0.0)
        if silence is not None and self._silent_s() > silence:
            self.stop(AttemptState.SILENT, 0.0)
        if self._kill_at is not None and now > self._kill_at:
            self._signal_group(signal.SIGKILL)

    def _silent_s(self) -> float:
        """Count the seconds awake since `progress.jsonl` was last seen to change."""
        with contextlib.suppress(FileNotFoundError):
            changed = self._attempt.progress.stat().st_mtime
            if changed != self._last_sign[0]:
                self._last_sign = (changed, self._awake_s)
        return self._awake_s - self._last_sign[1]

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def trainer_command(attempt: AttemptDirectory, spec: AttemptSpec) -> tuple[str, ...]:
    """Give the command that trains: the study's own, or Python calling the trainer's function."""
    return spec.command or (sys.executable, "-m", "bohpo.trainer.process", str(attempt.path))


def trainer_environment(attempt: AttemptDirectory, spec: AttemptSpec) -> dict[str, str]:
    """Give the trainer's environment: where its files are, and no more threads than it may use."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(spec.threads))
    inherited = {name: value for name, value in os.environ.items() if name != "BOHPO_STORE"}  # may hold a password
    return {
        **inherited,
        **threads,
        "PYTHONUNBUFFERED": "1",
        "BOHPO_CONFIG": str(attempt.config),
        ATTEMPT_DIRECTORY: str(attempt.path),
        "BOHPO_CHECKPOINT": str(attempt.checkpoint),
        "BOHPO_RESUME_FROM": os.pathsep.join(spec.earlier_checkpoints),
        "BOHPO_MODEL": spec.model or str(attempt.model),
        "BOHPO_SEED": str(spec.seed),
        "BOHPO_THREADS": str(spec.threads),
    }


def run_attempt(path: Path) -> None:
    """Run the attempt in a directory unless it has ended or another worker is at it."""
    attempt = AttemptDirectory(path)
    with _only_worker(path) as alone:
        if alone and attempt.read_ended() is None:
            write_json(attempt.ended, _supervise(attempt, attempt.read_spec()).to_json())


def _supervise(attempt: AttemptDirectory, spec: AttemptSpec) -> Ending:
    started = time.time()
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


@contextlib.contextmanager
def _only_worker(path: Path) -> Iterator[bool]:
    with (path / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _bound_to_driver() -> bool:
    """Have SIGTERM sent when the driver dies, where the job is to end with it; give whether it still lives."""
    driver = os.environ.get(DRIVER_PID)
    if driver is None:
        return True
    die_with_parent(signal.SIGTERM)
    return os.getppid() == int(driver)


def _die_with_worker() -> None:
    die_with_parent(signal.SIGKILL)
    if os.getppid() != _WORKER:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run_attempt(Path(sys.argv[1]))
