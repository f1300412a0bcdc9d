"""Where on its curve a detector may be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import CPM_FPS_PER_CASE
from bohpo.evaluation.curve import FrocCurve


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A point of an FROC curve.

    Attributes:
        fps_per_case: False positives per case; None where the curve never reaches the sensitivity.
        sensitivity: Share of the lesions that are detected.
    """

    fps_per_case: float | None
    sensitivity: float


def operating_points(
    curve: FrocCurve,
    *,
    fps_per_case: Sequence[float] = CPM_FPS_PER_CASE,
    sensitivities: Sequence[float] = (),
) -> tuple[OperatingPoint, ...]:
    """Read points off a curve, by their false positives and by their sensitivity.

    Args:
        curve: FROC curve.
        fps_per_case: False positives per case at which the sensitivity is wanted, >= 0 each.
        sensitivities: Sensitivities whose least false positives per case are wanted, 0 to 1 each.

    Returns:
        One point per figure asked for, in that order.

    Raises:
        EvaluationError: If one of `fps_per_case` is not finite and >= 0, or one of `sensitivities` not in 0 to 1.
    """
    by_fps = [OperatingPoint(fps, curve.at(fps)) for fps in fps_per_case]
    by_sensitivity = [OperatingPoint(_least_fps(curve, wanted), wanted) for wanted in sensitivities]
    return (*by_fps, *by_sensitivity)


def _least_fps(curve: FrocCurve, sensitivity: float) -> float | None:
    if not 0 <= sensitivity <= 1:
        raise EvaluationError(f"a sensitivity of {sensitivity} makes no sense; give a number from 0 to 1")
    reached = int(np.searchsorted(curve.sensitivity, sensitivity, side="left"))
    if reached == len(curve.sensitivity):
        return None
    if reached == 0:
        return 0.0
    segment = slice(reached - 1, reached + 1)
    return float(np.interp(sensitivity, curve.sensitivity[segment], curve.fps_per_case[segment]))
