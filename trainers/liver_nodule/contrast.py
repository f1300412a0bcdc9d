"""How tissues take up and lose the contrast agent over the five phases of an EOB-MRI.

Gadoxetate first behaves like any contrast agent, then healthy hepatocytes take up half of it: in the hepatobiliary
phase the liver is bright, and what has no working hepatocytes is dark in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from trainers.cad.phantoms.fields import Floats


class Phase(StrEnum):
    """The phases, in their order of time and of a volume's channels."""

    PRECONTRAST = "precontrast"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    LATE = "late"
    HEPATOBILIARY = "hepatobiliary"


PHASES = tuple(Phase)

CURVES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "liver": (0.42, 0.50, 0.74, 0.76, 0.95),
        "vein": (0.30, 0.46, 1.00, 0.85, 0.46),
        "artery": (0.30, 1.25, 0.95, 0.82, 0.46),
        "spleen": (0.32, 0.80, 0.82, 0.74, 0.46),
        "muscle": (0.34, 0.37, 0.43, 0.44, 0.41),
        "fat": (0.14, 0.14, 0.15, 0.15, 0.15),
        "lung": (0.03, 0.03, 0.03, 0.03, 0.03),
        "bile": (0.22, 0.22, 0.22, 0.26, 1.20),
        "progressed_hcc": (0.38, 0.84, 0.66, 0.58, 0.44),
        "early_hcc": (0.40, 0.50, 0.66, 0.62, 0.52),
        "capsule": (0.36, 0.46, 0.78, 0.90, 0.50),
        "metastasis_rim": (0.32, 0.66, 0.62, 0.58, 0.42),
        "metastasis_core": (0.28, 0.34, 0.42, 0.48, 0.44),
        "cyst": (0.16, 0.16, 0.16, 0.16, 0.16),
        "haemangioma_pool": (0.28, 1.10, 0.95, 0.78, 0.46),
        "haemangioma": (0.28, 0.34, 0.62, 0.70, 0.46),
        "benign_nodule": (0.42, 0.95, 0.86, 0.84, 1.06),
        "shunt": (0.42, 0.80, 0.76, 0.76, 0.94),
    }
)
"""Signal of T1-weighted gradient echoes in the five phases; the liver before contrast is 0.42, 1 a full portal vein."""

TIMING_SPREAD = (0.0, 0.3, 0.2, 0.2, 0.0)
"""Greatest displacement of a phase in time, in intervals between phases: the arterial one is missed most easily."""


@dataclass(frozen=True, slots=True, eq=False)
class Uptake:
    """How one patient's tissues enhance in one examination.

    Attributes:
        timing: (5,) when each phase was taken, 0 for precontrast to 4 for hepatobiliary, not always whole numbers.
        liver_function: Share of the hepatobiliary uptake that the liver still has; 1 is healthy.
    """

    timing: Floats
    liver_function: float

    @classmethod
    def draw(cls, rng: Generator, liver_function: float) -> Uptake:
        """Draw when the phases were taken."""
        timing = np.arange(len(PHASES)) + rng.uniform(-1, 1, size=len(PHASES)) * TIMING_SPREAD
        return cls(timing, liver_function)

    def curve(self, tissue: str) -> Floats:
        """Give the signal (5,) of a tissue in the five phases.

        Args:
            tissue: Key of `CURVES`.
        """
        signal = np.array(CURVES[tissue])
        if tissue in HEPATOCYTES:
            signal[-1] = signal[2] + self.liver_function * (signal[-1] - signal[2])
        elif tissue == "bile":
            signal[-1] = signal[0] + self.liver_function**2 * (signal[-1] - signal[0])
        enhanced: Floats = np.interp(self.timing, np.arange(len(PHASES)), signal)
        return enhanced


HEPATOCYTES = ("liver", "benign_nodule", "shunt")
"""Tissues that take the agent up as far as the liver works."""
