"""The tasks that ship have the scale that they claim, and are what they are called."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from bohpo.errors import UsageError
from bohpo.trial import Configuration
from tests.benchmarks.tasks import FAILED_REGRET, PUBLIC, SyntheticTask, load_task, task_names
from tests.benchmarks.tasks.mixed import MixedAckley
from tests.benchmarks.tasks.network import Network, diverges, memory
from tests.benchmarks.tasks.numeric import BraninCurrin, MeasuredNoise, NoisyHartmann
from tests.benchmarks.tasks.task import random_configurations

OTHER_SEED = 1
"""Not the one that the scale was made with."""


@pytest.fixture(params=sorted(PUBLIC))
def task(request: pytest.FixtureRequest) -> SyntheticTask:
    made = load_task(request.param)
    assert isinstance(made, SyntheticTask)
    return made


def regrets(task: SyntheticTask, count: int = 500) -> list[float]:
    return [task.regret(drawn) for drawn in random_configurations(task.space, count, OTHER_SEED)]


def neighbours(task: SyntheticTask, configuration: Configuration, count: int) -> list[Configuration]:
    """Move some coordinates of a configuration, near and far."""
    rng = np.random.default_rng(0)
    point = task.space.encode(configuration)
    steps = rng.normal(size=(count, len(point))) * 10 ** rng.uniform(-5.0, -0.3, size=(count, 1))
    moved = point + steps * (rng.random((count, len(point))) < 0.4)
    return [task.space.decode(np.clip(each, 0.0, 1.0 - 1e-9)) for each in moved]


def test_the_best_known_configuration_has_no_regret_and_can_be_proposed(task: SyntheticTask) -> None:
    assert task.regret(task.space.check(task.optimum)) == pytest.approx(0.0, abs=1e-9)


def test_no_random_configuration_beats_the_best_known(task: SyntheticTask) -> None:
    assert min(regrets(task)) >= -1e-9


def test_no_neighbour_beats_the_best_known(task: SyntheticTask) -> None:
    assert min(task.regret(moved) for moved in neighbours(task, task.optimum, 300)) >= -1e-9


def test_the_median_random_configuration_has_regret_one(task: SyntheticTask) -> None:
    succeeding = [
        task.regret(drawn) for drawn in random_configurations(task.space, 500, OTHER_SEED) if not failed(task, drawn)
    ]
    assert np.median(succeeding) == pytest.approx(1.0, abs=0.15)


def test_neither_the_centre_nor_luck_solves_a_task(task: SyntheticTask) -> None:
    assert task.regret(task.space.default) > 0.2
    assert np.quantile(regrets(task), 0.05) > 0.05


def test_a_trial_is_asked_for_exactly_the_active_parameters(task: SyntheticTask) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        parameters = task.suggest(trial)
        assert task.space.check(parameters) == pytest.approx(dict(parameters))
        assert trial.params == parameters


def test_noise_and_duration_follow_from_the_random_numbers(task: SyntheticTask) -> None:
    again = [task.evaluate(task.optimum, np.random.default_rng(0)) for _ in range(2)]
    assert again[0] == again[1] != task.evaluate(task.optimum, np.random.default_rng(1))


def test_scores_scatter_as_they_claim(task: SyntheticTask) -> None:
    rng = np.random.default_rng(0)
    drawn = random_configurations(task.space, 50, OTHER_SEED)
    configuration = next(each for each in drawn if not failed(task, each) and not is_clipped(task, each))
    scores = [task.evaluate(configuration, rng)[0] for _ in range(400)]
    assert np.std(scores) == pytest.approx(task.sd(configuration), rel=0.15)
    assert np.mean(scores) == pytest.approx(task.score(configuration), abs=4 * task.sd(configuration) / 20)


def test_hartmann_has_the_published_hills() -> None:
    """Two of its maxima: 3.32237, the greatest, and 3.2032."""
    task = NoisyHartmann()
    assert task.score(task.optimum) == pytest.approx(3.32237, abs=1e-5)
    second = (0.40465, 0.88244, 0.84610, 0.57399, 0.13893, 0.03850)
    assert task.score(dict(zip(task.names, second, strict=True))) == pytest.approx(3.2032, abs=1e-4)


def test_branin_and_currin_have_the_published_extremes() -> None:
    """Branin's least value 0.397887 is shifted to 0; Currin's greatest is 13.7987."""
    task = BraninCurrin()
    assert task.score(task.optimum) == pytest.approx(0.2 * 13.7987, abs=1e-4)
    elsewhere = task.space.encode(task.optimum)
    elsewhere[:2] = (3 * math.pi + 5) / 15, 2.475 / 15  # another of Branin's three minima
    assert task.score(task.space.decode(elsewhere)) == pytest.approx(task.score(task.optimum), abs=1e-4)


def test_ackley_by_hand() -> None:
    task = MixedAckley()
    x, k = (6.1, -3.7, 2.2), (4, -6)  # where "north" has its hole

    def score(shift: str, step: float) -> float:
        floats = dict(zip(task.names[:3], (each + step for each in x), strict=True))
        return task.score({"shift": shift, **floats, "k0": k[0] + 1, "k1": k[1] + 1})

    # all offsets 1: no ripple, root of the mean square 1
    assert score("north", 1.0) == pytest.approx(-20 * (1 - math.exp(-0.2)))
    # three offsets 1/2, two 1: mean cosine (-3 + 2) / 5, mean square (3 / 4 + 2) / 5
    slope, ripple = 20 * (1 - math.exp(-0.2 * math.sqrt(0.55))), math.e - math.exp(-0.2)
    assert score("north", 0.5) == pytest.approx(-slope - ripple)
    handicapped = dict(zip(task.names, task.shifts["west"], strict=True))
    assert task.score({"shift": "west", **handicapped}) == pytest.approx(-2.4)


def test_measured_variance_differs_much_from_trial_to_trial() -> None:
    task = MeasuredNoise()
    variances = [task.variance(drawn) for drawn in random_configurations(task.space, 100, OTHER_SEED)]
    assert max(variances) / min(variances) > 100


def test_trainings_of_the_network_fail_in_a_region_that_is_neither_rare_nor_everything() -> None:
    task = Network()
    drawn = random_configurations(task.space, 1000, OTHER_SEED)
    diverged = np.array([diverges(configuration) for configuration in drawn])
    too_large = np.array([memory(configuration) > task.memory_limit for configuration in drawn])
    assert 0.05 < diverged.mean() < 0.4
    assert 0.05 < too_large.mean() < 0.4
    for configuration, fails in zip(drawn, diverged | too_large, strict=True):
        value, seconds = task.evaluate(configuration, np.random.default_rng(0))
        assert math.isnan(value) == fails == (task.regret(configuration) == FAILED_REGRET)
        assert seconds > 0
    assert len(task.space) == 17
    assert sum(bool(parameter.when) for parameter in task.space.parameters) == 4


def test_names_are_given_one_by_one_and_by_group() -> None:
    assert task_names("all") == task_names("shipped") == list(PUBLIC)
    assert task_names("network-17,hartmann-noisy,network-17") == ["network-17", "hartmann-noisy"]
    assert task_names("catalogue") == []


def test_an_unknown_task_is_refused_with_a_remedy() -> None:
    with pytest.raises(UsageError, match="did you mean 'network-17'"):
        task_names("netwrok-17")
    with pytest.raises(UsageError, match=r"there are hartmann-noisy, .*--catalogue"):
        load_task("lcbench/1")


def is_clipped(task: SyntheticTask, configuration: Configuration) -> bool:
    """Whether noise would carry the network's score below zero."""
    return isinstance(task, Network) and task.score(configuration) < 5 * task.noise_sd


def failed(task: SyntheticTask, configuration: Configuration) -> bool:
    return math.isnan(task.score(configuration))
