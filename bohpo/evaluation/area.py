"""Scores of an FROC curve: its partial area, raw and normalised, and the competition performance metric."""

from __future__ import annotations

import math

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.case import Floats
from bohpo.evaluation.curve import FrocCurve

CPM_FPS_PER_CASE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def partial_auc(curve: FrocCurve, limit: float) -> float:
    """Average the sensitivity over 0 to `limit` false positives per case.

    Args:
        curve: FROC curve, starting at (0, 0); sensitivity in [0, 1].
        limit: Upper bound of the integral, in false positives per case, > 0.

    Returns:
        (1 / limit) * integral of the sensitivity (trapezoid); a curve that ends early is extended flat.

    Raises:
        EvaluationError: If `limit` is not a positive finite number.

    Source:
        JHPCN report 2018, table 1 (limits 3 and 10); normalisation ours.
    """
    return partial_area(curve, limit) / limit


def partial_area(curve: FrocCurve, limit: float) -> float:
    """Integrate the sensitivity over 0 to `limit` false positives per case.

    Args:
        curve: FROC curve, starting at (0, 0); sensitivity in [0, 1].
        limit: Upper bound of the integral, in false positives per case, > 0.

    Returns:
        Integral of the sensitivity (trapezoid), 0 to `limit`; a curve that ends early is extended flat.

    Raises:
        EvaluationError: If `limit` is not a positive finite number.
    """
    check_limit(limit)
    return float(areas(curve.fps_per_case, curve.sensitivity, limit))


def cpm(curve: FrocCurve) -> float:
    """Average the sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per case.

    Source:
        The competition performance metric of Niemeijer et al., IEEE TMI 30 (2011), which LUNA16 ranks by.
    """
    return math.fsum(curve.at(fps) for fps in CPM_FPS_PER_CASE) / len(CPM_FPS_PER_CASE)


def check_limit(limit: float) -> None:
    """Refuse a limit that is not a positive finite number.

    Raises:
        EvaluationError: If it is not.
    """
    if not math.isfinite(limit) or limit <= 0:
        raise EvaluationError(
            f"the limit is {limit}; give a positive finite number of false positives per case, such as 3"
        )


def areas(fps_per_case: Floats, sensitivity: Floats, limit: float) -> Floats:
    """Integrate many curves at once.

    The segments are summed from left to right, so a point that repeats its neighbour changes not even the last bit:
    a resample's curve has the same area with and without the thresholds of the cases it left out.

    Args:
        fps_per_case: (..., t) false positives per case, from 0 on, never descending.
        sensitivity: (..., t) sensitivity at them.
        limit: Upper bound of the integral, > 0.

    Returns:
        (...) areas, at most `limit`.
    """
    clipped = np.minimum(fps_per_case, limit)
    widths = np.diff(clipped)
    full_widths = np.diff(fps_per_case)
    share_within = np.divide(widths, full_widths, out=np.zeros_like(widths), where=full_widths > 0)
    mean_heights = sensitivity[..., :-1] + np.diff(sensitivity) * share_within / 2
    flat_end = (limit - clipped[..., -1]) * sensitivity[..., -1]
    segments = np.concatenate([widths * mean_heights, flat_end[..., np.newaxis]], axis=-1)
    # Rounding must not lift a perfect detector above 1: outcomes out of range are refused.
    capped: Floats = np.minimum(np.cumsum(segments, axis=-1)[..., -1], limit)
    return capped
