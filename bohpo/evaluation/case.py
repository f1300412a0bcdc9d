"""One case: the lesions that are there, and the marks that a detector set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import EvaluationError

Floats: TypeAlias = NDArray[np.float64]

_PAIRS = (("lesions", "diameters"), ("marks", "scores"), ("excluded", "excluded_diameters"))


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A case as a detector is scored on it. The arrays are copied, and read-only.

    Attributes:
        name: What errors call the case.
        lesions: (n, 3) centres of the lesions, mm; `[]` for none.
        diameters: (n,) diameters, mm; negative where unknown, which counts as 10 mm.
        marks: (m, 3) points that the detector marked, mm, in the lesions' coordinates.
        scores: (m,) score of each mark, greater is more suspicious; any scale.
        excluded: (k, 3) centres of findings that are neither lesion nor false alarm, mm.
        excluded_diameters: (k,) their diameters, mm; negative counts as 10 mm.
        patient: Whose case it is, the same text in all cases of a patient; None if it is the patient's only one.

    Raises:
        EvaluationError: If a shape does not fit, a number is not finite or a diameter is 0.
    """

    name: str
    lesions: Floats
    diameters: Floats
    marks: Floats
    scores: Floats
    excluded: Floats = field(default_factory=lambda: np.empty((0, 3)))
    excluded_diameters: Floats = field(default_factory=lambda: np.empty(0))
    patient: str | None = None

    def __post_init__(self) -> None:
        """Copy and check the arrays."""
        for points_name, figures_name in _PAIRS:
            points = _points(self.name, points_name, getattr(self, points_name))
            figures = _figures(self.name, figures_name, getattr(self, figures_name))
            if len(points) != len(figures):
                counts = f"{len(points)} {points_name} but {len(figures)} {figures_name}"
                raise EvaluationError(f"{self.name}: {counts}; give one of {figures_name} for each of {points_name}")
            object.__setattr__(self, points_name, points)
            object.__setattr__(self, figures_name, figures)


def _points(case: str, name: str, values: object) -> Floats:
    points = _finite(case, name, values)
    if points.size == 0:
        points = np.empty((0, 3))
    if points.ndim != 2 or points.shape[1] != 3:
        raise EvaluationError(f"{case}: {name} has shape {points.shape}; give (n, 3), one row of x, y, z in mm each")
    points.setflags(write=False)
    return points


def _figures(case: str, name: str, values: object) -> Floats:
    figures = _finite(case, name, values)
    if figures.ndim != 1:
        raise EvaluationError(f"{case}: {name} has shape {figures.shape}; give (n,), one number each")
    if name != "scores" and (figures == 0).any():
        row = int(np.argmax(figures == 0))
        raise EvaluationError(
            f"{case}: {name}[{row}] is 0, which no mark can hit; give the diameter in mm, or -1 where it is unknown"
        )
    figures.setflags(write=False)
    return figures


def _finite(case: str, name: str, values: object) -> Floats:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"{case}: {name} is not an array of numbers ({error}); give equally long rows") from error
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0, 0]) if array.ndim else 0
        raise EvaluationError(f"{case}: {name}[{row}] is not finite; drop it, or give finite numbers")
    return array
