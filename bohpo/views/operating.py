"""Where on its measured curve a detector may be run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohpo.evaluation import CPM_FPS_PER_CASE
from bohpo.trial import Curve

FROC = "froc"
"""Name of the curve whose abscissae are false positives per case."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A point of an FROC curve that a trainer measured.

    Attributes:
        fps_per_case: False positives per case.
        sensitivity: Share of the lesions that are detected there.
        interval: 95% interval of the sensitivity, or None where the curve has no band.
    """

    fps_per_case: float
    sensitivity: float
    interval: tuple[float, float] | None

    @property
    def words(self) -> str:
        """The point as one line."""
        spread = "" if self.interval is None else f" ({self.interval[0]:.3f} to {self.interval[1]:.3f})"
        return f"sensitivity {self.sensitivity:.3f}{spread} at {self.fps_per_case:g} false positives per case"


def operating_points(curve: Curve, name: str = FROC) -> tuple[OperatingPoint, ...]:
    """Read a curve at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per case, as far as it reaches.

    Args:
        curve: The curve, with a band or without one.
        name: Its name; curves other than the FROC have no such points.

    Source:
        LUNA16's operating points (`bohpo.evaluation.area`).
    """
    if name != FROC or len(curve.x) < 2:
        return ()
    return tuple(_at(curve, fps) for fps in CPM_FPS_PER_CASE if curve.x[0] <= fps <= curve.x[-1])


def _at(curve: Curve, fps: float) -> OperatingPoint:
    def read(heights: tuple[float, ...]) -> float:
        return float(np.interp(fps, curve.x, heights))

    interval = (read(curve.lower), read(curve.upper)) if curve.lower and curve.upper else None
    return OperatingPoint(fps, read(curve.y), interval)
