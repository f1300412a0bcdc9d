"""Metastases: where they settle, how large they are, and how they enhance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from trainers.cad.phantoms.blobs import draw_blob, paint
from trainers.cad.phantoms.brain import RIBBON_MM, Tissue, Tissues
from trainers.cad.phantoms.fields import Floats, Image

JUNCTION_SHARE = 0.75
"""Share that grows where grey meets white matter, where tumour cells are caught in narrowing arterioles."""

ROUGHNESS, ELONGATION = 0.1, 0.15
"""Standard deviations of the surface, in radii, and of the logarithm of each semi-axis."""

LEAST_GAP_MM = 3.0
OEDEMA_FACTOR = 0.8
"""Signal of swollen white matter over that of healthy one, in T1 weighting."""

NECROSIS_SIGNAL = (0.3, 0.55)

_TRIES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How many metastases a case has and how large they are.

    Attributes:
        lesion_free: Share of the cases without any.
        further: Mean number beyond the first, in the others.
        diameter_mm: Least, median and greatest diameter of the lognormal distribution.
        signal: Least and greatest signal of enhancing tumour; white matter is 0.72 and blood 1.2.
    """

    lesion_free: float
    further: float
    diameter_mm: tuple[float, float, float]
    signal: tuple[float, float]


class Nodule(NamedTuple):
    """A metastasis.

    Attributes:
        centre: (3,) z, y, x in mm from the centre of the first voxel.
        diameter: mm.
        signal: Signal of its enhancing tumour.
    """

    centre: Floats
    diameter: float
    signal: float


def seed_nodules(rng: Generator, tissues: Tissues, spacing: float, spread: Spread) -> list[Nodule]:
    """Choose how many metastases a brain has, where they lie and how large they are.

    Args:
        rng: Source of chance.
        tissues: (z, y, x) of the brain.
        spacing: Edge of a voxel, mm.
        spread: Their number and size.
    """
    wanted = 0 if rng.random() < spread.lesion_free else 1 + rng.poisson(spread.further)
    parenchyma = tissues >= Tissue.GREY
    reach = max(1, round(RIBBON_MM / spacing))
    near_grey = ndimage.binary_dilation(tissues == Tissue.GREY, iterations=reach)
    junction = np.argwhere((tissues == Tissue.WHITE) & near_grey)
    anywhere = np.argwhere(parenchyma)
    nodules: list[Nodule] = []
    for _ in range(_TRIES):
        if len(nodules) == wanted:
            break
        pool = junction if len(junction) and rng.random() < JUNCTION_SHARE else anywhere
        centre = (pool[rng.integers(len(pool))] + rng.uniform(-0.5, 0.5, size=3)) * spacing
        nodule = Nodule(centre, _diameter(rng, spread), rng.uniform(*spread.signal))
        if all(_gap(nodule, other) > LEAST_GAP_MM for other in nodules):
            nodules.append(nodule)
    return nodules


def draw_nodules(rng: Generator, image: Image, tissues: Tissues, nodules: list[Nodule], spacing: float) -> None:
    """Draw metastases with their oedema.

    Args:
        rng: Source of chance.
        image: (z, y, x) signal, changed in place.
        tissues: (z, y, x) of the brain; oedema spreads in white matter.
        nodules: What to draw.
        spacing: Edge of a voxel, mm.
    """
    for nodule in nodules:
        radius = nodule.diameter / 2
        _draw_oedema(rng, image, tissues, nodule, spacing)
        radii = radius * np.exp(ELONGATION * rng.normal(size=3))
        blob = draw_blob(rng, image.shape, spacing, nodule.centre, radii, roughness=ROUGHNESS)
        paint(image[None], blob, blob.coverage(), np.array([nodule.signal]))
        if rng.random() < np.clip((nodule.diameter - 6) / 8, 0.05, 0.85):
            wall = rng.uniform(0.25, 0.5) * radius
            paint(image[None], blob, blob.coverage(deeper_than=wall), np.array([rng.uniform(*NECROSIS_SIGNAL)]))


def _draw_oedema(rng: Generator, image: Image, tissues: Tissues, nodule: Nodule, spacing: float) -> None:
    reach = nodule.diameter / 2 * rng.uniform(1.1, 2.2)
    blob = draw_blob(rng, image.shape, spacing, nodule.centre, np.full(3, reach), roughness=2 * ROUGHNESS)
    share = blob.coverage(softness=2.0) * (tissues[blob.window] == Tissue.WHITE)
    image[blob.window] *= 1 - (1 - OEDEMA_FACTOR) * share


def _diameter(rng: Generator, spread: Spread) -> float:
    least, median, greatest = spread.diameter_mm
    return float(np.clip(median * np.exp(0.45 * rng.normal()), least, greatest))


def _gap(one: Nodule, other: Nodule) -> float:
    return float(np.linalg.norm(one.centre - other.centre)) - (one.diameter + other.diameter) / 2
