"""Tasks with whole numbers, choices and conditions among their parameters."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Configuration
from tests.benchmarks.tasks.task import SyntheticTask, number, vector

OPERATIONS = ("none", "skip", "narrow", "wide", "pool")
"""What every edge of `PairwiseChoices` may be."""


class MixedAckley(SyntheticTask):
    """Ackley's function of three floats and two whole numbers, moved elsewhere by a choice.

    Source:
        Ackley 1987.
    """

    names: ClassVar[tuple[str, ...]] = ("x0", "x1", "x2", "k0", "k1")
    shifts: ClassVar[dict[str, tuple[float, ...]]] = {
        "north": (6.1, -3.7, 2.2, 4.0, -6.0),
        "east": (-5.3, 7.9, -1.4, -3.0, 5.0),
        "south": (2.6, 4.4, 8.3, 7.0, 2.0),
        "west": (-8.2, -6.5, 3.9, -5.0, -7.0),
    }
    handicaps: ClassVar[dict[str, float]] = {"north": 0.0, "east": 0.8, "south": 1.6, "west": 2.4}
    space = Space(
        (
            CategoricalParameter("shift", ("west", "north", "south", "east")),
            *(FloatParameter(name, -16.0, 16.0) for name in names[:3]),
            *(IntParameter(name, -12, 12) for name in names[3:]),
        )
    )
    noise_sd = 0.1

    @property
    def optimum(self) -> Configuration:
        """Give the hole that the choice without a handicap moves here."""
        x0, x1, x2, k0, k1 = self.shifts["north"]
        return {"shift": "north", "x0": x0, "x1": x1, "x2": x2, "k0": int(k0), "k1": int(k1)}

    def score(self, parameters: Configuration) -> float:
        """Give the negative height above the hole, and the handicap of the choice."""
        shift = str(parameters["shift"])
        offset = vector(parameters, self.names) - self.shifts[shift]
        ripple = math.exp(float(np.cos(2.0 * np.pi * offset).mean())) - math.e
        slope = 20.0 * (1.0 - math.exp(-0.2 * math.sqrt(float((offset**2).mean()))))
        return ripple - slope - self.handicaps[shift]


class ConditionalRosenbrock(SyntheticTask):
    """A curved valley of two floats and a whole number; what it is like is a choice, and one choice has a twist.

    Source:
        Rosenbrock 1960, in three dimensions.
    """

    space = Space(
        (
            CategoricalParameter("valley", ("wide", "narrow", "twisted")),
            FloatParameter("x", -2.0, 2.0),
            FloatParameter("y", -1.0, 3.0),
            IntParameter("k", -6, 10),
            FloatParameter("twist", -1.0, 1.0, when={"valley": ("twisted",)}),
            IntParameter("shoulder", 1, 9, when={"valley": ("narrow",)}),
        )
    )
    steepness: ClassVar[dict[str, float]] = {"wide": 5.0, "narrow": 80.0, "twisted": 25.0}
    noise_sd = 0.05
    minutes = 4.0

    @property
    def optimum(self) -> Configuration:
        """Give the end of the twisted valley."""
        return {"valley": "twisted", "x": 1.0, "y": 1.0, "k": 4, "twist": 0.35}

    def score(self, parameters: Configuration) -> float:
        """Give the negative logarithm of the height, so that the bottom counts as much as the walls."""
        x, y, z = number(parameters, "x"), number(parameters, "y"), number(parameters, "k") / 4.0
        walls = (y - x**2) ** 2 + (z - y**2) ** 2
        height = self.steepness[str(parameters["valley"])] * walls + (1.0 - x) ** 2 + (1.0 - y) ** 2
        return -math.log1p(height + _height_of_choice(parameters))


class PairwiseChoices(SyntheticTask):
    """Six choices of five, exhaustively known: additive effects, an effect of every pair, and skewed scores.

    Most configurations are good, some very bad, and the best ones are near each other, as accuracies are.
    """

    names: ClassVar[tuple[str, ...]] = tuple(f"edge{edge}" for edge in range(6))
    space = Space(tuple(CategoricalParameter(name, OPERATIONS) for name in names))
    noise_sd = 0.03
    pair_share: ClassVar[float] = 0.5
    """Standard deviation of a pair's effect over that of a single choice's."""

    def __init__(self, seed: int = 0) -> None:
        """Draw the effects.

        Args:
            seed: Of the effects; another seed is another task.
        """
        rng = np.random.default_rng(seed)
        count, options = len(self.names), len(OPERATIONS)
        single = rng.normal(size=(count, options))
        pairs = self.pair_share * rng.normal(size=(count, count, options, options))
        index = np.indices((options,) * count)
        total = sum(single[edge][index[edge]] for edge in range(count))
        for edge in range(count):
            for other in range(edge):
                total = total + pairs[edge, other][index[edge], index[other]]
        self._scores = -np.exp(-0.8 * (total - total.mean()) / total.std())

    @property
    def optimum(self) -> Configuration:
        """Give the best of all."""
        best = np.unravel_index(int(self._scores.argmax()), self._scores.shape)
        return {name: OPERATIONS[int(option)] for name, option in zip(self.names, best, strict=True)}

    def score(self, parameters: Configuration) -> float:
        """Look the score up."""
        return float(self._scores[tuple(OPERATIONS.index(str(parameters[name])) for name in self.names)])


def _height_of_choice(parameters: Configuration) -> float:
    """Lift each valley above the best one by what its own parameters leave to be gained."""
    match parameters["valley"]:
        case "twisted":
            return 6.0 * (number(parameters, "twist") - 0.35) ** 2
        case "narrow":
            return 0.3 + 0.1 * abs(number(parameters, "shoulder") - 7.0)
        case _:
            return 0.6
