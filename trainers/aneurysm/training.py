"""Training and evaluation: load, then step, report and checkpoint, then score.

All chance of a step is a function of (seed, step). So a checkpoint holds weights and optimizer only, and a training
that was stopped goes on as if it had not been: on the CPU bit by bit.
"""

from __future__ import annotations

import io
import json
import logging
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from bohpo.durable import write_atomically, write_json
from bohpo.errors import AttemptError, NotFoundError, UsageError
from bohpo.evaluation import Case as MarkedCase
from bohpo.trainer import Configuration, Context, Outcome, Stopped
from trainers.aneurysm.detectors import Detector, make_detector
from trainers.aneurysm.settings import Settings
from trainers.aneurysm.sources import iter_cases
from trainers.cad.case import Case, Split
from trainers.cad.marks import mark, quick_partial_auc, score
from trainers.cad.patches import PatchSampler

CHECKPOINT_SECONDS = 3.0
REPORTS = 4
REPORT_CASES = 12
WARM_UP = 0.05
"""Share of the steps over which the learning rate rises to its peak; a cosine then takes it to 0."""

SETTINGS_FILE, WEIGHTS_FILE = "settings.json", "weights.pt"

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(slots=True)
class _Run:
    """A training under way.

    Attributes:
        detector: What is trained.
        optimizer: What trains it.
        step: Steps done.
        seconds: Time spent on them, earlier attempts included.
    """

    detector: Detector
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        stream = io.BytesIO()
        state = {"network": self.detector.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save({**state, "seconds": self.seconds}, stream)
        return stream.getvalue()

    def restore(self, step: int, payload: bytes) -> None:
        state = torch.load(io.BytesIO(payload), map_location=_device(), weights_only=True)
        self.detector.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = step, state["seconds"]


def train(config: Configuration, context: Context) -> Outcome:
    """See `trainers.aneurysm.train`."""
    settings = Settings.from_configuration(config)
    torch.set_num_threads(context.threads)
    training = list(_unless_stopped(context, iter_cases(settings, Split.TRAINING)))
    validation = list(_unless_stopped(context, iter_cases(settings, Split.VALIDATION)))
    _require_aneurysms(training, Split.TRAINING)
    _require_aneurysms(validation, Split.VALIDATION)
    run = _start(settings, context)
    _train(run, settings, context, training, validation)
    _save(run.detector, settings, context.model)
    marked, seconds = _detect(run.detector, context, validation)
    costs = {"train_seconds": run.seconds, "patches_per_second": settings.steps * settings.batch / run.seconds}
    return score(marked, settings.limit, {**costs, "evaluate_seconds": seconds})


def evaluate(config: Configuration, model: Path, context: Context) -> Outcome:
    """See `trainers.aneurysm.evaluate`."""
    settings = Settings.from_configuration(config)
    torch.set_num_threads(context.threads)
    detector = _load(model)
    test = list(_unless_stopped(context, iter_cases(settings, Split.TEST)))
    _require_aneurysms(test, Split.TEST)
    marked, seconds = _detect(detector, context, test)
    return score(marked, settings.limit, {"evaluate_seconds": seconds})


def learning_rate(settings: Settings, step: int) -> float:
    """Give the learning rate of a step, 0 to `settings.steps` - 1."""
    warm_up = max(1.0, WARM_UP * settings.steps)
    rise = min(1.0, (step + 1) / warm_up)
    return settings.learning_rate * rise * (1 + math.cos(math.pi * step / settings.steps)) / 2


def _start(settings: Settings, context: Context) -> _Run:
    torch.manual_seed(context.seed)
    detector = make_detector(settings, _device())
    optimizer = torch.optim.SGD(
        detector.network.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=True,
        weight_decay=settings.weight_decay,
    )
    run = _Run(detector, optimizer)
    if saved := context.checkpoint.load():
        run.restore(*saved)
        _logger.info("resumed after step %d", run.step)
    return run


def _train(
    run: _Run, settings: Settings, context: Context, training: Sequence[Case], validation: Sequence[Case]
) -> None:
    rng = np.random.default_rng(context.seed)
    anchors = [run.detector.anchors(case, rng) for case in training]
    sampler = PatchSampler(training, anchors, run.detector.sampling)
    saved_at = time.monotonic()
    while run.step < settings.steps:
        _step(run, settings, context.seed, sampler)
        is_report_due = run.step * REPORTS // settings.steps > (run.step - 1) * REPORTS // settings.steps
        is_late = time.monotonic() - saved_at > CHECKPOINT_SECONDS
        # Marking cases may be broken off by a stop, so what was trained is saved before each report.
        if is_late or is_report_due or context.should_stop:
            context.checkpoint.save(run.step, run.to_bytes())
            saved_at = time.monotonic()
        if context.should_stop:
            raise Stopped
        if is_report_due:
            _report(run, settings, context, validation)


def _step(run: _Run, settings: Settings, seed: int, sampler: PatchSampler) -> None:
    started = time.monotonic()
    rng = np.random.default_rng((seed, run.step))
    torch.manual_seed(int(rng.integers(2**63)))
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(settings, run.step)
    run.detector.network.train()
    run.optimizer.zero_grad()
    with _mixed_precision():
        loss = run.detector.loss(sampler.draw(rng))
    if not math.isfinite(loss.item()):
        raise AttemptError(f"the training diverged: the loss of step {run.step} is {loss.item()}")
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    run.step += 1
    run.seconds += time.monotonic() - started


def _report(run: _Run, settings: Settings, context: Context, validation: Sequence[Case]) -> None:
    """Report the partial area on the first few validation cases: quick, noisy, and not the outcome."""
    marked, _ = _detect(run.detector, context, validation[:REPORT_CASES])
    context.report(run.step, quick_partial_auc(marked, settings.limit))


def _detect(detector: Detector, context: Context, cases: Sequence[Case]) -> tuple[list[MarkedCase], float]:
    """Mark cases; the time that took comes with them, in seconds."""
    started = time.monotonic()
    detector.network.eval()
    with _mixed_precision():
        marked = [mark(case, detector.detect(case)) for case in _unless_stopped(context, cases)]
    return marked, time.monotonic() - started


def _save(detector: Detector, settings: Settings, folder: Path) -> None:
    stream = io.BytesIO()
    torch.save(detector.network.state_dict(), stream)
    write_atomically(folder / WEIGHTS_FILE, stream.getvalue())
    write_json(folder / SETTINGS_FILE, settings.to_json())


def _load(folder: Path) -> Detector:
    for name in (SETTINGS_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise NotFoundError(f"{folder / name} is missing; give the model folder of a completed trial")
    settings = Settings.from_configuration(json.loads((folder / SETTINGS_FILE).read_bytes()))
    detector = make_detector(settings, _device())
    detector.network.load_state_dict(torch.load(folder / WEIGHTS_FILE, map_location=_device(), weights_only=True))
    return detector


def _require_aneurysms(cases: Sequence[Case], split: Split) -> None:
    if not any(len(case.centres) for case in cases):
        raise UsageError(f"none of the {len(cases)} {split} cases has an aneurysm; add cases, or change their split")


def _unless_stopped(context: Context, items: Iterable[_T]) -> Iterator[_T]:
    """Pass items on, and leave between two of them when asked to; what was done before them is saved."""
    for item in items:
        if context.should_stop:
            raise Stopped
        yield item


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _mixed_precision() -> torch.autocast:
    return torch.autocast("cuda", dtype=torch.bfloat16, enabled=torch.cuda.is_available())
