"""How far a place stands out in a volume, compared with places anywhere in the body.

The measure knows nothing of what lesions look like, only that they have a border: signal that is even within a
sphere, and steps to another level at its surface, bright or dark. Ranks among places by chance make it independent of
the signal's unit, of noise, and of how much structure a body has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage, special

from trainers.cad.case import Case, Floats, Image

PLACES = 400
"""Places by chance that a place is ranked among."""

UNKNOWN_DIAMETER_MM = 10.0
"""Taken for a lesion whose diameter is not known; LUNA16's rule."""

OUTSIDE = -2.0
"""Prominence of a place outside the volume: that a lesion is there is worse than unlikely."""

_RADIUS_STEP = 0.25
"""Radii are rounded to so many voxels: lesions of about one size share what is measured at the places by chance."""

_DIRECTIONS = 30
_INNER = ((0.0, 0.03), (0.35, 0.5), (0.6, 1.0), (0.8, 1.5))
"""Radii within a lesion, as parts of its own, and their weights: volume grows with the radius."""

_EDGE = slice(2, 4)
"""Those of `_INNER` at the border."""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """A volume's channels, and places by chance in its body.

    Attributes:
        case: The case.
        channels: (c, z, y, x) signal.
        places: (`PLACES`, 3) voxels z, y, x.
        steps: Radius in voxels -> what was measured at the places.
    """

    case: Case
    channels: Image
    places: Floats
    steps: dict[float, tuple[Floats, Floats]] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case) -> Surroundings:
        """Draw the places of a case; the same ones each time."""
        channels = case.volume if case.volume.ndim == 4 else case.volume[None]
        rng = np.random.default_rng(0)
        drawn = rng.integers(0, case.shape, size=(20 * PLACES, 3))
        signal = channels[:, drawn[:, 0], drawn[:, 1], drawn[:, 2]].max(axis=0)
        body = drawn[signal > signal.mean()]
        places = body if len(body) >= PLACES else drawn
        return cls(case, channels, places[:PLACES].astype(np.float64))

    def rank(self, points: Floats, diameter: float) -> Floats:
        """Compute the prominence of points as if each were the centre of a lesion.

        Args:
            points: (n, 3) world coordinates, mm.
            diameter: Of the lesion, mm; not positive where unknown.

        Returns:
            (n,) standard deviations above the median of places by chance, by rank, at most about 3; `OUTSIDE` for
            points outside the volume.
        """
        radius = (diameter if diameter > 0 else UNKNOWN_DIAMETER_MM) / 2 / self.case.spacing
        radius = max(1.0, round(radius / _RADIUS_STEP) * _RADIUS_STEP)
        if radius not in self.steps:
            self.steps[radius] = self._steps(self.places, radius)
        by_chance = self.steps[radius]
        is_inside = self.case.holds(points)
        prominence = np.full(len(points), OUTSIDE)
        if is_inside.any():
            found = self._steps(self.case.to_voxels(points[is_inside]), radius)
            prominence[is_inside] = np.mean([_rank(*each) for each in zip(found, by_chance, strict=True)], axis=0)
        return prominence

    def _steps(self, voxels: Floats, radius: float) -> tuple[Floats, Floats]:
        """Measure steps at the surface of spheres, (n, c): plain, and in units of the signal's spread around it."""
        directions = _even_directions(_DIRECTIONS)
        outer = (1.1 + 0.35 / radius, 1.3 + 0.7 / radius)
        radii = [share for share, _ in _INNER] + list(outer)
        offsets = np.concatenate([directions * share * radius for share in radii])
        places = (voxels[:, None] + offsets).reshape(-1, 3).T
        weights = np.repeat([weight for _, weight in _INNER], _DIRECTIONS)
        weights /= weights.sum()
        plain, relative = [], []
        for channel in self.channels:
            sampled = ndimage.map_coordinates(channel, places, np.float64, order=1, mode="nearest")
            shells = sampled.reshape(len(voxels), len(radii), _DIRECTIONS)
            inner, around = shells[:, : len(_INNER)].reshape(len(voxels), -1), shells[:, len(_INNER) :]
            mean, outside = inner @ weights, around.mean(axis=(1, 2))
            spread = ((inner - mean[:, None]) ** 2) @ weights + around.var(axis=(1, 2)) + 1e-3 * sampled.var() + 1e-12
            plain.append(np.abs(shells[:, _EDGE].mean(axis=(1, 2)) - outside))
            relative.append(np.abs(mean - outside) / np.sqrt(spread))
        return np.stack(plain, axis=1), np.stack(relative, axis=1)


def _rank(found: Floats, by_chance: Floats) -> Floats:
    """Rank steps (n, c) among those (m, c) by chance, by the channel that stands out most; as normal scores (n,)."""
    scale = np.median(by_chance, axis=0) + 1e-12
    ordered = np.sort((by_chance / scale).max(axis=1))
    below = np.searchsorted(ordered, (found / scale).max(axis=1))
    scores: Floats = special.ndtri((below + 0.5) / (len(ordered) + 1))
    return scores


def _even_directions(count: int) -> Floats:
    """Build unit vectors (count, 3) spread evenly over the sphere, along a spiral by the golden angle."""
    steps = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * steps / count), np.pi * (1 + 5**0.5) * steps
    return np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
