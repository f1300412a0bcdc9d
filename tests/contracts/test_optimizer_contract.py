"""What every optimizer promises, over spaces of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bohpo.optimizer import GaussianProcessOptimizer, History, Optimizer, RandomOptimizer
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Parameter, Space
from bohpo.trial import Configuration, Observation

MakeOptimizer: TypeAlias = Callable[[Space], Optimizer]


def make_gaussian_process(space: Space) -> Optimizer:
    return GaussianProcessOptimizer(space, maximize=True, seed=0)


def make_random(space: Space) -> Optimizer:
    return RandomOptimizer(space, seed=0)


every_optimizer = pytest.mark.parametrize("make", [make_gaussian_process, make_random])
over_spaces = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],
)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """One to five parameters of all kinds; later ones may depend on an earlier categorical one."""
    parameters: list[Parameter] = []
    for index in range(draw(st.integers(1, 5))):
        name = f"p{index}"
        parents = [earlier for earlier in parameters if isinstance(earlier, CategoricalParameter)]
        parent = draw(st.sampled_from([None, *parents]))
        when = {} if parent is None else {parent.name: (parent.choices[0],)}
        kinds: dict[str, Parameter] = {
            "float": FloatParameter(name, -2.0, 3.0, when=when),
            "log float": FloatParameter(name, 1e-4, 1.0, log=True, when=when),
            "stepped float": FloatParameter(name, 0.0, 1.0, step=0.25, when=when),
            "int": IntParameter(name, 1, 7, step=2, when=when),
            "log int": IntParameter(name, 1, 100, log=True, when=when),
            "categorical": CategoricalParameter(name, ("a", True, 2), when=when),
        }
        parameters.append(kinds[draw(st.sampled_from(sorted(kinds)))])
    return Space(tuple(parameters))


def score(space: Space, configuration: Configuration) -> float:
    return float(np.sin(3.0 * space.encode(configuration)).sum())


def make_history(space: Space, *, completed: int = 6, failed: int = 1, pending: int = 2) -> History:
    """Fill a history with distinct random configurations, as far as the space has them."""
    count = min(completed + failed + pending, int(min(space.size(), 100)))
    drawn = [proposal.configuration for proposal in RandomOptimizer(space, seed=7).propose(History(), count)]
    observations = tuple(Observation(configuration, score(space, configuration)) for configuration in drawn[:completed])
    return History(observations, tuple(drawn[completed : completed + failed]), tuple(drawn[completed + failed :]))


def identities(configurations: list[Configuration]) -> list[str]:
    return [repr(sorted(configuration.items())) for configuration in configurations]


@every_optimizer
@over_spaces
@given(space=spaces())
def test_every_proposal_is_a_configuration_of_the_space(make: MakeOptimizer, space: Space) -> None:
    for history in (History(), make_history(space)):
        proposals = make(space).propose(history, 2)
        assert len(proposals) == 2
        for proposal in proposals:
            assert space.check(proposal.configuration) == proposal.configuration


@every_optimizer
@over_spaces
@given(space=spaces())
def test_nothing_is_proposed_twice_while_the_space_has_another_point(make: MakeOptimizer, space: Space) -> None:
    history = make_history(space)
    free = space.size() - history.proposed
    n = int(min(free, 2))
    known = [*(observation.configuration for observation in history.completed), *history.failed, *history.pending]
    proposed = [proposal.configuration for proposal in make(space).propose(history, n)]
    assert len(set(identities([*known, *proposed]))) == history.proposed + n


@every_optimizer
@over_spaces
@given(space=spaces())
def test_the_same_history_gives_the_same_proposals_whatever_was_asked_before(make: MakeOptimizer, space: Space) -> None:
    history = make_history(space)
    used = make(space)
    used.propose(History(), 2)
    used.propose(make_history(space, completed=4), 1)
    expected = [proposal.configuration for proposal in make(space).propose(history, 2)]
    assert [proposal.configuration for proposal in used.propose(history, 2)] == expected
    assert [proposal.configuration for proposal in used.propose(history, 2)] == expected


@every_optimizer
def test_a_finite_space_is_given_out_in_full_and_then_again(make: MakeOptimizer) -> None:
    space = Space(
        (
            CategoricalParameter("a", ("x", "y", "z")),
            IntParameter("b", 1, 3, when={"a": ("x",)}),
            CategoricalParameter("c", (False, True)),
        )
    )
    optimizer = make(space)
    completed: list[Observation] = []
    for _ in range(int(space.size())):
        (proposal,) = optimizer.propose(History(tuple(completed)))
        completed.append(Observation(proposal.configuration, score(space, proposal.configuration)))
    assert len(set(identities([observation.configuration for observation in completed]))) == space.size() == 10
    (again,) = optimizer.propose(History(tuple(completed)))
    assert space.check(again.configuration) == again.configuration


@every_optimizer
def test_a_space_of_one_point_is_proposed_again_and_again(make: MakeOptimizer) -> None:
    space = Space((CategoricalParameter("only", ("one",)), FloatParameter("x", 0.5, 0.5)))
    history = History(tuple(Observation({"only": "one", "x": 0.5}, 1.0) for _ in range(4)))
    assert [proposal.configuration for proposal in make(space).propose(history, 2)] == [{"only": "one", "x": 0.5}] * 2


@every_optimizer
def test_different_seeds_search_differently(make: MakeOptimizer) -> None:
    space = Space((FloatParameter("x", 0.0, 1.0), FloatParameter("y", 0.0, 1.0)))
    first = make(space).propose(History(), 3)
    kind = type(make(space))
    assert isinstance(make(space), GaussianProcessOptimizer | RandomOptimizer)
    other = kind(space, maximize=True, seed=1).propose(History(), 3)  # type: ignore[call-arg]
    assert [proposal.configuration for proposal in other] != [proposal.configuration for proposal in first]


@every_optimizer
def test_equal_values_and_only_failures_are_no_obstacle(make: MakeOptimizer) -> None:
    space = Space((FloatParameter("x", 0.0, 1.0), CategoricalParameter("c", ("a", "b"))))
    points = [proposal.configuration for proposal in RandomOptimizer(space, seed=3).propose(History(), 5)]
    equal = History(tuple(Observation(point, 0.5) for point in points))
    failures = History(failed=tuple(points))
    for history in (equal, failures):
        (proposal,) = make(space).propose(history)
        assert space.check(proposal.configuration) == proposal.configuration
