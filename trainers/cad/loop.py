"""Training and evaluation: load, then step, report and checkpoint, then score.

All chance of a step is a function of (seed, step). So a checkpoint holds weights, optimizer and scaler only, and a
training that was stopped or killed goes on as if it had not been: on the CPU bit by bit, however many threads drew its
patches. What several processes do is told in `parallel`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch

from bohpo.trainer import Configuration, Context, Outcome, Stopped
from trainers.cad.ahead import drawn_ahead
from trainers.cad.application import Application, B, F, Learner, PatchSource, S
from trainers.cad.case import Case, Split, by_name
from trainers.cad.duplicates import refuse_copies
from trainers.cad.memory import naming_exhaustion, peak_memory
from trainers.cad.model_files import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    load_model,
    read_chosen,
    refuse_known_volumes,
    save_choice,
    save_model,
)
from trainers.cad.parallel import Team, team
from trainers.cad.progress import Progress
from trainers.cad.run import Drawn, Run, mixed_precision
from trainers.cad.sample_size import require_patients

__all__ = ["SETTINGS_FILE", "WEIGHTS_FILE", "draw", "drawing_threads", "evaluate", "train"]

CHECKPOINT_SECONDS = 3.0
"""Least time between two checkpoints; twenty times what saving one takes, if that is more."""

REPORTS = 4
REPORT_CASES = 12

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def train(application: Application[S, B, F], config: Configuration, context: Context) -> Outcome:
    """Train on the training cases and score on the validation cases; no test case is read.

    Args:
        application: What is trained.
        config: Its settings.
        context: Seed, threads, checkpoints and reports.

    Returns:
        What the application makes of the validation cases, with what it cost in `metrics`.

    Raises:
        UsageError: If the configuration does not fit, or cases are broken; each mistake and each case is named.
        OutOfMemoryError: If memory ran out.
        AttemptError: If the training diverged.
        Stopped: If it was asked to stop; a checkpoint is saved.
    """
    settings = application.settings.from_configuration(config)
    with team(settings) as processes, naming_exhaustion():
        return _Session(application, settings, context, processes, Progress(speaks=processes.leads)).train()


def evaluate(application: Application[S, B, F], config: Configuration, model: Path, context: Context) -> Outcome:
    """Score a saved model on the test cases; nothing is trained.

    Args:
        application: What was trained.
        config: As for `train`; says which data.
        model: Folder that `train` filled, `context.model` there.
        context: Threads, and the request to stop.

    Returns:
        What the application makes of the test cases.

    Raises:
        NotFoundError: If `model` holds no saved model.
        UsageError: If the configuration does not fit, or test cases are broken.
        OutOfMemoryError: If memory ran out.
        Stopped: If it was asked to stop.
    """
    settings = application.settings.from_configuration(config)
    with team(settings) as processes, naming_exhaustion():
        return _Session(application, settings, context, processes, Progress(speaks=processes.leads)).evaluate(model)


def drawing_threads(context: Context, device: torch.device) -> int:
    """Give how many threads draw patches: on a single CPU nobody helps the one that trains."""
    return context.threads if device.type == "cuda" else min(2, context.threads - 1)


def draw(source: PatchSource[B], batch: int, seed: int, team: Team, step: int) -> Drawn[B]:
    """Draw this process's patches of a step; several threads do so at a time.

    Args:
        source: What draws.
        batch: Patches of a step.
        seed: Seed of the training.
        team: Which process this is.
        step: Which step, of a single process.
    """
    rng = np.random.default_rng((seed, step + team.steps_aside))
    own_seed = (int(rng.integers(2**63)) + team.rank) % 2**63
    patches = source.draw(rng, team.share(batch))
    if team.device.type == "cuda":
        patches = patches.pinned()
    return Drawn(patches, len(patches) * team.shares / batch, own_seed)


@dataclass(frozen=True, slots=True)
class _Session(Generic[S, B, F]):
    """One training or evaluation."""

    application: Application[S, B, F]
    settings: S
    context: Context
    team: Team
    progress: Progress

    def train(self) -> Outcome:
        torch.set_num_threads(self.context.threads)
        self.progress.say(f"begins on {_described(self.team)}, {self.context.threads} CPU threads")
        training, validation = self._cases(Split.TRAINING), self._cases(Split.VALIDATION)
        refuse_copies({Split.TRAINING: training, Split.VALIDATION: validation})
        run = self._start()
        self._take_steps(run, training, validation)
        self.progress.say(f"trained for {self.settings.steps} steps, {run.seconds:.0f} s")
        if self.team.leads:
            save_model(run.learner, self.settings, self.context.model)
        findings, seconds = self._examine(run.learner, validation)
        self._report(run.step, findings)
        self.progress.say(f"scored {len(validation)} validation cases in {seconds:.0f} s")
        chosen = self.application.choose(findings)
        if self.team.leads:
            save_choice(chosen, [*training, *validation], self.context.model)
        patches_per_second = self.settings.steps * self.settings.batch / run.seconds
        costs = {"train_seconds": run.seconds, "patches_per_second": patches_per_second, "evaluate_seconds": seconds}
        return _with_costs(self.application.outcome(self.settings, findings, chosen), costs)

    def evaluate(self, model: Path) -> Outcome:
        torch.set_num_threads(self.context.threads)
        learner = load_model(self.application, model, self.team.device)
        self.progress.say(f"begins on {_described(self.team)}, {self.context.threads} CPU threads")
        cases = self._cases(Split.TEST)
        refuse_known_volumes(cases, model)
        findings, seconds = self._examine(learner, cases)
        self.progress.say(f"scored {len(cases)} test cases in {seconds:.0f} s")
        if self.team.leads:
            self.application.illustrate(learner, cases, findings, self.context.directory)
        outcome = self.application.outcome(self.settings, findings, read_chosen(model))
        return _with_costs(outcome, {"evaluate_seconds": seconds})

    def _cases(self, split: Split) -> list[Case]:
        self.progress.say(f"reads the {split} cases")
        cases = by_name(self._unless_stopped(self.application.cases(self.settings, split), f"{split} cases read:"))
        self.application.require(cases, split)
        require_patients(cases, split)
        self.progress.say(f"{len(cases)} {split} cases")
        if split is not Split.TRAINING and (warning := self.application.sample_size(cases).warn(split)):
            _logger.warning("%s", warning)
        return cases

    def _start(self) -> Run[B, F]:
        torch.manual_seed(self.context.seed)
        run = Run(self.application.learner(self.settings, self.team.device), self.settings, self.team)
        if saved := self.team.tell(self.context.checkpoint.load() if self.team.leads else None):
            run.restore(*saved)
            self.progress.say(f"goes on after step {run.step}")
        weights = sum(parameter.numel() for parameter in run.learner.network.parameters())
        plan = f"{self.settings.steps} steps of {self.settings.batch} patches"
        self.progress.say(f"trains {weights:,} weights for {plan}")
        return run

    def _take_steps(self, run: Run[B, F], training: Sequence[Case], validation: Sequence[Case]) -> None:
        source = run.learner.patches(training, np.random.default_rng(self.context.seed))
        steps = range(run.step, self.settings.steps, self.team.steps_at_once)
        saver = _Saver(self.context)
        threads = drawing_threads(self.context, self.team.device)
        drawing = partial(draw, source, self.settings.batch, self.context.seed, self.team)
        with contextlib.closing(drawn_ahead(drawing, steps, threads)) as batches:
            for step, drawn in zip(steps, batches, strict=True):
                run.take_step(drawn)
                self.progress.count("step", run.step, self.settings.steps, seconds=run.seconds)
                is_report_due = run.step * REPORTS // self.settings.steps > step * REPORTS // self.settings.steps
                is_stopped = self.team.any(self.context.should_stop)
                # Examining cases may be broken off by a stop, so what was trained is saved before each report.
                if self.team.leads and (is_report_due or is_stopped or saver.is_due):
                    saver.save(run)
                if is_stopped:
                    raise Stopped
                # The report of the last step waits until all cases are examined.
                if is_report_due and run.step < self.settings.steps:
                    self._report(run.step, self._examine(run.learner, validation[:REPORT_CASES])[0])

    def _report(self, step: int, findings: Sequence[F]) -> None:
        """Report the score on the first few validation cases: quick, noisy, and not the outcome."""
        if self.team.leads:
            score = self.application.early_score(self.settings, findings[:REPORT_CASES])
            self.context.report(step, score)
            self.progress.say(f"step {step}, early score {score:.4g}")

    def _examine(self, learner: Learner[B, F], cases: Sequence[Case]) -> tuple[list[F], float]:
        """Examine cases, each process its share; the time that took comes with them, in seconds."""
        started = time.monotonic()
        learner.network.eval()
        with mixed_precision(self.settings, self.team.device):
            share = cases[self.team.part(len(cases))]
            own = self._unless_stopped(map(learner.examine, share), "cases scored:", len(share))
        return self.team.gather(own), time.monotonic() - started

    def _unless_stopped(self, items: Iterable[_T], what: str, total: int | None = None) -> list[_T]:
        """Collect items, or leave after one of them if any process is asked to stop; what was done before is saved.

        All processes leave together: who stayed would wait for the others in vain, and fail.

        Args:
            items: What to collect; each takes its time.
            what: What the log says of how many are done.
            total: How many there are, or None if that is not known.

        Raises:
            Stopped: If any process is asked to stop.
        """
        taken, is_stopped = list[_T](), False
        for item in items:
            taken.append(item)
            self.progress.count(what, len(taken), total)
            if is_stopped := self.context.should_stop:
                break
        if self.team.any(is_stopped):
            raise Stopped
        return taken


def _described(team: Team) -> str:
    """Return where a training runs, in words."""
    name = torch.cuda.get_device_name(team.device) if team.device.type == "cuda" else "the CPU"
    return name if team.is_alone else f"{team.size} processes, the first on {name}"


class _Saver:
    """Saves checkpoints, not too often."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._due_at = time.monotonic() + CHECKPOINT_SECONDS

    @property
    def is_due(self) -> bool:
        return time.monotonic() > self._due_at

    def save(self, run: Run[B, F]) -> None:
        started = time.monotonic()
        self._context.checkpoint.save(run.step, run.to_bytes())
        took_s = time.monotonic() - started
        self._due_at = time.monotonic() + max(CHECKPOINT_SECONDS, 20 * took_s)


def _with_costs(outcome: Outcome, costs: Mapping[str, float]) -> Outcome:
    return dataclasses.replace(outcome, metrics={**outcome.metrics, **costs, **peak_memory()})
