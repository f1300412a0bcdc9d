"""Tiny trials on a real queue, and how quickly its jobs begin: `python -m tests.faults.acceptance slurm|sge`.

It brings the queue up by itself. Queue-to-start is the time from a job's submission to its worker's first sign of life;
the busy fraction is the share of the slots' time, from the first start to the last end, in which a trainer ran.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from bohpo.trial import Trial
from tests.faults.campaigns import CountedCampaign
from tests.faults.figures import append_figure
from tests.faults.history import History
from tests.faults.queues import GRID_ENGINE, SLURM
from tests.services import start_grid_engine, start_slurm


@dataclass(frozen=True, slots=True)
class Throughput:
    """How well a queue was used.

    Attributes:
        trials: Trials that completed.
        queue_to_start_s: Mean seconds from a job's submission to the start of its worker.
        busy_fraction: Share of the slots' time in which an attempt ran, in [0, 1].
        elapsed_s: Seconds from the first submission to the last end.
    """

    trials: int
    queue_to_start_s: float
    busy_fraction: float
    elapsed_s: float

    def __str__(self) -> str:
        """Write it as one line."""
        return (
            f"{self.trials} trials complete, queue-to-start {self.queue_to_start_s:.2f} s on average,"
            f" busy fraction {self.busy_fraction:.2f}, {self.elapsed_s:.1f} s in all"
        )


def throughput(trials: tuple[Trial, ...], jobs: int) -> Throughput:
    """Measure a finished campaign.

    Args:
        trials: All its trials.
        jobs: Slots that it had.
    """
    attempts = [attempt for trial in trials for attempt in trial.attempts]
    spans = [(a.submitted, a.started or a.submitted, a.ended or a.submitted) for a in attempts]
    first, last = min(started for _, started, _ in spans), max(ended for *_, ended in spans)
    return Throughput(
        trials=sum(trial.value is not None for trial in trials),
        queue_to_start_s=statistics.fmean(started - submitted for submitted, started, _ in spans),
        busy_fraction=sum(ended - started for _, started, ended in spans) / (jobs * (last - first)),
        elapsed_s=last - min(submitted for submitted, *_ in spans),
    )


def run_campaign(queue: str, folder: Path, *, trials: int, jobs: int, seconds: float) -> tuple[History, Throughput]:
    """Run tiny trials through `bohpo launch --cluster`; the queue's variables are in the environment.

    Args:
        queue: `slurm` or `sge`.
        folder: For the study, the database and the campaign.
        trials: How many.
        jobs: How many at a time.
        seconds: Length of a training.
    """
    settings = {"slurm": SLURM, "sge": GRID_ENGINE}[queue].partition("\n")[2]  # the flag names the backend
    campaign = CountedCampaign(folder, settings, trials=trials, jobs=jobs, steps=10, step_seconds=seconds / 10)
    left = campaign.finish(campaign.drive("--cluster", queue))
    return left, throughput(left.trials, jobs)


def main() -> None:
    """Run the acceptance on the queue that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.acceptance", description=__doc__)
    parser.add_argument("queue", choices=["slurm", "sge"])
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a training")
    wanted = parser.parse_args()
    try:
        service = start_slurm() if wanted.queue == "slurm" else start_grid_engine()
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        sys.exit(str(error))
    os.environ.update(service.environment)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _, measured = run_campaign(
                wanted.queue, Path(folder), trials=wanted.trials, jobs=wanted.jobs, seconds=wanted.seconds
            )
    finally:
        service.remove()
    figure = f"{wanted.queue}, {wanted.jobs} jobs at a time: {measured}"
    append_figure("acceptance", figure, f"python -m tests.faults.acceptance {wanted.queue}")
    sys.stdout.write(f"{figure}\n")


if __name__ == "__main__":
    main()
