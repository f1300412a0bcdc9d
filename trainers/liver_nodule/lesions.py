"""What grows in a liver: the nodules to be found, the ones that are excluded, and what is taken for a nodule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from trainers.cad.phantoms.blobs import Blob, draw_blob, paint
from trainers.cad.phantoms.fields import Floats, Image, smooth_field
from trainers.liver_nodule.anatomy import Anatomy, Grid
from trainers.liver_nodule.contrast import Uptake

ATTEMPTS = 30
"""Places that are tried for a lesion before it is given up: in a small liver there may be no room."""

GAP_MM = 4.0
"""Least distance between two lesions' surfaces, so that a mark means one of them."""

EARLY_HCC_SHARE = 0.3
CAPSULE_SHARE = 0.5


class Kind(StrEnum):
    """What a lesion is."""

    HCC = "hcc"
    METASTASIS = "metastasis"
    BENIGN_NODULE = "benign_nodule"
    CYST = "cyst"
    HAEMANGIOMA = "haemangioma"
    SHUNT = "shunt"


TARGETS = (Kind.HCC, Kind.METASTASIS)
"""Nodules that a detector has to find."""

EXCLUDED = (Kind.BENIGN_NODULE,)
"""Nodules of hepatocytes that readers do not agree on: a mark there is neither a hit nor a false positive."""

RADIUS_MM = {
    Kind.HCC: (4.5, 7.5, 16.0),
    Kind.METASTASIS: (4.0, 6.5, 15.0),
    Kind.BENIGN_NODULE: (4.0, 6.0, 10.0),
    Kind.CYST: (2.5, 5.0, 12.0),
    Kind.HAEMANGIOMA: (4.0, 6.5, 14.0),
    Kind.SHUNT: (4.0, 6.0, 9.0),
}
"""Least, median and greatest radius of the lognormal distribution of each kind's radii."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """A lesion where a reader would see it in the hepatobiliary phase.

    Attributes:
        kind: What it is.
        centre: (3,) centre, z, y, x in mm from the centre of the first voxel.
        radius: Mean radius, mm.
    """

    kind: Kind
    centre: Floats
    radius: float


def grow_lesions(rng: Generator, anatomy: Anatomy, grid: Grid, uptake: Uptake, kinds: list[Kind]) -> list[Lesion]:
    """Grow lesions in a liver; its image is changed in place.

    Args:
        rng: Source of chance.
        anatomy: The patient.
        grid: Field of view and resolution.
        uptake: How the tissues enhance.
        kinds: What to grow.

    Returns:
        The lesions that found room, in the order of `kinds`.
    """
    grown: list[Lesion] = []
    for kind in kinds:
        least, median, greatest = RADIUS_MM[kind]
        radius = float(np.clip(median * np.exp(rng.normal(scale=0.4)), least, greatest))
        voxels = np.argwhere(anatomy.depth > _least_depth(kind, radius))
        centre = _place(rng, voxels, grid.spacing, radius, grown)
        if centre is None:
            continue
        radii = radius * np.exp(rng.normal(scale=0.1, size=3))
        blob = draw_blob(rng, grid.shape, grid.spacing, centre, radii, roughness=0.08)
        _PAINTERS[kind](rng, anatomy.image, blob, uptake)
        grown.append(Lesion(kind, centre, radius))
    return grown


def _least_depth(kind: Kind, radius: float) -> float:
    """Give how deep in the liver a centre has to lie; shunts are seen under the surface, too."""
    return 0.3 * radius if kind is Kind.SHUNT else 0.8 * radius


def _place(
    rng: Generator, voxels: NDArray[np.intp], spacing: float, radius: float, grown: list[Lesion]
) -> Floats | None:
    """Choose a centre (3,), mm, in one of the voxels (n, 3) that is apart from the lesions that are there."""
    for _ in range(ATTEMPTS if len(voxels) else 0):
        centre: Floats = (voxels[rng.integers(len(voxels))] + rng.uniform(-0.5, 0.5, size=3)) * spacing
        if all(np.linalg.norm(centre - other.centre) > radius + other.radius + GAP_MM for other in grown):
            return centre
    return None


def _paint_hcc(rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """Progressed ones light up in the arterial phase and wash out, in a mosaic; early ones only lose their uptake."""
    if rng.random() < EARLY_HCC_SHARE:
        paint(image, blob, rng.uniform(0.6, 0.9) * blob.coverage(softness=4.0), uptake.curve("early_hcc"))
        return
    if blob.depth.max(initial=0.0) > 6 and rng.random() < CAPSULE_SHARE:
        paint(image, blob, blob.coverage(), uptake.curve("capsule"))
        inside = blob.coverage(deeper_than=1.5)
    else:
        inside = blob.coverage()
    mosaic = 1 + 0.12 * smooth_field(rng, blob.depth.shape, scale=4 / blob.spacing)
    curve = uptake.curve("progressed_hcc").reshape(-1, 1, 1, 1)
    paint(image, blob, rng.uniform(0.7, 1.0) * inside, curve * mosaic)


def _paint_metastasis(rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """A rim that enhances around a core that hardly does."""
    conspicuity = rng.uniform(0.7, 1.0)
    rim_mm = rng.uniform(1.5, 3.0)
    paint(image, blob, conspicuity * blob.coverage(), uptake.curve("metastasis_rim"))
    paint(image, blob, conspicuity * blob.coverage(deeper_than=rim_mm), uptake.curve("metastasis_core"))


def _paint_benign_nodule(rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """Bright arteries, and as much uptake as the liver around, or more."""
    paint(image, blob, rng.uniform(0.7, 1.0) * blob.coverage(), uptake.curve("benign_nodule"))


def _paint_cyst(_rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """Water: dark in every phase, with a sharp wall."""
    paint(image, blob, blob.coverage(), uptake.curve("cyst"))


def _paint_haemangioma(rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """Pools of blood at the edge, from where it fills."""
    paint(image, blob, blob.coverage(), uptake.curve("haemangioma"))
    patches = smooth_field(rng, blob.depth.shape, scale=max(1.0, 5 / blob.spacing)) > 0.4
    rim = blob.coverage() - blob.coverage(deeper_than=4.0)
    paint(image, blob, rim * patches, uptake.curve("haemangioma_pool"))


def _paint_shunt(rng: Generator, image: Image, blob: Blob, uptake: Uptake) -> None:
    """Arterial blood that goes astray: bright in the arterial phase, nothing else."""
    paint(image, blob, rng.uniform(0.6, 1.0) * blob.coverage(softness=4.0), uptake.curve("shunt"))


_PAINTERS: dict[Kind, Callable[[Generator, Image, Blob, Uptake], None]] = {
    Kind.HCC: _paint_hcc,
    Kind.METASTASIS: _paint_metastasis,
    Kind.BENIGN_NODULE: _paint_benign_nodule,
    Kind.CYST: _paint_cyst,
    Kind.HAEMANGIOMA: _paint_haemangioma,
    Kind.SHUNT: _paint_shunt,
}
