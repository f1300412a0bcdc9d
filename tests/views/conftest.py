"""A campaign as it might have been: two slots, a lost job, failures, two trials at work, curves and a test score."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.store.records import Campaign, Evaluation, Event
from bohpo.trial import Attempt, AttemptState, Configuration, Curve, Outcome, Proposal, Scalar, Trial, TrialState
from bohpo.views.campaign import CampaignView

LAUNCHED = 1_790_000_000.0
STUDY = """\
# Nine-projection detector of aneurysms; the score is the area under the FROC up to 3 false positives.
name = "aneurysm-mra"
trainer = "trainers.aneurysm:train"

[objective]
metric = "partial_auc"
direction = "maximize"

[budget]
trials = 26

[parallel]
jobs = 2
threads = 4

[optimizer]
startup_completed = 3
seed = 7

[space]
lr = { type = "float", low = 1e-4, high = 0.3, log = true }
levels = { type = "int", low = 2, high = 5 }
channels = { type = "int", low = 8, high = 64, log = true }
dropout = { type = "float", low = 0.0, high = 0.5 }
augment = { type = "categorical", choices = [true, false] }
optimizer = { type = "categorical", choices = ["adamw", "sgd"] }
momentum = { type = "float", low = 0.5, high = 0.99, when = { optimizer = ["sgd"] } }

[fixed]
data = "phantom:tiny"
epochs = 40

[cluster]
backend = "slurm"
"""


def a_space(first: str = "lr") -> Space:
    """Give the study's space, its first parameter under a name of choice."""
    return Space(
        (
            FloatParameter(first, 1e-4, 0.3, log=True),
            IntParameter("levels", 2, 5),
            IntParameter("channels", 8, 64, log=True),
            FloatParameter("dropout", 0.0, 0.5),
            CategoricalParameter("augment", (True, False)),
            CategoricalParameter("optimizer", ("adamw", "sgd")),
            FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
        )
    )


def a_campaign_view(first: str = "lr") -> CampaignView:
    """Make the campaign; the same one at every call."""
    space, rng = a_space(first), random.Random(11)
    free, trials = [LAUNCHED + 9.0, LAUNCHED + 10.5], []
    now = LAUNCHED + 19_300.0
    for number in range(26):
        trial, free = _a_trial(number, space, first, free, rng=rng, now=now)
        if not trial.attempts:
            break
        trials.append(trial)
    view = CampaignView(
        campaign=Campaign(
            name="aneurysm-mra",
            study_text=STUDY,
            study_hash="5b1d7a0c93e84f26b2a1d9f08c6e7354aa0b1c2d3e4f5061728394a5b6c7d8e9",
            directory=Path("campaigns/aneurysm-mra"),
            budget_trials=26,
            provenance={
                "bohpo": "0.1.0",
                "git_commit": "1cdfbec5d0e2",
                "host": "login-2",
                "python": "3.11.2",
                "torch": "2.13.0",
                "optimizer_seed": "7",
            },
            created=LAUNCHED,
        ),
        space=space,
        metric="partial_auc",
        maximize=True,
        jobs=2,
        trials=tuple(trials),
        now=now,
        bounds=(0.0, 1.0),
        limit=3.0,
        events=(
            Event(1, LAUNCHED, "launched", "2 jobs, 26 trials"),
            Event(9, LAUNCHED + 2300.0, "attempt-ended", "the node did not answer; tried again", 3),
        ),
    )
    best = view.ranked[0]
    assert best.value is not None
    curves = {trial.number: {"froc": a_froc(trial.value or 0.0)} for trial in view.ranked[:3]}
    scored = Outcome(best.value - 0.05, 0.0016, curves={"froc": a_froc(best.value - 0.05)})
    return replace(view, curves=curves, evaluations=(Evaluation(best.number, now - 60.0, scored),))


def a_froc(area: float) -> Curve:
    """Give a curve that rises quickly and then slowly, with a band around it."""
    x = tuple(0.05 * step for step in range(61))
    y = tuple(round(min(1.2 * area * (1 - math.exp(-2.2 * at)), 1.0), 4) for at in x)
    return Curve(
        x,
        y,
        tuple(round(at * 0.86, 4) for at in y),
        tuple(round(min(at * 1.12, 1.0), 4) for at in y),
        "false positives per case",
        "sensitivity",
    )


def reports_of(view: CampaignView) -> dict[int, list[tuple[int, float]]]:
    """Give intermediate values that rise to each trial's score."""
    rng = random.Random(5)
    return {
        trial.number: [
            (step, round((trial.value or 0.3) * (1 - math.exp(-step / 9)) + rng.gauss(0, 0.006), 4))
            for step in range(2, 41 if trial.value is not None else 14, 2)
        ]
        for trial in view.trials
    }


def _a_trial(
    number: int, space: Space, first: str, free: list[float], *, rng: random.Random, now: float
) -> tuple[Trial, list[float]]:
    startup = number < 4
    slot = free.index(min(free))
    configuration = _a_configuration(space, first, 1.0 if startup else max(0.25, 1 - number / 20), rng)
    created = free[slot]
    attempts, state = [], TrialState.PENDING
    ends = {3: [AttemptState.LOST, AttemptState.COMPLETED], 6: [AttemptState.RAISED], 15: [AttemptState.TIMED_OUT]}
    moment = created
    for k, planned in enumerate(ends.get(number, [AttemptState.COMPLETED]), start=1):
        started = moment + rng.uniform(4, 30)
        ended = started + (240.0 if planned is AttemptState.RAISED else rng.uniform(900, 2300))
        if started > now:
            break
        attempt = Attempt(number, k, planned, "", f"{88120 + 3 * number + k}", slot, moment, started, ended)
        if ended > now:
            attempt = replace(attempt, state=AttemptState.RUNNING, ended=None)
        attempts.append(replace(attempt, reason=REASONS.get(attempt.state, "")))
        moment = ended
        state = _STATES.get(attempt.state, TrialState.PENDING)
    free = [moment if at == slot else other for at, other in enumerate(free)]
    complete = state is TrialState.COMPLETE
    return (
        Trial(
            number,
            f"uid-{number}",
            configuration,
            state,
            Proposal(configuration, "startup" if startup else "model", seconds=0.05),
            value=_a_value(configuration, first, rng) if complete else None,
            variance=round(rng.uniform(0.0006, 0.0014), 6) if complete else None,
            metrics={"sensitivity_at_1": 0.7, "train_seconds": 1200.0} if complete else {},
            reason=attempts[-1].reason if state is TrialState.FAILED else "",
            attempts=tuple(attempts),
            created=created,
            ended=moment if state is not TrialState.PENDING else None,
        ),
        free,
    )


REASONS = {
    AttemptState.LOST: "the node did not answer for 60 s",
    AttemptState.RAISED: "RuntimeError: CUDA out of memory. Tried to allocate 2.31 GiB",
    AttemptState.TIMED_OUT: "ran longer than 0.6 h; raise cluster.wall_time_hours or train fewer epochs",
}
_STATES = {
    AttemptState.COMPLETED: TrialState.COMPLETE,
    AttemptState.RAISED: TrialState.FAILED,
    AttemptState.TIMED_OUT: TrialState.FAILED,
}
_GOOD: dict[str, float] = {"levels": 0.62, "channels": 0.8, "dropout": 0.3, "augment": 0.35, "optimizer": 0.45}


def _a_configuration(space: Space, first: str, spread: float, rng: random.Random) -> dict[str, Scalar]:
    good = {first: 0.42, **_GOOD}
    at = [good.get(name, 0.6) + spread * rng.uniform(-0.6, 0.6) for name in space.names]
    return space.decode([min(max(coordinate, 0.0), 1.0) for coordinate in at])


def _a_value(configuration: Configuration, first: str, rng: random.Random) -> float:
    lr = configuration[first]
    channels, levels, dropout = configuration["channels"], configuration["levels"], configuration["dropout"]
    assert isinstance(lr, float) and isinstance(dropout, float)
    assert isinstance(channels, int) and isinstance(levels, int)
    value = 0.66 - 0.05 * (math.log10(lr) + 2.6) ** 2 - 0.08 * (math.log(64 / channels)) ** 2 * 0.4
    value -= 0.03 * abs(levels - 4) + 0.3 * (dropout - 0.15) ** 2 + (0.0 if configuration["augment"] else 0.06)
    value -= 0.02 if configuration["optimizer"] == "sgd" else 0.0
    return round(max(value + rng.gauss(0, 0.015), 0.02), 6)


@pytest.fixture
def view() -> CampaignView:
    """The campaign as it might have been."""
    return a_campaign_view()


@pytest.fixture
def reports(view: CampaignView) -> dict[int, list[tuple[int, float]]]:
    """Intermediate values of its trials."""
    return reports_of(view)


@pytest.fixture
def short_view() -> CampaignView:
    """A campaign short enough to work out by hand: two slots, six trials to run, seen after 200 s.

    | slot | trial | from | to      |                                  |
    | ---- | ----- | ---- | ------- | -------------------------------- |
    | 0    | 0     | 10   | 110     | complete, 0.6 with variance 0.01 |
    | 1    | 1     | 20   | 60      | failed                           |
    | 1    | 2     | 80   | 130     | complete, 0.45                   |
    | 0    | 3     | 120  | running |                                  |
    | 1    | 4     | 140  | running |                                  |
    """
    rows: list[tuple[int, float, float | None, AttemptState, Configuration]] = [
        (0, 10.0, 110.0, AttemptState.COMPLETED, {"lr": 1e-05, "optimizer": "adamw", "mirror": True}),
        (1, 20.0, 60.0, AttemptState.RAISED, {"lr": 0.1, "optimizer": "sgd", "momentum": 0.9, "mirror": False}),
        (1, 80.0, 130.0, AttemptState.COMPLETED, {"lr": 0.001, "optimizer": "sgd", "momentum": 0.5, "mirror": True}),
        (0, 120.0, None, AttemptState.RUNNING, {"lr": 0.0001, "optimizer": "adamw", "mirror": False}),
        (1, 140.0, None, AttemptState.RUNNING, {"lr": 0.0002, "optimizer": "adamw", "mirror": True}),
    ]
    scores = {0: (0.6, 0.01), 2: (0.45, None)}
    trials = []
    for number, (slot, started, ended, state, configuration) in enumerate(rows):
        value, variance = scores.get(number, (None, None))
        attempt = Attempt(number, 1, state, "", f"j{number}", slot, started - 5.0, started, ended)
        reason = 'ValueError: "lr, or momentum", too large' if number == 1 else ""
        proposal = Proposal(configuration, "startup" if number < 3 else "model")
        at = _STATES.get(state, TrialState.PENDING)
        trials.append(
            Trial(
                number, f"u{number}", configuration, at, proposal, value, variance, {}, reason, (attempt,), 0.0, ended
            )
        )
    return CampaignView(
        campaign=Campaign("short", SHORT_STUDY, "c0ffee", Path("campaigns/short"), budget_trials=6),
        space=Space(
            (
                FloatParameter("lr", 1e-5, 0.1, log=True),
                CategoricalParameter("optimizer", ("adamw", "sgd")),
                FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
                CategoricalParameter("mirror", (True, False)),
            )
        ),
        metric="partial_auc",
        maximize=True,
        jobs=2,
        trials=tuple(trials),
        now=200.0,
        bounds=(0.0, 0.75),
    )


SHORT_STUDY = """\
name = "short"
command = ["python", "train.py"]

[objective]
metric = "partial_auc"
direction = "maximize"
bounds = [0.0, 0.75]

[budget]
trials = 6
attempt_seconds = 3600.0

[parallel]
jobs = 2

[space]
lr = { type = "float", low = 1e-5, high = 0.1, log = true }
optimizer = { type = "categorical", choices = ["adamw", "sgd"] }
momentum = { type = "float", low = 0.5, high = 0.99, when = { optimizer = ["sgd"] } }
mirror = { type = "categorical", choices = [true, false] }

[fixed]
data = "folder/with ${braces}"
epochs = 3
"""
