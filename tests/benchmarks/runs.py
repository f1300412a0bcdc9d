"""Runs of a race, and the file that keeps them: one JSON object a line, so that a race that was stopped goes on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.errors import UsageError
from tests.benchmarks.samplers import make_sampler
from tests.benchmarks.simulator import simulate
from tests.benchmarks.tasks import load_task


@dataclass(frozen=True, slots=True)
class Job:
    """A campaign to be simulated.

    Attributes:
        task: Name of the task.
        sampler: Name of the sampler.
        workers: Trainings at a time.
        trials: Trainings in all.
        seed: Of the sampler, and of the trainings' noise and durations.
    """

    task: str
    sampler: str
    workers: int
    trials: int
    seed: int

    @property
    def pair(self) -> tuple[str, int]:
        """Task and seed, which the samplers that are compared have in common."""
        return self.task, self.seed


@dataclass(frozen=True, slots=True)
class Run:
    """A simulated campaign.

    Attributes:
        job: What was simulated.
        regret: After each training that ended; see `Trace.regret`.
        ended: When each training ended, in virtual seconds.
        ask: What each proposal cost, in real seconds.
    """

    job: Job
    regret: tuple[float, ...]
    ended: tuple[float, ...]
    ask: tuple[float, ...]

    @property
    def regret_at_half(self) -> float:
        """Regret after half of the trainings."""
        return self.regret[max(len(self.regret) // 2, 1) - 1]

    @property
    def regret_at_end(self) -> float:
        """Regret after all of the trainings."""
        return self.regret[-1]

    def to_json(self) -> dict[str, Any]:
        """Give the run as a flat dictionary."""
        return {**dataclasses.asdict(self.job), "regret": self.regret, "ended": self.ended, "ask": self.ask}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        """Take a run from what `to_json` gave; further keys are left out."""
        job = Job(**{field.name: data[field.name] for field in dataclasses.fields(Job)})
        return cls(job, tuple(data["regret"]), tuple(data["ended"]), tuple(data["ask"]))


def simulate_job(job: Job, catalogue: Path | None) -> Run:
    """Simulate a campaign; the regret scale of its task is made once in a process."""
    task = load_task(job.task, catalogue)
    sampler = make_sampler(job.sampler, job.seed, task)
    trace = simulate(task, sampler, workers=job.workers, trials=job.trials, seed=job.seed)
    return Run(
        job,
        tuple(round(regret, 6) for regret in trace.regret),
        tuple(round(seconds, 1) for seconds in trace.ended),
        tuple(round(seconds, 6) for seconds in trace.ask),
    )


def read_runs(path: Path) -> list[Run]:
    """Read the runs of a file; a last line that a stopped race left unfinished is passed over.

    Raises:
        UsageError: If the file holds anything else.
    """
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    runs = []
    for number, line in enumerate(lines, start=1):
        try:
            runs.append(Run.from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            if number < len(lines) or line.endswith("\n"):
                raise UsageError(f"{path}:{number}: this is no run of a race; give another --out") from error
    return runs


def play(
    jobs: Iterable[Job],
    path: Path,
    executor: Executor,
    *,
    catalogue: Path | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> list[Run]:
    """Give the runs of all jobs: those that the file has, and the others simulated now and appended to it.

    Args:
        jobs: What to simulate, in this order.
        path: The file of the runs.
        executor: Where to simulate.
        catalogue: Path of the tasks outside the project, if there are any.
        progress: Told of every run that ended, in one line.
    """
    wanted = list(dict.fromkeys(jobs))
    have = {run.job: run for run in read_runs(path)}
    missing = [job for job in wanted if job not in have]
    if path.exists():
        _mend(path)
    progress(f"{len(wanted)} runs, {len(wanted) - len(missing)} of them in {path}")
    for count, run in enumerate(_simulated(missing, executor, catalogue), start=1):
        _append(path, run)
        have[run.job] = run
        job = run.job
        progress(
            f"[{count}/{len(missing)}] {job.task}, {job.sampler}, seed {job.seed}: "
            f"regret {run.regret_at_end:.4f}, proposals {sum(run.ask):.1f} s"
        )
    return [have[job] for job in wanted]


def _simulated(jobs: Iterable[Job], executor: Executor, catalogue: Path | None) -> Iterator[Run]:
    futures = {executor.submit(simulate_job, job, catalogue): job for job in jobs}
    try:
        for future in as_completed(futures):
            error = future.exception()
            if error is not None:
                error.add_note(f"while {futures[future]} was simulated")
                raise error
            yield future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _append(path: Path, run: Run) -> None:
    with path.open("a") as file:
        file.write(json.dumps(run.to_json()) + "\n")


def _mend(path: Path) -> None:
    """End the file's last line, or drop it where a race that was stopped left it unfinished."""
    head, newline, tail = path.read_bytes().rpartition(b"\n")
    if not tail:
        return
    try:
        json.loads(tail)
    except ValueError:
        path.write_bytes(head + newline)
    else:
        path.write_bytes(head + newline + tail + b"\n")
