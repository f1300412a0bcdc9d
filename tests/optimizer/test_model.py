"""A history as a model: failures, variances, a schedule of fits, and a cost that stays bounded."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from bohpo.optimizer import History, Memory, Recipe, model
from bohpo.optimizer.covariance import Array, Layout
from bohpo.optimizer.fit import Hyperparameters, fit
from bohpo.optimizer.model import Model, learn, scheduled
from bohpo.optimizer.recipe import BOWL, TRENDS, View
from bohpo.trial import Observation
from tests.optimizer.test_gaussian_process import SPACE, observed


def model_of(
    history: History, view: View = TRENDS, recipe: Recipe | None = None, memory: Memory | None = None
) -> Model:
    memory = memory or Memory()
    memory.cube_of(SPACE)
    return learn(history, memory, recipe or Recipe(), view, maximize=True)


def features(memory: Memory, history: History) -> np.ndarray:
    return memory.cube_of(SPACE).features(*memory.encode([o.configuration for o in history.completed]))


def sizes_of_fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have a list grow by the number of values of each fit from now on."""
    sizes: list[int] = []

    def counting(layout: Layout, features: Array, *args: Any, **keywords: Any) -> Hyperparameters:
        sizes.append(len(features))
        return fit(layout, features, *args, **keywords)

    monkeypatch.setattr(model, "fit", counting)
    return sizes


def test_the_best_points_come_first() -> None:
    history = History(observed(30))
    memory = Memory()
    best = model_of(history, memory=memory).best
    points, _ = memory.encode([o.configuration for o in history.completed])
    values = np.array([o.value for o in history.completed])
    top = {row.tobytes() for row in points[np.argsort(-values)[:5]]}
    assert len({row.tobytes() for row in best[:5]} & top) >= 4


def test_a_failure_enters_as_the_worst_value() -> None:
    observations = observed(20)
    failed = observed(21)[-1].configuration
    worst = min(observation.value for observation in observations)
    memory = Memory()
    at = features(memory, History(observations))
    predicted = []
    for history in (History(observations, (failed,)), History((*observations, Observation(failed, worst)))):
        learned = model_of(history, BOWL, memory=memory)
        assert learned.exact is not None
        predicted.append([learned.scale.objective(float(score)) for score in learned.exact.moments(at)[0]])
    np.testing.assert_allclose(np.array(predicted[0]), np.array(predicted[1]), atol=1e-3)
    ignoring = model_of(History(observations, (failed,)), recipe=Recipe(failures=False))
    assert ignoring.exact is not None
    assert len(ignoring.exact.values) == 20


@pytest.mark.parametrize("view", [TRENDS, BOWL], ids=lambda view: view.name)
def test_predictions_are_in_the_objectives_unit(view: View) -> None:
    plain = observed(40)
    scaled = tuple(Observation(o.configuration, 300.0 + 20.0 * o.value) for o in plain)
    for observations, unit, centre in ((plain, 1.0, 0.0), (scaled, 20.0, 300.0)):
        memory = Memory()
        history = History(observations)
        learned = model_of(history, view, memory=memory)
        assert learned.exact is not None
        mean, _ = learned.exact.moments(features(memory, history))
        predicted = np.array([learned.scale.objective(float(score)) for score in mean])
        error = (predicted - [o.value for o in observations]) / unit
        assert np.sqrt(np.square(error).mean()) < 0.15
        assert abs((predicted.mean() - centre) / unit) < 2.0


def test_fits_are_made_after_every_result_at_first_and_then_by_schedule() -> None:
    assert [scheduled(count) for count in range(33)] == list(range(33))
    assert {scheduled(count) for count in range(1000, 1200)} == {960, 1024, 1152}
    for count in (33, 65, 100, 333, 1000, 99_999):
        assert 0 <= count - scheduled(count) < count / 8


def test_a_scheduled_fit_is_not_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sizes_of_fits(monkeypatch)
    memory, observations = Memory(), observed(103)
    for count in range(92, 102):
        model_of(History(observations[:count]), memory=memory)
    assert sizes == [32, 64, 88, 96]
    model_of(History(observations[:101]), recipe=Recipe(refit_always=True), memory=memory)
    assert sizes == [32, 64, 88, 96, 101]


@pytest.mark.parametrize(("recipe", "fitted"), [(Recipe(), 20 + 32), (Recipe(refit_always=True), 20 + 35)])
def test_failures_are_fitted_to_by_the_same_schedule(
    recipe: Recipe, fitted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = sizes_of_fits(monkeypatch)
    observations = observed(55)
    failed = tuple(observation.configuration for observation in observations[20:])
    model_of(History(observations[:20], failed), recipe=recipe)
    assert sizes[-1] == fitted


@pytest.mark.parametrize(
    ("count", "stages"),
    [
        (32, [32]),
        (43, [32, 36, 40]),
        (44, [32, 36, 40, 44]),
        (64, [32, 64]),
        (300, [32, 64, 128, 256, 256]),  # the last one to 256 of the first 288
    ],
)
def test_a_fit_to_many_starts_from_that_to_fewer(
    count: int, stages: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[tuple[int, bool]] = []

    def watching(
        layout: Layout, features: Array, *args: Any, start: Hyperparameters | None, **_: Any
    ) -> Hyperparameters:
        starts.append((len(features), start is not None))
        return fit(layout, features, *args, start=start)

    monkeypatch.setattr(model, "fit", watching)
    model_of(History(observed(count)))
    assert starts == [(size, number > 0) for number, size in enumerate(stages)]


def test_a_long_history_is_searched_by_a_sketch_and_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_SEARCHED", 24)
    monkeypatch.setattr(model, "SKETCHED", 16)
    memory, history = Memory(), History(observed(60))
    learned = model_of(history, memory=memory)
    pending = features(memory, History(observed(90)[60:]))
    sketch = learned.sketch(pending)
    assert (len(sketch.values), len(sketch.features)) == (16, 24)
    place = pending[:2]
    around = learned.around(place, pending)
    assert (len(around.values), len(around.features)) == (16, 24)
    assert learned.whole(pending) is None
    last = learned.last(place, pending)
    assert last is not None
    assert (len(last.values), len(last.features)) == (60, 90)
    exact_mean, exact_sd = last.moments(place)
    mean, sd = around.moments(place)
    np.testing.assert_allclose(mean, exact_mean, atol=0.5)
    np.testing.assert_allclose(sd, exact_sd, atol=0.3)


def test_beyond_the_exact_the_last_choice_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MOST_SEARCHED", 24), ("SKETCHED", 16), ("MOST_EXACT", 40)):
        monkeypatch.setattr(model, name, value)
    memory, history = Memory(), History(observed(60))
    learned = model_of(history, memory=memory)
    assert learned.exact is None
    pending = features(memory, History(observed(90)[60:]))
    assert learned.last(pending[:2], pending) is None
    assert len(learned.around(pending[:2], pending).features) == 24
    values = [observation.value for observation in history.completed]
    points, _ = memory.encode([o.configuration for o in history.completed])
    np.testing.assert_array_equal(learned.best[0], points[int(np.argmax(values))])


def test_a_short_history_is_searched_as_a_whole() -> None:
    memory, history = Memory(), History(observed(60))
    learned = model_of(history, memory=memory)
    pending = features(memory, History(observed(70)[60:]))
    whole = learned.whole(pending)
    assert whole is not None
    assert (len(whole.values), len(whole.features)) == (60, 70)
    assert learned.last(pending, pending) is None


def test_measured_variances_can_be_left_out() -> None:
    loud = tuple(dataclasses.replace(o, variance=0.5) for o in observed(20))
    memory = Memory()
    using, ignoring = (
        model_of(History(loud), recipe=Recipe(measured_noise=kept), memory=memory) for kept in (True, False)
    )
    assert using.exact is not None
    assert ignoring.exact is not None
    assert (using.exact.variances > 0).all()
    assert (ignoring.exact.variances == 0).all()
