"""The context of a training: reports, checkpoints, deadline and the request to stop."""

from __future__ import annotations

import json
import math
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bohpo.errors import AttemptError
from bohpo.finite import to_float, to_step
from bohpo.regular_files import append_regular
from bohpo.trainer.attempt import AttemptDirectory, AttemptSpec
from bohpo.trainer.checkpoint import Checkpoint
from bohpo.trainer.progress import GREATEST_STEP


class Stopped(Exception):
    """Raised by a trainer that was asked to stop and has saved a checkpoint; the trial is run again from there."""


@dataclass(slots=True)
class Context:
    """What a trainer may ask of bohpo and tell it.

    Attributes:
        directory: Folder of the attempt; the trainer may write there.
        checkpoint: Where to save and resume from.
        seed: Seed of the training; the same on every attempt at the trial.
        threads: CPU threads to use.
        deadline: When the training is killed, seconds since the epoch, or None.
    """

    directory: Path
    checkpoint: Checkpoint
    seed: int = 0
    threads: int = 1
    deadline: float | None = None
    _stop_requested: bool = field(default=False, repr=False)

    @classmethod
    def in_directory(cls, directory: Path, *, seed: int = 0, threads: int = 1) -> Context:
        """Make a context for a training by hand, outside any campaign."""
        directory.mkdir(parents=True, exist_ok=True)
        return cls(directory, Checkpoint(directory / "checkpoint"), seed=seed, threads=threads)

    @classmethod
    def for_attempt(cls, attempt: AttemptDirectory, spec: AttemptSpec) -> Context:
        """Make the context of an attempt that a worker has started."""
        return cls(
            directory=attempt.path,
            checkpoint=Checkpoint(attempt.checkpoint, tuple(Path(path) for path in spec.earlier_checkpoints)),
            seed=spec.seed,
            threads=max(1, spec.threads // spec.processes),
            deadline=None if spec.deadline_seconds is None else time.time() + spec.deadline_seconds,
        )

    @property
    def model(self) -> Path:
        """Folder for what an evaluation needs: weights, normalisation, thresholds. It is kept for the best trials."""
        folder = AttemptDirectory(self.directory).model
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def should_stop(self) -> bool:
        """Whether to save a checkpoint and raise `Stopped` now."""
        return self._stop_requested

    def report(self, step: int, value: float) -> None:
        """Write how the training goes; shown live, and what learning curves are made of.

        Args:
            step: Steps done, 0 to 2^31 - 1, ascending; a whole number of any kind.
            value: Objective so far, or the validation score where there is one; a number of any kind.

        Raises:
            AttemptError: If `step` is out of range, or `value` is no number or not finite: a diverged training is not
                worth going on with.
        """
        step = to_step("report(step, ...): the step", step, GREATEST_STEP)
        figure = to_float(f"report({step}, ...): the value", value)
        if not math.isfinite(figure):
            raise AttemptError(f"the training diverged: step {step} reported {figure}")
        line = json.dumps({"step": step, "value": figure, "time": round(time.time(), 3)}) + "\n"
        with append_regular(AttemptDirectory(self.directory).progress) as file:
            file.write(line.encode())

    def listen_for_stop(self) -> None:
        """Turn SIGTERM into `should_stop`; called once by the trainer's process."""

        def request_stop(_signal: int, _frame: FrameType | None) -> None:
            self._stop_requested = True

        signal.signal(signal.SIGTERM, request_stop)
