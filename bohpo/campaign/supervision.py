"""Supervision of a trainer: its log, its limits, its stop, and the tidy end of its group."""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass

from bohpo.campaign.ending import Ending, classify
from bohpo.campaign.log import CappedLog
from bohpo.processes import ATTEMPT_DIRECTORY, PYTHON, WALL_SECONDS, end_processes, end_with_parent, send
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trial import AttemptState

TICK_S = 1.0
HEARTBEAT_S = 5.0
LONGEST_TICK_S = 5.0
"""Whatever is longer between two looks was no work: the machine or the worker was suspended."""

STOP_GRACE_S = 20.0
"""What a trainer gets to save a checkpoint; then its group is killed."""

WALL_RESERVE_S = 120.0
"""How long before the wall time a trainer is asked to save a checkpoint; a quarter of the wall time if that is less."""

WALL_GRACE_SHARE = 0.75
"""Share of that reserve that the trainer gets; the rest is for the worker to tidy up and tell."""

_MAY_HOLD_A_PASSWORD = ("BOHPO_STORE", "PGPASSWORD")
"""Trainers like to log their environment, and none has to do with the database."""

_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class WallTime:
    """When a job's wall time makes a trainer stop.

    Attributes:
        stop_at: When it is asked to, by the monotonic clock.
        grace_s: Seconds that it then gets.
    """

    stop_at: float
    grace_s: float

    @classmethod
    def of_job(cls, wall_seconds: str | None) -> WallTime | None:
        """Work it out from what the job script says, or give None where it says nothing that makes sense."""
        try:
            wall_s = float(wall_seconds or "")
        except ValueError:
            return None
        reserve_s = min(WALL_RESERVE_S, max(wall_s, 0.0) / 4)
        return cls(time.monotonic() + wall_s - reserve_s, reserve_s * WALL_GRACE_SHARE)


class Supervision:
    """The supervision of one trainer, from its start to the tidy end of its group."""

    def __init__(self, attempt: AttemptDirectory, spec: AttemptSpec) -> None:
        """Start the trainer."""
        self._attempt = attempt
        self._spec = spec
        self._log = CappedLog(attempt.log, spec.log_bytes)
        self._started = time.time()
        self._stopped_for: AttemptState | None = None
        self._is_at_wall = False
        self._kill_at: float | None = None
        self._last_tick = time.monotonic()
        self._last_beat = -HEARTBEAT_S
        self._wall = WallTime.of_job(os.environ.get(WALL_SECONDS))
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
            preexec_fn=functools.partial(end_with_parent, os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - no threads
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
            self._beat()
            ready, _, _ = select.select([process, *open_pipe], [], [], TICK_S)
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
            last_words=self._log.last_words,
            stopped_for=self._stopped_for,
        )
        self._log.close()
        if state is AttemptState.PREEMPTED and self._is_at_wall:
            reason = self._wall_reason()
        return Ending(state, reason, self._started, time.time())

    def _wall_reason(self) -> str:
        with contextlib.suppress(OSError):
            if any(self._attempt.checkpoint.iterdir()):
                return "its job's wall time was near; goes on from its checkpoint"
        return (
            "its job's wall time was near, and it has saved no checkpoint; save more often, or set a longer"
            " cluster.wall_time"
        )

    def _beat(self) -> None:
        if time.monotonic() - self._last_beat >= HEARTBEAT_S:
            self._last_beat = time.monotonic()
            with contextlib.suppress(OSError):
                self._attempt.heartbeat.touch()
                if self._attempt.closed.exists():  # given up: another attempt is at the trial, or will be
                    self.stop(AttemptState.PREEMPTED, STOP_GRACE_S)

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
        if self._wall is not None and now > self._wall.stop_at and self._stopped_for is None:
            self._is_at_wall = True
            self.stop(AttemptState.PREEMPTED, self._wall.grace_s)
        if self._kill_at is not None and now > self._kill_at:
            self._signal_group(signal.SIGKILL)

    def _silent_s(self) -> float:
        """Count the seconds awake since `progress.jsonl` was last seen to change."""
        with contextlib.suppress(OSError):  # not there yet, or out of reach: it has not changed then
            changed = self._attempt.progress.stat().st_mtime
            if changed != self._last_sign[0]:
                self._last_sign = (changed, self._awake_s)
        return self._awake_s - self._last_sign[1]

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def trainer_command(attempt: AttemptDirectory, spec: AttemptSpec) -> tuple[str, ...]:
    """Give the command that trains: the study's own, or Python calling the trainer's function, once or in ranks."""
    module = "bohpo.trainer.process" if spec.processes == 1 else "bohpo.trainer.ranks"
    return spec.command or (*PYTHON, "-m", module, str(attempt.path))


def trainer_environment(attempt: AttemptDirectory, spec: AttemptSpec) -> dict[str, str]:
    """Build the trainer's environment: where its files are, and no more threads than it may use."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(max(1, spec.threads // spec.processes))
    )
    inherited = {name: value for name, value in os.environ.items() if name not in _MAY_HOLD_A_PASSWORD}
    return {
        **inherited,
        **threads,
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",  # a log holds all text, whatever the terminal of who launches
        "BOHPO_CONFIG": str(attempt.config),
        ATTEMPT_DIRECTORY: str(attempt.path),
        "BOHPO_CHECKPOINT": str(attempt.checkpoint),
        "BOHPO_RESUME_FROM": os.pathsep.join(spec.earlier_checkpoints),
        "BOHPO_MODEL": spec.model or str(attempt.model),
        "BOHPO_SEED": str(spec.seed),
        "BOHPO_THREADS": str(spec.threads),
    }
