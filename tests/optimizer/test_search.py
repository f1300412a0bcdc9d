"""The search finds what an exhaustive one would, on every kind of space, and keeps away from what is taken."""

from __future__ import annotations

import numpy as np
import pytest

from bohpo.optimizer import History, Memory, Recipe, search
from bohpo.optimizer.covariance import Array
from bohpo.optimizer.cube import Points
from bohpo.optimizer.model import Model, learn
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.recipe import BOWL, TRENDS, View
from bohpo.optimizer.search import Choice, Search
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Observation

DISCRETE = Space(
    (
        *(CategoricalParameter(f"c{j}", ("a", "b", "d")) for j in range(4)),
        IntParameter("n", 1, 6),
        IntParameter("m", 1, 32, log=True),
    )
)
CONTINUOUS = Space(tuple(FloatParameter(f"x{j}", 0.0, 1.0) for j in range(4)))
MIXED = Space(
    (
        FloatParameter("lr", 1e-4, 1.0, log=True),
        IntParameter("levels", 1, 5),
        CategoricalParameter("optimizer", ("adamw", "sgd")),
        FloatParameter("momentum", 0.0, 0.99, when={"optimizer": ("sgd",)}),
        FloatParameter("dropout", 0.0, 0.7),
    )
)
SPACES = {"discrete": DISCRETE, "continuous": CONTINUOUS, "mixed": MIXED}


def searcher(
    space: Space, view: View = TRENDS, recipe: Recipe | None = None, n: int = 25
) -> tuple[Search, Model, Memory]:
    memory = Memory()
    cube = memory.cube_of(space)
    rng = np.random.default_rng(0)
    points = cube.snap(rng.random((n + 4, len(space))))
    weights = rng.standard_normal(len(space))
    values = np.sin(4.0 * points @ weights) - np.square(points - 0.3).sum(axis=1)
    configurations = [space.decode(point) for point in points]
    observations = tuple(Observation(c, float(v)) for c, v in zip(configurations[:n], values, strict=False))
    model = learn(History(observations), memory, Recipe(), view, maximize=True)
    pending = cube.features(points[n:])
    rng = np.random.default_rng(1)
    return Search(cube, model, pending, rng, recipe or Recipe(), sd_weight=view.sd_weight), model, memory


def anything(_: Points) -> bool:
    return True


def exact(model: Model, pending: Array) -> Posterior:
    assert model.exact is not None
    return model.exact.believing(pending)


def best_of_many(memory: Memory, model: Model, pending: Array, count: int = 60_000) -> float:
    assert memory.cube is not None
    points = memory.cube.snap(np.random.default_rng(7).random((count, len(memory.cube))))
    mean, sd = exact(model, pending).moments(memory.cube.features(points))
    return float((mean + model.view.sd_weight * sd).max())


def chosen(search_: Search) -> Choice:
    choice = search_.choose(anything)
    assert choice is not None
    return choice


@pytest.mark.parametrize("view", [TRENDS, BOWL], ids=lambda view: view.name)
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_the_choice_is_as_good_as_the_best_of_sixty_thousand(space: Space, view: View) -> None:
    search_, model, memory = searcher(space, view)
    assert chosen(search_).acquisition >= best_of_many(memory, model, search_._pending) - 0.02


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_a_search_by_sketch_chooses_nearly_as_well(monkeypatch: pytest.MonkeyPatch, space: Space) -> None:
    from bohpo.optimizer import model as model_module

    monkeypatch.setattr(model_module, "MOST_SEARCHED", 40)
    monkeypatch.setattr(model_module, "SKETCHED", 25)
    search_, model, memory = searcher(space, n=60)
    assert chosen(search_).acquisition >= best_of_many(memory, model, search_._pending) - 0.15


def test_climbing_pays() -> None:
    climbing, *_ = searcher(CONTINUOUS)
    candidates, *_ = searcher(CONTINUOUS, recipe=Recipe(climb=False))
    assert chosen(climbing).acquisition > chosen(candidates).acquisition


def test_the_acquisition_is_the_mean_and_a_share_of_the_deviation_that_pending_trials_shrink() -> None:
    search_, model, _ = searcher(MIXED)
    choice = chosen(search_)
    assert choice.acquisition <= choice.mean + model.view.sd_weight * choice.sd + 1e-9
    weight = model.view.sd_weight
    alone = Search(search_._cube, model, search_._pending[:0], np.random.default_rng(1), Recipe(), sd_weight=weight)
    choice = chosen(alone)
    assert choice.acquisition == pytest.approx(choice.mean + model.view.sd_weight * choice.sd)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_a_point_that_may_not_be_proposed_gives_way_to_the_next_best(space: Space) -> None:
    first = chosen(searcher(space)[0])
    second = searcher(space)[0].choose(lambda point: not np.allclose(point, first.point))
    assert second is not None
    assert not np.allclose(second.point, first.point)
    assert second.acquisition <= first.acquisition + 1e-9
    assert searcher(space)[0].choose(lambda _: False) is None


def test_a_small_space_is_searched_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Space((IntParameter("n", 1, 40), CategoricalParameter("c", (True, False))))
    search_, model, memory = searcher(small)
    monkeypatch.setattr(search, "MOST_LISTED", 10)
    assert memory.cube is not None
    everything = memory.cube.every_point(80)
    assert everything is not None
    features = memory.cube.features(everything)
    mean, sd = exact(model, search_._pending).moments(features)
    monkeypatch.undo()
    assert chosen(search_).acquisition == pytest.approx(float((mean + model.view.sd_weight * sd).max()))
