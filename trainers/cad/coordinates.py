"""Lesions given in other coordinates than mm of LPS, suspected by what lies at the places that they name.

Each lesion is looked for where its table says and where it would be if the table were in other coordinates: RAS,
indices of voxels, another order of axes, another unit. True places stand out; the others are places by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainers.cad.case import Case, Floats
from trainers.cad.frames import Frame
from trainers.cad.hypotheses import DIAMETERS, GIVEN, HYPOTHESES, Hypothesis
from trainers.cad.prominence import Surroundings

LEAST_LESIONS = 4
"""With fewer, only a hint is given."""

SUSPECTED_SD, CERTAIN_SD = 3.0, 5.0
"""How far other coordinates must explain lesions better, in standard deviations of the difference by chance. Of 18
readings one passes the first by chance in 2.4% of the folders whose lesions cannot be seen at all, and the second in
one of 100,000; where lesions can be seen as given, neither is passed."""

HINTED_SD = 2.0
"""From here on too few lesions are spoken of."""

LEAST_PROMINENCE = 1.0
"""Of the mean lesion in the better coordinates, unless half of the lesions lie outside their volumes as given and none
does so in these."""

MOST_LESIONS, MOST_LESIONS_OF_CASE = 150, 20
"""More lesions, of a folder or of one case, tell nothing new and take time."""

LEAST_SPREAD = 0.5
"""Taken for the spread of differences between two spheres at one place if they happen to be more alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """How far lesions stand out by each hypothesis.

    Attributes:
        case: Name of their case.
        hypotheses: The hypotheses; the first one takes the table as given.
        prominence: (n, h) see `prominence.Surroundings.rank`; nan where a hypothesis cannot be tried.
        is_inside: (n, h) whether the place lies within the volume.
    """

    case: str
    hypotheses: tuple[Hypothesis, ...]
    prominence: Floats
    is_inside: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Other coordinates, or diameters, that explain lesions better than those given.

    Attributes:
        problem: What speaks for it, with figures.
        remedy: What to do.
        strength: How much better, in standard deviations of the difference by chance.
        lesions: How many lesions say so.
        is_about_diameters: Whether the places are right and the diameters are not.
    """

    problem: str
    remedy: str
    strength: float
    lesions: int
    is_about_diameters: bool

    @property
    def is_founded(self) -> bool:
        """Whether it is more than a hint."""
        return self.strength >= SUSPECTED_SD and self.lesions >= LEAST_LESIONS

    @property
    def is_certain(self) -> bool:
        """Whether chance cannot explain it."""
        return self.strength >= CERTAIN_SD and self.lesions >= LEAST_LESIONS and not self.is_about_diameters

    def describe_hint(self) -> str:
        """Describe it as something to look at."""
        doubt = "" if self.is_founded else f"{self.lesions} lesions are too few to be sure: "
        return f"{doubt}{self.problem}; look at them (--pictures), and if so {self.remedy}"


class CoordinateCheck:
    """Collects evidence case by case, and keeps figures only."""

    def __init__(self, tried: Sequence[tuple[Hypothesis, ...]] = (HYPOTHESES, DIAMETERS)) -> None:
        """Begin without evidence.

        Args:
            tried: Families of hypotheses; the first of each takes the table as given.
        """
        self._evidence: dict[tuple[Hypothesis, ...], list[Evidence]] = {family: [] for family in tried}

    def add(self, case: Case, frame: Frame | None = None) -> None:
        """Look for the lesions of a case where they would be by each hypothesis.

        Args:
            case: The case, with lesions or without.
            frame: Where the voxels of its file lie; None where that is not known.
        """
        around: Surroundings | None = None
        for family, collected in self._evidence.items():
            left = MOST_LESIONS - sum(len(each.prominence) for each in collected)
            # Only a known diameter can be wrong.
            chosen = np.flatnonzero((case.diameters > 0) | (family is not DIAMETERS))
            chosen = chosen[: min(left, MOST_LESIONS_OF_CASE)]
            if len(chosen) > 0:
                around = around or Surroundings.of(case)
                collected.append(_try_all(around, case.centres[chosen], case.diameters[chosen], family, frame))

    def suspicions(self) -> list[Suspicion]:
        """Return the best other explanation of each family that is better than the table as given.

        Where the cases together show none, those follow that are certain of a single case, as of another hospital.
        """
        together = [find_suspicion(collected) for collected in self._evidence.values()]
        found = [suspicion for suspicion in together if suspicion is not None]
        if any(suspicion.is_founded for suspicion in found):
            return found
        for evidence in (each for collected in self._evidence.values() for each in collected):
            alone = find_suspicion([evidence])
            if alone is not None and alone.is_certain:
                found.append(replace(alone, problem=f"in case {evidence.case} {alone.problem}"))
        return found


def _try_all(
    around: Surroundings, centres: Floats, diameters: Floats, tried: tuple[Hypothesis, ...], frame: Frame | None
) -> Evidence:
    prominence = np.full((len(centres), len(tried)), np.nan)
    is_inside = np.zeros(prominence.shape, np.bool_)
    read = [hypothesis.read(centres, frame) for hypothesis in tried]
    for scale in {hypothesis.scale for hypothesis in tried}:
        columns = [
            at for at, each in enumerate(tried) if each.scale == scale and read[at] is not None and len(centres) > 0
        ]
        for lesion, diameter in enumerate(diameters):
            points = np.array([each[lesion] for at in columns if (each := read[at]) is not None])
            prominence[lesion, columns] = around.rank(points, diameter * scale)
            is_inside[lesion, columns] = around.case.holds(points)
    return Evidence(around.case.name, tried, prominence, is_inside)


def find_suspicion(evidence: Sequence[Evidence]) -> Suspicion | None:
    """Find the hypothesis that explains the lesions of all cases best, if it is better than the table as given.

    Returns:
        The suspicion, which may be a mere hint, or None where the table as given is as good as any.
    """
    if not evidence:
        return None
    prominence = np.concatenate([each.prominence for each in evidence])
    is_inside = np.concatenate([each.is_inside for each in evidence])
    suspicions = [
        _compare(evidence[0].hypotheses[at], prominence[:, [0, at]], is_inside[:, [0, at]])
        for at in range(1, prominence.shape[1])
    ]
    best = max((each for each in suspicions if each is not None), key=lambda each: each.strength, default=None)
    return best if best is not None and best.strength >= HINTED_SD else None


def _compare(hypothesis: Hypothesis, prominence: Floats, is_inside: NDArray[np.bool_]) -> Suspicion | None:
    """Compare a hypothesis, second of the columns (n, 2), with the table as given, the first."""
    is_tried = np.isfinite(prominence).all(axis=1)
    if (count := int(is_tried.sum())) == 0:
        return None
    given, other = prominence[is_tried].mean(axis=0)
    outside = (~is_inside[is_tried]).sum(axis=0)
    is_elsewhere = outside[0] >= count / 2 and outside[1] == 0
    if other < LEAST_PROMINENCE and not is_elsewhere:
        return None
    # Two places by chance differ by sqrt(2); two spheres at one place have much in common.
    spread = math.sqrt(2)
    if hypothesis.scale != GIVEN.scale:
        spread = max(LEAST_SPREAD, float(np.ptp(prominence[is_tried], axis=1).std()))
    strength = float((other - given) * math.sqrt(count) / spread)
    said = [
        f"stand out by {mean:.1f} SD ({outside} of {count} outside their volume)"
        for mean, outside in zip((given, other), outside, strict=True)
    ]
    problem = (
        f"as given lesions {said[0]}, with {hypothesis.change} they {said[1]}: these look like {hypothesis.nature}"
    )
    return Suspicion(problem, hypothesis.remedy, strength, count, hypothesis.scale != GIVEN.scale)
