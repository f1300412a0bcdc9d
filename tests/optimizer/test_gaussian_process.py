"""The optimizer of a campaign: when the model speaks, what it knows, and what it says about it."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys

import numpy as np
import pytest

from bohpo.errors import SpaceError
from bohpo.optimizer import GaussianProcessOptimizer, History, Memory, RandomOptimizer, Recipe, model, propose
from bohpo.optimizer.recipe import FEW_NUMBERS
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Configuration, Observation, Proposal

SPACE = Space(
    (
        FloatParameter("x", -1.0, 1.0),
        FloatParameter("y", 1e-3, 1.0, log=True),
        IntParameter("n", 1, 4),
        CategoricalParameter("c", ("a", "b")),
        FloatParameter("z", 0.0, 1.0, when={"c": ("b",)}),
    )
)

WIDE = Space((*SPACE.parameters, *(FloatParameter(f"w{index}", 0.0, 1.0) for index in range(FEW_NUMBERS))))
"""With many numeric parameters, of which most have no effect."""


def number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def score(configuration: Configuration) -> float:
    """Greatest, 1, at x = 0.4, n = 3, c = b, z = 0.2."""
    loss = (number(configuration["x"]) - 0.4) ** 2 + 0.1 * (number(configuration["n"]) - 3) ** 2
    return 1.0 - loss - (0.5 if configuration["c"] == "a" else (number(configuration["z"]) - 0.2) ** 2)


def observed(count: int, seed: int = 0, space: Space = SPACE) -> tuple[Observation, ...]:
    drawn = RandomOptimizer(space, seed=seed).propose(History(), count)
    return tuple(Observation(proposal.configuration, score(proposal.configuration)) for proposal in drawn)


def optimizer(*, maximize: bool = True, seed: int = 0, startup_completed: int = 3) -> GaussianProcessOptimizer:
    return GaussianProcessOptimizer(SPACE, maximize=maximize, seed=seed, startup_completed=startup_completed)


def distance(a: Configuration, b: Configuration) -> float:
    return float(np.linalg.norm(SPACE.encode(a) - SPACE.encode(b)))


def test_the_first_proposal_is_the_centre() -> None:
    (proposal,) = optimizer().propose(History())
    middle = {name: value for name, value in SPACE.default.items() if name not in ("c", "z")}
    assert {name: proposal.configuration[name] for name in middle} == middle
    assert proposal.configuration.get("z", 0.5) == 0.5
    assert proposal.source == "startup"
    assert proposal.predicted_mean is None


@pytest.mark.parametrize("startup_completed", [3, 5])
def test_the_model_speaks_once_enough_trials_have_completed(startup_completed: int) -> None:
    observations = observed(startup_completed)
    pending = tuple(proposal.configuration for proposal in RandomOptimizer(SPACE, seed=5).propose(History(), 9))
    for completed in (startup_completed - 1, startup_completed):
        history = History(observations[:completed], pending=pending)
        (proposal,) = optimizer(startup_completed=startup_completed).propose(history)
        assert proposal.source == ("startup" if completed < startup_completed else "model")


def test_the_model_never_speaks_without_a_completed_trial() -> None:
    history = History(failed=tuple(observation.configuration for observation in observed(4)))
    assert optimizer(startup_completed=0).propose(history)[0].source == "startup"


def test_proposals_are_the_same_in_another_process() -> None:
    program = (
        "from tests.optimizer.test_gaussian_process import observed, optimizer\n"
        "from bohpo.optimizer import History\n"
        "print([proposal.configuration for proposal in optimizer().propose(History(observed(12)), 2)])\n"
    )
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env={"OMP_NUM_THREADS": "3"}).stdout
    expected = [proposal.configuration for proposal in optimizer().propose(History(observed(12)), 2)]
    assert printed.strip() == repr(expected)


def without_seconds(proposals: list[Proposal]) -> list[Proposal]:
    return [dataclasses.replace(proposal, seconds=0.0) for proposal in proposals]


@pytest.mark.parametrize("space", [SPACE, WIDE], ids=["few", "many"])
@pytest.mark.parametrize("count", [15, 80])
def test_memory_changes_nothing(count: int, space: Space) -> None:
    observations, memory = observed(count, space=space), Memory()
    pending = tuple(proposal.configuration for proposal in RandomOptimizer(space, seed=5).propose(History(), 3))
    for known in (*range(count - 3, count), count):
        history = History(observations[:known], pending=pending)
        kept = propose(space, history, 2, maximize=True, seed=4, memory=memory)
        fresh = propose(space, history, 2, maximize=True, seed=4)
        assert without_seconds(kept) == without_seconds(fresh)


def test_memory_of_another_space_is_not_used() -> None:
    memory = Memory()
    propose(SPACE, History(observed(10)), maximize=True, seed=4, memory=memory)
    other = Space((FloatParameter("x", 0.0, 10.0),))
    history = History(tuple(Observation({"x": float(x)}, float(x)) for x in range(5)))
    kept = propose(other, history, maximize=True, seed=4, memory=memory)
    assert without_seconds(kept) == without_seconds(propose(other, history, maximize=True, seed=4))


def test_what_was_prepared_is_what_would_be_proposed_and_is_dropped_with_news() -> None:
    observations = observed(20)
    history, news = History(observations[:19]), History(observations)
    prepared, fresh = optimizer(), optimizer()
    prepared.prepare(history, 2)
    (ahead,) = prepared.propose(history)
    assert without_seconds([ahead]) == without_seconds(fresh.propose(history))
    assert prepared.propose(history)[0].seconds == ahead.seconds
    assert without_seconds(prepared.propose(news)) == without_seconds(fresh.propose(news))


def test_trends_propose_where_there_are_few_numeric_parameters() -> None:
    for completed in (len(SPACE) - 1, len(SPACE)):
        proposals = optimizer().propose(History(observed(completed)), 4)
        assert {proposal.view for proposal in proposals} == {"trends"}


def test_where_there_are_many_the_views_take_turns_once_there_are_as_many_results_as_parameters() -> None:
    observations = observed(len(WIDE), space=WIDE)
    failed = (observations[-1].configuration,)
    for history, views in (
        (History(observations[:-2], failed), ["bowl"] * 4),
        (History(observations[:-1], failed), ["bowl", "trends"] * 2),
    ):
        proposals = propose(WIDE, history, 4, maximize=True, seed=0, first=len(WIDE))
        assert [proposal.view for proposal in proposals] == views


@pytest.mark.parametrize(
    ("recipe", "views"),
    [
        (Recipe(trends_view=False), {"bowl"}),
        (Recipe(bowl_view=False), {"trends"}),
        (Recipe(trends_view=False, bowl_view=False), {"plain"}),
        (Recipe(explore=False, compress=False, climb=False, spray=False), {"trends", "bowl"}),
        (Recipe(pending=False, failures=False, measured_noise=False, refit_always=True), {"trends", "bowl"}),
    ],
)
def test_every_part_can_be_left_out(recipe: Recipe, views: set[str]) -> None:
    *observations, failed = observed(len(WIDE) + 1, space=WIDE)
    history = History(tuple(observations), (failed.configuration,))
    proposals = propose(WIDE, history, 4, maximize=True, seed=0, recipe=recipe)
    assert {proposal.view for proposal in proposals} == views
    whole = propose(WIDE, history, 4, maximize=True, seed=0)
    assert [p.configuration for p in proposals] != [p.configuration for p in whole]


def small(configuration: Configuration) -> bool:
    return number(configuration["x"]) + number(configuration["n"]) < 2.5


@pytest.mark.parametrize("completed", [0, 12])
@pytest.mark.parametrize("make", [GaussianProcessOptimizer, RandomOptimizer])
def test_only_what_is_feasible_is_proposed(completed: int, make: type) -> None:
    searcher = make(SPACE, maximize=True, seed=0, feasible=small)
    proposals = searcher.propose(History(observed(completed)), 10)
    assert all(small(proposal.configuration) for proposal in proposals)
    assert len({repr(proposal.configuration) for proposal in proposals}) == 10


def test_a_space_with_nothing_feasible_is_an_error() -> None:
    impossible = GaussianProcessOptimizer(SPACE, maximize=True, seed=0, feasible=lambda _: False)
    for completed in (0, 12):
        with pytest.raises(SpaceError, match="no feasible configuration"):
            impossible.propose(History(observed(completed)))


@pytest.mark.parametrize("completed", [0, 12])
def test_an_error_of_the_feasible_function_is_not_taken_for_the_models(completed: int) -> None:
    def failing(configuration: Configuration) -> bool:
        raise ValueError(f"cannot tell {len(configuration)}")

    faulty = GaussianProcessOptimizer(SPACE, maximize=True, seed=0, feasible=failing)
    with pytest.raises(SpaceError, match="cannot tell") as error:
        faulty.propose(History(observed(completed)))
    assert isinstance(error.value.__cause__, ValueError)


def test_a_full_space_repeats_what_is_feasible() -> None:
    space = Space((IntParameter("n", 1, 4),))
    history = History(tuple(Observation({"n": n}, float(n)) for n in range(1, 5)))
    proposals = propose(
        space, history, 3, maximize=True, seed=0, feasible=lambda configuration: number(configuration["n"]) > 2
    )
    assert {proposal.configuration["n"] for proposal in proposals} <= {3, 4}


@pytest.mark.parametrize("maximize", [True, False])
def test_it_finds_the_best_in_either_direction_and_predicts_it_in_the_objectives_unit(maximize: bool) -> None:
    sign = 1.0 if maximize else -1.0
    completed = [Observation(o.configuration, 50.0 + 1000.0 * sign * o.value) for o in observed(12)]
    for _ in range(10):
        (proposal,) = optimizer(maximize=maximize).propose(History(tuple(completed)))
        value = 50.0 + 1000.0 * sign * score(proposal.configuration)
        completed.append(Observation(proposal.configuration, value))
    best = max(completed, key=lambda observation: sign * observation.value)
    assert score(best.configuration) > 0.97
    assert proposal.predicted_mean is not None
    assert proposal.predicted_sd is not None
    assert abs(proposal.predicted_mean - value) < 4.0 * proposal.predicted_sd + 20.0


def test_pending_trials_push_the_next_proposals_away() -> None:
    completed = observed(12)
    (alone,) = optimizer().propose(History(completed))
    (beside,) = optimizer().propose(History(completed, pending=(alone.configuration,)))
    assert distance(alone.configuration, beside.configuration) > 0.1
    together = [proposal.configuration for proposal in optimizer().propose(History(completed), 6)]
    assert together[0] == alone.configuration
    apart = [distance(a, b) for i, a in enumerate(together) for b in together[:i]]
    assert min(apart) > 0.03


def test_a_region_that_fails_is_avoided() -> None:
    observations = observed(30)
    completed = tuple(o for o in observations if number(o.configuration["x"]) < 0.0)
    failed = tuple(o.configuration for o in observations if number(o.configuration["x"]) >= 0.0)
    warned = optimizer().propose(History(completed, failed), 6)
    unwarned = optimizer().propose(History(completed), 6)
    assert sum(number(proposal.configuration["x"]) >= 0.1 for proposal in warned) <= 2
    assert sum(number(proposal.configuration["x"]) >= 0.1 for proposal in unwarned) >= 4


def test_measured_variances_are_used_but_never_flatten_the_model() -> None:
    plain = observed(25)
    huge = tuple(dataclasses.replace(observation, variance=1e6) for observation in plain)
    lucky = dataclasses.replace(plain[0], value=3.0)
    doubtful = (dataclasses.replace(lucky, variance=25.0), *(dataclasses.replace(o, variance=1e-4) for o in plain[1:]))
    (expected,) = optimizer().propose(History(plain))
    (proposal,) = optimizer().propose(History(huge))
    assert proposal.predicted_mean == pytest.approx(expected.predicted_mean, abs=0.2)
    trusting = optimizer().propose(History((lucky, *plain[1:])))[0]
    doubting = optimizer().propose(History(doubtful))[0]
    assert trusting.predicted_mean is not None
    assert doubting.predicted_mean is not None
    assert trusting.predicted_mean > doubting.predicted_mean + 0.2


def test_a_numerical_failure_falls_back_on_a_sobol_point(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("the matrix is not positive definite")

    monkeypatch.setattr(model, "fit", fail)
    with caplog.at_level(logging.WARNING, logger="bohpo.optimizer"):
        proposals = optimizer().propose(History(observed(5)), 2)
    assert [proposal.source for proposal in proposals] == ["fallback", "fallback"]
    assert proposals[0].configuration != proposals[1].configuration
    assert "not positive definite" in caplog.text


def test_importing_the_package_loads_no_heavy_one() -> None:
    program = (
        "import sys, bohpo.optimizer\n"
        "heavy = ('torch', 'botorch', 'optuna', 'dask', 'sqlalchemy', 'plotly')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
