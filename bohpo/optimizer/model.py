"""From a history to a fitted model.

The values are standardised, and drawn together below their median in a view that looks closely at the good ones
(`scale`). A failure enters as the worst of the values, which keeps the search out of regions that fail.

What a proposal costs stays bounded as the history grows:

| trials                              | the search uses                      | the last choice uses         |
| ----------------------------------- | ------------------------------------ | ---------------------------- |
| up to `MOST_SEARCHED`, with pending | all                                  | the same                     |
| up to `MOST_EXACT` completed        | a sketch, then what is near its best | all, and the nearest pending |
| more                                | a sketch, then what is near its best | the same                     |

Hyperparameters are fitted to at most `MOST_FITTED` values, anew after every result while there are few, later when
their number has grown by a 32nd to a 16th part. A fit to many starts from that to fewer, see `_stage_before`: so the
chain of fits follows from the history alone.

How well a view foresees results is judged by the last stage of its chain, which is there already, see `foresight`.

Source:
    Rasmussen and Williams 2006, section 5.4.2 (leaving each value out in turn, in closed form).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohpo.optimizer.covariance import Array, Columns
from bohpo.optimizer.cube import Points
from bohpo.optimizer.fit import Hyperparameters, fit
from bohpo.optimizer.memory import Memory
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.protocol import History
from bohpo.optimizer.recipe import Recipe, View
from bohpo.optimizer.scale import Scale
from bohpo.trial import Observation

MOST_FITTED = 256
"""Hyperparameters are fitted to at most so many trials: the fit's cost grows with the cube of their number."""

COLD = 32
"""A fit to so many values or fewer starts from the middle of the priors."""

EVERY_RESULT = 64
"""Up to so many values are fitted after every result."""

STAGE = 4
"""Results from one stage to the next in the chain of fits, as long as they are made after every result."""

MOST_SEARCHED = 384
"""Completed and pending trials that are searched with at once: an evaluation's cost grows with their square."""

MOST_EXACT = 1_536
"""Completed trials, and with them the nearest pending ones, that the last choice is made with exactly."""

FEWEST_JUDGED = 8
"""Results that tell which view foresees them better; fewer tell nothing."""

SKETCHED = 256
"""Completed trials in the sketch: the best half of it, and others spread over the rest."""


@dataclass(frozen=True, slots=True)
class Data:
    """What is known about the objective, in numbers.

    Attributes:
        points: Completed trials in the order of their numbers, then failed ones, shape (n, d).
        features: Of these, shape (n, f).
        objective: In its own unit, shape (n,).
        variances: Measured, in its own unit squared, 0 where there is none, shape (n,).
        completed: How many of them have completed.
    """

    points: Points
    features: Array
    objective: Array
    variances: Array
    completed: int

    @classmethod
    def of(cls, history: History, memory: Memory, recipe: Recipe, *, maximize: bool) -> Data:
        """Place a history's completed and failed trials in the cube."""
        assert memory.cube is not None
        failed = history.failed if recipe.failures else ()
        configurations = [observation.configuration for observation in history.completed]
        points, active = memory.encode([*configurations, *failed])
        objective = np.array([observation.value for observation in history.completed])
        worst = objective.min() if maximize else objective.max()
        return cls(
            points,
            memory.cube.features(points, active),
            np.concatenate([objective, np.full(len(failed), worst)]),
            _variances(history.completed if recipe.measured_noise else (), len(points)),
            len(configurations),
        )

    def first(self, completed: int, failed: int) -> Data:
        """Give the first completed and the first failed trials."""
        return self._take(np.concatenate([np.arange(completed), self.completed + np.arange(failed)]), completed)

    def stage_before(self) -> Data:
        """Give the trials that the fit is made to which one to these starts from, see `_stage_before`."""
        count = _stage_before(len(self.points))
        return self._take(np.arange(count), min(count, self.completed))

    def _take(self, rows: Columns, completed: int) -> Data:
        taken = (self.points[rows], self.features[rows], self.objective[rows], self.variances[rows])
        return Data(*taken, completed)


class Model:
    """What a history says: posteriors over all of it, over a sketch of it, and around a place."""

    def __init__(
        self, data: Data, memory: Memory, hyperparameters: Hyperparameters, view: View, *, maximize: bool
    ) -> None:
        """Condition on the values.

        Raises:
            LinAlgError: If the covariance has no Cholesky factor.
        """
        assert memory.cube is not None
        self.layout, self.hyperparameters = memory.cube.layout, hyperparameters
        self.view = view
        self.scale = Scale.of(data.objective, data.completed, maximize=maximize, compress=view.compress)
        self._data, self._memory = data, memory
        self._values = self.scale.score(data.objective)
        self._noise = _limited(self.scale.score_variances(data.objective, data.variances))
        self.exact = self._condition_on_all() if len(self._values) <= MOST_EXACT else None
        mean = self._values if self.exact is None else self.exact.mean_of_values()
        self._ranked: Columns = np.argsort(-mean[: data.completed], kind="stable")

    @property
    def best(self) -> Points:
        """Completed points, best by posterior mean first, shape (n, d); by value where there are too many."""
        return self._data.points[self._ranked]

    def whole(self, pending: Array) -> Posterior | None:
        """Give the posterior over everything, None where a search cannot afford it.

        Args:
            pending: Features of what is running, shape (p, f).
        """
        affordable = len(self._values) + len(pending) <= MOST_SEARCHED
        return self.exact.believing(pending) if self.exact is not None and affordable else None

    def sketch(self, pending: Array) -> Posterior:
        """Give the posterior over as much as a search can afford; see `whole`."""
        rows = _best_and_spread(self._values, SKETCHED, SKETCHED // 2)
        nearest = self._nearest(pending, self._data.features[self._ranked[:4]], MOST_SEARCHED - len(rows))
        return self._condition(rows).believing(pending[nearest])

    def around(self, place: Array, pending: Array) -> Posterior:
        """Give the posterior over what is nearest to a place, as much as a search can afford.

        Args:
            place: Features of points, shape (k, f).
            pending: Features of what is running, shape (p, f).
        """
        rows = self._nearest(self._data.features, place, MOST_SEARCHED * 2 // 3)
        return self._condition(rows).believing(pending[self._nearest(pending, place, MOST_SEARCHED // 3)])

    def last(self, place: Array, pending: Array) -> Posterior | None:
        """Give the posterior that the last choice is made with, None where it is that of the search; see `around`."""
        if self.exact is None or len(self._values) + len(pending) <= MOST_SEARCHED:
            return None
        near = pending[self._nearest(pending, place, MOST_EXACT - len(self._values))]
        return self.exact.believing(near)

    def _condition_on_all(self) -> Posterior:
        grown_from = self._memory.posteriors.get(self.view)
        everything = (self._data.features, self._values, self._noise)
        posterior = Posterior(self.layout, self.hyperparameters, *everything, grown_from=grown_from)
        self._memory.posteriors[self.view] = posterior
        return posterior

    def _condition(self, rows: Columns) -> Posterior:
        chosen = (self._data.features[rows], self._values[rows], self._noise[rows])
        return Posterior(self.layout, self.hyperparameters, *chosen)

    def _nearest(self, features: Array, place: Array, count: int) -> Columns:
        """Give the rows of features that are nearest to any point of a place, at most `count`, in their order."""
        if len(features) <= count:
            return np.arange(len(features))
        root = np.exp(0.5 * self.hyperparameters.log_w)[self.layout.axes]
        rows, centres = features * root, place * root
        squared = np.square(rows).sum(axis=1)[:, None] - 2.0 * rows @ centres.T + np.square(centres).sum(axis=1)
        return np.sort(np.argpartition(squared.min(axis=1), count)[:count])


def learn(history: History, memory: Memory, recipe: Recipe, view: View, *, maximize: bool) -> Model:
    """Fit a model to the completed and failed trials of a history, with one completed trial at least; see `fitted`."""
    return fitted(Data.of(history, memory, recipe, maximize=maximize), memory, recipe, view, maximize=maximize)


def fitted(data: Data, memory: Memory, recipe: Recipe, view: View, *, maximize: bool) -> Model:
    """Fit a model to the completed and failed trials.

    Args:
        data: One completed trial at least.
        memory: Of the space; it changes speed only.
        recipe: The parts of the optimizer.
        view: How the model sees the trials.
        maximize: Whether greater values are better.

    Raises:
        ArithmeticError: If a hyperparameter is not finite.
        LinAlgError: If the covariance has no Cholesky factor.
    """
    hyperparameters = _fit_chain(_scheduled(data, recipe), memory, view, maximize=maximize)
    return Model(data, memory, hyperparameters, view, maximize=maximize)


def foresight(data: Data, memory: Memory, recipe: Recipe, view: View, *, maximize: bool) -> float:
    """Tell how well a view foresees results: the log density of each one given all others, summed, in nats.

    The densities are those of the objective in its own unit, so views that draw scores together differently compare.

    Args:
        data: Completed and failed trials.
        memory: Of the space; it changes speed only.
        recipe: The parts of the optimizer.
        view: How the model sees the trials.
        maximize: Whether greater values are better.

    Returns:
        0 where there are too few results to tell.

    Raises:
        ArithmeticError: If a hyperparameter is not finite.
        LinAlgError: If the covariance has no Cholesky factor.
    """
    known = _scheduled(data, recipe).stage_before()
    if known.completed < FEWEST_JUDGED:
        return 0.0
    key = _key(known, view)
    if key not in memory.foresights:
        hyperparameters = _fit_chain(known, memory, view, maximize=maximize)
        memory.keep_foresight(key, _left_out(_sample(known, view, maximize=maximize), memory, hyperparameters))
    return memory.foresights[key]


def _left_out(sample: Sample, memory: Memory, hyperparameters: Hyperparameters) -> float:
    """Sum the log densities of completed trials' objectives, each given all others."""
    assert memory.cube is not None
    posterior = Posterior(memory.cube.layout, hyperparameters, sample.features, sample.values, sample.variances)
    mean, variance = posterior.leave_one_out()
    densities = -0.5 * (np.log(2.0 * np.pi * variance) + np.square(sample.values - mean) / variance)
    densities += np.log(sample.scale.slope(sample.values))
    return float(densities[sample.is_completed].sum())


def _scheduled(data: Data, recipe: Recipe) -> Data:
    """Give the trials that hyperparameters are fitted to."""
    failed = scheduled(len(data.points) - data.completed)
    return data.first(data.completed if recipe.refit_always else scheduled(data.completed), failed)


def scheduled(count: int) -> int:
    """Give how many of the first results hyperparameters are fitted to, when there are `count`."""
    return count - count % (1 << count.bit_length() - 5) if count > EVERY_RESULT else count


@dataclass(frozen=True, slots=True)
class Sample:
    """What hyperparameters are fitted to.

    Attributes:
        features: Shape (n, f).
        values: Standardised, greater is better, shape (n,).
        variances: Measured, in the same unit, shape (n,).
        is_completed: Which of them have completed, shape (n,).
        scale: From the objective to the values.
    """

    features: Array
    values: Array
    variances: Array
    is_completed: NDArray[np.bool_]
    scale: Scale


def _sample(data: Data, view: View, *, maximize: bool) -> Sample:
    """Standardise the objective as a view does, and choose `MOST_FITTED` values at most."""
    scale = Scale.of(data.objective, data.completed, maximize=maximize, compress=view.compress)
    values = scale.score(data.objective)
    variances = _limited(scale.score_variances(data.objective, data.variances))
    chosen = _best_and_spread(values, MOST_FITTED, MOST_FITTED // 3)
    return Sample(data.features[chosen], values[chosen], variances[chosen], chosen < data.completed, scale)


def _fit_chain(data: Data, memory: Memory, view: View, *, maximize: bool) -> Hyperparameters:
    """Fit to trials, starting from the fit to the stage before, if they are many."""
    assert memory.cube is not None
    key = _key(data, view)
    if key in memory.fits:
        return memory.fits[key]
    start = None
    if len(data.points) > COLD:
        start = _fit_chain(data.stage_before(), memory, view, maximize=maximize)
    sample = _sample(data, view, maximize=maximize)
    fitted = fit(memory.cube.layout, sample.features, sample.values, sample.variances, view, start=start)
    return memory.keep_fit(key, fitted)


def _key(data: Data, view: View) -> bytes:
    """Give what a fit follows from."""
    return b"".join(array.tobytes() for array in (data.features, data.objective, data.variances)) + repr(view).encode()


def _stage_before(count: int) -> int:
    """Give how many of the first results the fit is made to that one to `count` starts from.

    The stage before is 1 to `STAGE` results back, where the optimum has hardly moved; that of many is the first half.
    """
    return (count - 1) // STAGE * STAGE if count < EVERY_RESULT else 1 << (count - 1).bit_length() - 1


def _best_and_spread(values: Array, count: int, best: int) -> Columns:
    """Give `count` rows: so many of the best, and others at equal ranks apart; all where there are not more."""
    if len(values) <= count:
        return np.arange(len(values))
    order = np.argsort(-values, kind="stable")
    others = np.linspace(best, len(values) - 1, count - best).round().astype(int)
    return np.sort(np.concatenate([order[:best], order[others]]))


def _variances(completed: tuple[Observation, ...], count: int) -> NDArray[np.float64]:
    """Give the measured variance of each value, shape (count,); the median of them where it was not measured."""
    measured = [observation.variance for observation in completed if observation.variance is not None]
    if not measured:
        return np.zeros(count)
    usual = float(np.median(measured))
    known = [usual if observation.variance is None else observation.variance for observation in completed]
    return np.array([*known, *[usual] * (count - len(known))])


def _limited(variances: Array) -> Array:
    """Scale variances of standardised values down to theirs, 1, where they exceed it on average.

    So much noise between the trials there cannot be, see the share in `bohpo.optimizer.fit`.
    """
    return np.asarray(variances / max(float(variances.mean()), 1.0))
