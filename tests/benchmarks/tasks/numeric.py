"""Tasks whose parameters are all numbers: one with noise, a small smooth one, one whose noise is measured."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bohpo.space import FloatParameter, Space
from bohpo.trial import Configuration
from tests.benchmarks.tasks.task import SyntheticTask, number, vector


class NoisyHartmann(SyntheticTask):
    """Six floats, four hills of which one is the highest, and noise.

    Source:
        Hartman 1973; constants as in Dixon and Szegö 1978.
    """

    names: ClassVar[tuple[str, ...]] = tuple(f"x{axis}" for axis in range(6))
    space = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in names))
    noise_sd = 0.1
    heights: ClassVar = np.array([1.0, 1.2, 3.0, 3.2])
    widths: ClassVar = np.array(
        [
            [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
            [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
            [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
            [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
        ]
    )
    centres: ClassVar = np.array(
        [
            [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
            [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
            [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
            [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
        ]
    )

    @property
    def optimum(self) -> Configuration:
        """Give the top of the highest hill."""
        return dict(zip(self.names, (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573), strict=True))

    def score(self, parameters: Configuration) -> float:
        """Give the height."""
        distances = (self.widths * (vector(parameters, self.names) - self.centres) ** 2).sum(axis=1)
        return float(self.heights @ np.exp(-distances))


class BraninCurrin(SyntheticTask):
    """Four floats, three of them on a log scale: smooth, hardly any noise, and won by the last digits.

    The logarithm of Branin's function of the first two, plus Currin's of the others.

    Source:
        Branin 1972; Currin, Mitchell, Morris, Ylvisaker 1991.
    """

    space = Space(
        (
            FloatParameter("learning_rate", 1e-5, 1.0, log=True),
            FloatParameter("momentum", 0.0, 0.99),
            FloatParameter("weight_decay", 1e-7, 1e-1, log=True),
            FloatParameter("epsilon", 1e-9, 1e-3, log=True),
        )
    )
    noise_sd = 0.01
    minutes = 2.0
    least_branin: ClassVar[float] = 0.3978873577297382

    @property
    def optimum(self) -> Configuration:
        """Give one of the three."""
        point = np.array([(math.pi + 5.0) / 15.0, 2.275 / 15.0, 0.2166666, 0.0])
        return self.space.decode(point)

    def score(self, parameters: Configuration) -> float:
        """Give the sum of both functions, each with a range of a few units."""
        u, v, x, y = self.space.encode(parameters)
        branin = _branin(15.0 * float(u) - 5.0, 15.0 * float(v))
        return 0.2 * _currin(float(x), float(y)) - 0.5 * math.log(branin / self.least_branin)


class MeasuredNoise(SyntheticTask):
    """Five floats, a rippled bowl; every training measures its variance, which is small here and large there.

    As with a score over few or many validation cases. The noise lies in stripes across the bowl, so quiet and loud
    trainings are neighbours.
    """

    names: ClassVar[tuple[str, ...]] = tuple(f"x{axis}" for axis in range(5))
    space = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in names))
    centre: ClassVar = np.array([0.27, 0.71, 0.38, 0.83, 0.16])
    quiet_sd: ClassVar[float] = 0.004
    loud_sd: ClassVar[float] = 0.08

    @property
    def optimum(self) -> Configuration:
        """Give the bottom of the bowl, upside down."""
        return dict(zip(self.names, map(float, self.centre), strict=True))

    def score(self, parameters: Configuration) -> float:
        """Give the negative height above the bottom."""
        offset = vector(parameters, self.names) - self.centre
        turned = offset + 0.6 * np.roll(offset, 1)
        return -float((turned**2 + 0.02 * (1.0 - np.cos(4.0 * np.pi * turned))).sum())

    def sd(self, parameters: Configuration) -> float:
        """Give the standard deviation of a training here."""
        wave = 0.5 + 0.5 * math.sin(11.0 * number(parameters, "x0") + 7.0 * number(parameters, "x1"))
        return self.quiet_sd * math.exp(wave * math.log(self.loud_sd / self.quiet_sd))

    def variance(self, parameters: Configuration) -> float:
        """Measure the variance exactly."""
        return self.sd(parameters) ** 2


def _branin(x: float, y: float) -> float:
    curve = y - 5.1 / (4.0 * math.pi**2) * x**2 + 5.0 / math.pi * x - 6.0
    return curve**2 + 10.0 * (1.0 - 1.0 / (8.0 * math.pi)) * math.cos(x) + 10.0


def _currin(x: float, y: float) -> float:
    slope = 1.0 - math.exp(-0.5 / y) if y > 0.0 else 1.0
    rise = ((2300.0 * x + 1900.0) * x + 2092.0) * x + 60.0
    return slope * rise / (((100.0 * x + 500.0) * x + 4.0) * x + 20.0)
