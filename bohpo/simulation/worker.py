"""The worker of a simulated job: it runs no trainer, but leaves the files that a real one would leave.

When a job starts its course is settled: for how long it runs, and of what it ends. Whoever stops it before that cuts
it short.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from bohpo.campaign.ending import Ending, classify
from bohpo.durable import write_json
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.fates import Fate
from bohpo.simulation.trainings import Trainer, Training
from bohpo.trainer import AttemptDirectory, AttemptSpec, Checkpoint, Outcome
from bohpo.trainer.attempt import STOPPED_EXIT_CODE
from bohpo.trial import AttemptState

SIGKILL = 9
SUDDEN = (Fate.OUT_OF_MEMORY, Fate.NODE_FAILED, Fate.FAILED, Fate.GONE, Fate.TIME_LIMIT, Fate.RESTARTED)
"""Ends that the worker does not see coming: it has no last word."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is lost around a training.

    Attributes:
        startup_s: Seconds from the start of a job to the first step of its training.
        checkpoint_s: Seconds of training between two checkpoints.
        wall_s: Seconds after which the queue ends a job, or None.
    """

    startup_s: float = 5.0
    checkpoint_s: float = 300.0
    wall_s: float | None = None

    @property
    def margin_s(self) -> float:
        """Seconds before the wall time at which a worker has its trainer save a checkpoint and leave."""
        return 0.0 if self.wall_s is None else min(120.0, self.wall_s / 4)


class VirtualWorker:
    """One start of one job."""

    def __init__(
        self, files: AttemptDirectory, clock: VirtualClock, trainer: Trainer, pace: Pace, *, is_hung: bool
    ) -> None:
        """Start now, where earlier attempts left off.

        Args:
            files: The attempt's.
            clock: Whose time passes.
            trainer: Knows what the training comes to.
            pace: What is lost around a training.
            is_hung: Whether the node hangs as soon as the worker has begun: it neither trains nor listens.
        """
        self.spec = files.read_spec()
        self.is_hung = False
        self._trained_before_hang_s = 0.0
        self._files = files
        self._clock = clock
        self._pace = pace
        self._checkpoint = Checkpoint(files.checkpoint, tuple(map(Path, self.spec.earlier_checkpoints)))
        self.resumed_s = float((self._checkpoint.load() or (0, b""))[0])
        self.saved_s = self.resumed_s
        self.training = trainer.train(self.spec.trial, files.read_configuration())
        self._began = clock.monotonic()
        self._started = clock.now()
        files.heartbeat.touch()
        self.beat()
        if is_hung:
            self.hang()

    def hang(self) -> None:
        """Have the node hang from now on."""
        self._save(self._pace.checkpoint_s)
        self._trained_before_hang_s = self.trained_s
        self.is_hung = True

    def course(self, fate: Fate, share: float) -> tuple[float, Fate] | None:
        """Tell for how many seconds the job runs unless somebody stops it, and of what it ends; None for never.

        Args:
            fate: What becomes of it where its wall time suffices.
            share: Share of its work after which that happens.
        """
        wall_s = self._pace.wall_s
        if self.is_hung or (fate is Fate.TIME_LIMIT and wall_s is not None):
            return None if wall_s is None else (wall_s, Fate.TIME_LIMIT)
        seconds = self._pace.startup_s + share * max(self.training.seconds - self.resumed_s, 0.0)
        if wall_s is None or seconds <= wall_s - self._pace.margin_s:
            return seconds, fate
        return wall_s - self._pace.margin_s, Fate.CANCELLED

    def beat(self) -> None:
        """Show that the worker lives, if it does."""
        if not self.is_hung:
            os.utime(self._files.heartbeat, (self._clock.now(), self._clock.now()))

    @property
    def trained_s(self) -> float:
        """Seconds of training since this start."""
        if self.is_hung:
            return self._trained_before_hang_s
        return max(self._clock.monotonic() - self._began - self._pace.startup_s, 0.0)

    @property
    def left_s(self) -> float:
        """Seconds until the training comes to its end, if nobody stops it."""
        end = self._began + self._pace.startup_s + max(self.training.seconds - self.resumed_s, 0.0)
        return end - self._clock.monotonic()

    def end(self, fate: Fate) -> None:
        """Leave the files of an attempt that ends now."""
        if self.is_hung:
            return
        if fate in SUDDEN:
            self._save(self._pace.checkpoint_s)
            return
        exit_code, last_words, stopped_for = self._leave(fate)
        state, reason = classify(
            self._files, self.spec, exit_code=exit_code, last_words=last_words, stopped_for=stopped_for
        )
        write_json(self._files.ended, Ending(state, reason, self._started, self._clock.now()).to_json())

    def _leave(self, fate: Fate) -> tuple[int, str, AttemptState | None]:
        """Do the trainer's last act; give its exit code, its last line, and what the worker stopped it for."""
        if fate is Fate.SUCCEEDS:
            write_outcome(self._files, self.spec, self.training)
            return 0, "", None
        if fate is Fate.WRITES_GARBAGE:
            self._files.outcome.write_text('{"value": NaN, "metrics": {}}')
            return 0, "", None
        if fate in (Fate.CANCELLED, Fate.REQUEUED):
            self._save(1.0)
            return STOPPED_EXIT_CODE, "", AttemptState.PREEMPTED
        return (1, "RuntimeError: the training diverged", None) if fate is Fate.RAISES else (-SIGKILL, "", None)

    def _save(self, interval_s: float) -> None:
        """Leave the checkpoint that the trainer wrote last, given its interval."""
        done = self.resumed_s + self.trained_s
        reached = int(done - done % interval_s)
        if reached > self.saved_s:
            self._checkpoint.save(reached, b"")
            self.saved_s = float(reached)


def may_begin(files: AttemptDirectory) -> bool:
    """Tell whether a worker that finds these files begins, as `bohpo.campaign.worker` does.

    It leaves at once where the driver closed the attempt, or another worker had the last word; one that was preempted
    and whose job is run again goes on.
    """
    ending = Ending.read(files)
    if files.closed.exists() or (ending is not None and ending.state is not AttemptState.PREEMPTED):
        return False
    files.ended.unlink(missing_ok=True)
    return True


def write_outcome(files: AttemptDirectory, spec: AttemptSpec, training: Training) -> None:
    """Write what a training came to, as a trainer does."""
    metrics = {spec.metric: training.value, "train_seconds": training.seconds}
    files.progress.write_text(json.dumps({"step": 1, "value": training.value}) + "\n")
    write_json(files.outcome, Outcome(training.value, metrics=metrics).to_json())
