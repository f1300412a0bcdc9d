"""Between the objective in its own unit and standardised scores of which greater is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


DEEPEST = 1e100
"""What lies further from the median than this many units counts as this far: its square has to fit a number."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A monotone map from the objective to scores of mean 0 and standard deviation 1.

    Scores below the median may be drawn together, log(1 + depth), so that runs which diverged leave the good ones far
    enough apart to be told from one another.

    Attributes:
        sign: 1 to maximize, -1 to minimize.
        median: Of the objective times the sign.
        unit: Root mean square of what lies above the median; 1 where nothing does.
        compress: Whether what lies below the median is drawn together.
        centre: Mean of what comes out so.
        spread: Standard deviation of the same, 1 where it has none.
    """

    sign: float
    median: float
    unit: float
    compress: bool
    centre: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, objective: Array, completed: int, *, maximize: bool, compress: bool) -> Scale:
        """Give the scale of an objective.

        Args:
            objective: In its own unit, shape (n,).
            completed: So many of them, the first, were measured.
            maximize: Whether greater is better.
            compress: Whether to draw low scores together.
        """
        sign = 1.0 if maximize else -1.0
        measured = sign * objective[:completed]
        median = float(np.median(measured))
        above = measured[measured >= median] - median
        largest = float(above.max()) or 1.0  # taken out of the square, which may not fit a number
        raw = cls(sign, median, largest * float(np.sqrt(np.square(above / largest).mean())) or 1.0, compress)
        scores = raw.score(objective)
        return cls(sign, median, raw.unit, compress, float(scores.mean()), float(scores.std()) or 1.0)

    def score(self, objective: Array) -> Array:
        """Give the scores of an objective, shape (n,) in and out."""
        depth = np.clip((self.sign * objective - self.median) / self.unit, -DEEPEST, DEEPEST)
        if self.compress:
            depth = np.where(depth < 0.0, -np.log1p(np.maximum(-depth, 0.0)), depth)
        return (depth - self.centre) / self.spread

    def score_variances(self, objective: Array, variances: Array) -> Array:
        """Give the variances of scores whose objective has these variances, shape (n,)."""
        return np.asarray(variances * np.square(self._slope(self.score(objective))))

    def objective(self, score: float) -> float:
        """Give the objective that a score stands for."""
        depth = self.centre + self.spread * score
        if self.compress and depth < 0.0:
            depth = -float(np.expm1(-depth))
        return self.sign * (self.median + self.unit * depth)

    def objective_sd(self, score: float, sd: float) -> float:
        """Give the standard deviation of the objective around a score that has one, to first order."""
        return sd / float(self._slope(np.array(score)))

    def _slope(self, score: Array) -> Array:
        """Differentiate scores with respect to the objective, up to its sign."""
        depth = self.centre + self.spread * score
        below = np.where(depth < 0.0, np.exp(np.minimum(depth, 0.0)), 1.0) if self.compress else 1.0
        return np.asarray(below / (self.unit * self.spread))
