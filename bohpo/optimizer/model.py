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
their number has grown by a 16th to an 8th part. A fit to many starts from that to fewer, see `_stage_before`: so the
chain of fits follows from the history alone.
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

EVERY_RESULT = 32
"""Up to so many values are fitted after every result, from the middle of the priors."""

STAGED = 64
STAGE = 4
"""With fewer values than that, stages in the chain of fits are so many results apart; with more, each is the half."""

MOST_SEARCHED = 384
"""Completed and pending trials that are searched with at once: an evaluation's cost grows with their square."""

MOST_EXACT = 1_536
"""Completed trials, and with them the nearest pending ones, that the last choice is made with exactly."""

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

    def take(self, rows: Columns) -> tuple[Array, Array, Array]:
        """Give features, objective and variances of some rows."""
        return self.features[rows], self.objective[rows], self.variances[rows]


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
    """Fit a model to the completed and failed trials.

    Args:
        history: With one completed trial at least.
        memory: Of the space; it changes speed only.
        recipe: The parts of the optimizer.
        view: How the model sees the trials.
        maximize: Whether greater values are better.

    Raises:
        ArithmeticError: If a hyperparameter is not finite.
        LinAlgError: If the covariance has no Cholesky factor.
    """
    data = Data.of(history, memory, recipe, maximize=maximize)
    completed, failed = data.completed, len(data.points) - data.completed
    if not recipe.refit_always:
        completed, failed = scheduled(completed), scheduled(failed)
    rows = np.concatenate([np.arange(completed), data.completed + np.arange(failed)])
    hyperparameters = _fit_chain(data, rows, memory, view, maximize=maximize)
    return Model(data, memory, hyperparameters, view, maximize=maximize)


def scheduled(count: int) -> int:
    """Give how many of the first results hyperparameters are fitted to, when there are `count`."""
    return count - count % (1 << count.bit_length() - 4) if count > EVERY_RESULT else count


def _fit_chain(data: Data, rows: Columns, memory: Memory, view: View, *, maximize: bool) -> Hyperparameters:
    """Fit to some rows, starting from the fit to the stage before, if they are many."""
    assert memory.cube is not None
    layout = memory.cube.layout
    features, objective, variances = data.take(rows)
    key = b"".join(array.tobytes() for array in (features, objective, variances)) + repr(view).encode()
    if key in memory.fits:
        return memory.fits[key]
    start = None
    if len(rows) > EVERY_RESULT:
        start = _fit_chain(data, rows[: _stage_before(len(rows))], memory, view, maximize=maximize)
    completed = int((rows < data.completed).sum())
    scale = Scale.of(objective, completed, maximize=maximize, compress=view.compress)
    values, noise = scale.score(objective), _limited(scale.score_variances(objective, variances))
    chosen = _best_and_spread(values, MOST_FITTED, MOST_FITTED // 3)
    fitted = fit(layout, features[chosen], values[chosen], noise[chosen], view, start=start)
    return memory.keep_fit(key, fitted)


def _stage_before(count: int) -> int:
    """Give how many of the first results the fit is made to that one to `count` starts from.

    The stage before is 1 to `STAGE` results back, where the optimum has hardly moved; that of many is the first half.
    """
    return (count - 1) // STAGE * STAGE if count < STAGED else 1 << (count - 1).bit_length() - 1


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
