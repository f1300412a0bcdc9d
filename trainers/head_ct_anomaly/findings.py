"""What an emergency head CT is read for: bleeds inside and outside the brain, infarcts and tumours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator

from trainers.cad.case import Floats, Image
from trainers.cad.phantoms.blobs import draw_blob
from trainers.cad.phantoms.fields import smooth_field
from trainers.head_ct_anomaly.anatomy import Head

VISIBLE_HU = 3.0
"""A voxel belongs to a finding that changes it by more than this."""


class Kind(StrEnum):
    """What kind of finding."""

    INTRACEREBRAL = "intracerebral haemorrhage"
    SUBDURAL = "subdural haematoma"
    EPIDURAL = "epidural haematoma"
    SUBARACHNOID = "subarachnoid haemorrhage"
    INFARCT = "infarct"
    TUMOUR = "tumour"


FREQUENCY: Mapping[Kind, float] = MappingProxyType(
    {
        Kind.INTRACEREBRAL: 0.24,
        Kind.SUBDURAL: 0.16,
        Kind.EPIDURAL: 0.08,
        Kind.SUBARACHNOID: 0.16,
        Kind.INFARCT: 0.26,
        Kind.TUMOUR: 0.10,
    }
)
"""Probabilities of a finding's kind."""

BLEEDS = (Kind.INTRACEREBRAL, Kind.SUBDURAL, Kind.EPIDURAL, Kind.SUBARACHNOID)


class Finding(NamedTuple):
    """A finding as a reader would note it.

    Attributes:
        kind: What it is.
        centre: (3,) its centre, z, y, x in mm from the centre of the first voxel.
        diameter: Diameter of a ball of its volume, mm.
    """

    kind: Kind
    centre: Floats
    diameter: float


_Draw: TypeAlias = Callable[[Generator, Head], Image]
"""Gives by how much a finding changes each voxel (z, y, x), HU."""

_DEEP = ((4.0, -4.0, 26.0), (6.0, 8.0, 11.0), (14.0, -20.0, 14.0))
"""Putamen, thalamus and caudate: z, y, x in mm of an adult's brain."""

_POSTERIOR_FOSSA = ((-42.0, 46.0, 18.0), (-30.0, 12.0, 0.0))
"""Cerebellar hemisphere and pons."""


def add_finding(rng: Generator, head: Head, kind: Kind) -> Finding | None:
    """Draw a finding into a head.

    Args:
        rng: Source of chance.
        head: Changed in place.
        kind: What to draw.

    Returns:
        The finding; None where chance put it outside the skull, or made it too faint to see.
    """
    change = np.where(head.depth > 0, _DRAWERS[kind](rng, head), 0).astype(np.float32)
    is_visible = np.abs(change) > VISIBLE_HU
    volume_mm3 = int(is_visible.sum()) * head.spacing**3
    if volume_mm3 < 150.0:
        return None
    head.hu[...] += change
    centre = np.argwhere(is_visible).mean(axis=0) * head.spacing
    return Finding(kind, centre, float(np.cbrt(6 * volume_mm3 / np.pi)))


def _intracerebral(rng: Generator, head: Head) -> Image:
    """A clot with a rim of oedema, mostly in the deep nuclei; one in four breaks into the ventricles."""
    change = np.zeros_like(head.hu)
    centre, is_deep = _place_in_brain(rng, head)
    radius = float(np.clip(9.0 * np.exp(rng.normal(scale=0.4)), 4.5, 22.0))
    radii = radius * rng.uniform(0.75, 1.3, size=3)
    blob = draw_blob(rng, head.hu.shape, head.spacing, centre, radii + 6, roughness=0.15)
    clot = blob.coverage(deeper_than=6.0)
    rim = blob.coverage(deeper_than=6.0 - rng.uniform(2, 6)) * (1 - clot)
    tissue = 1 - (head.fluid + head.ventricle)[blob.window]
    blood = rng.uniform(56, 76)
    change[blob.window] = clot * (blood - head.hu[blob.window].clip(0, 80)) - 9.0 * rim * tissue
    if is_deep and rng.random() < 0.25:
        # Blood sinks to the back of the ventricles.
        sunk = np.clip((head.points.y + 5) / 30, 0, 1)
        change = np.maximum(change, head.ventricle * sunk * np.float32(rng.uniform(25, 45)))
    return change


def _subdural(rng: Generator, head: Head) -> Image:
    """A crescent along one convexity."""
    return _along_the_skull(rng, head, half_angle=rng.uniform(0.8, 1.25), thickness_mm=rng.uniform(4, 11))


def _epidural(rng: Generator, head: Head) -> Image:
    """A lens, thick and short."""
    return _along_the_skull(rng, head, half_angle=rng.uniform(0.35, 0.6), thickness_mm=rng.uniform(9, 20))


def _subarachnoid(rng: Generator, head: Head) -> Image:
    """Blood instead of fluid around a ruptured artery: in the cisterns, or in the sulci of a region."""
    side = rng.choice((-1.0, 1.0))
    sources = ((-20.0, -20.0, 0.0), (-8.0, -14.0, 45.0 * side), (35.0, 10.0, 45.0 * side))
    z, y, x = sources[rng.choice(3, p=(0.45, 0.35, 0.2))]
    reach = rng.uniform(18, 38)
    squared = (head.points.z - z) ** 2 + (head.points.y - y) ** 2 + (head.points.x - x) ** 2
    spread = np.exp(-squared / np.float32(2 * reach**2))
    change: Image = head.fluid * spread * np.float32(rng.uniform(40, 60))
    return change


def _infarct(rng: Generator, head: Head) -> Image:
    """Swollen, dark tissue: a wedge of the middle cerebral artery's, a lacune, or in the cerebellum."""
    darkening = rng.uniform(7, 15)
    kind = rng.choice(3, p=(0.6, 0.2, 0.2))
    if kind == 0:
        return -np.float32(darkening) * _wedge(rng, head) * (head.tissue - np.float32(0.6) * head.fluid)
    place = _DEEP[rng.integers(3)] if kind == 1 else _POSTERIOR_FOSSA[0]
    radius = rng.uniform(5, 9) if kind == 1 else rng.uniform(9, 18)
    change = np.zeros_like(head.hu)
    blob = draw_blob(
        rng, head.hu.shape, head.spacing, _beside(rng, head, place, 5.0), np.full(3, radius), roughness=0.2
    )
    change[blob.window] = -darkening * blob.coverage(softness=3.0) * head.tissue[blob.window]
    return change


def _tumour(rng: Generator, head: Head) -> Image:
    """A ball a little denser than brain, in the oedema that it causes."""
    change = np.zeros_like(head.hu)
    radius, oedema = rng.uniform(5, 12), rng.uniform(6, 14)
    centre, _ = _place_in_brain(rng, head)
    blob = draw_blob(rng, head.hu.shape, head.spacing, centre, np.full(3, radius + oedema), roughness=0.12)
    mass = blob.coverage(deeper_than=oedema)
    around = blob.coverage(softness=4.0) * (1 - mass) * head.tissue[blob.window]
    density = rng.uniform(42, 52)
    change[blob.window] = mass * (density - head.hu[blob.window].clip(0, 80)) - rng.uniform(8, 13) * around
    return change


_DRAWERS: Mapping[Kind, _Draw] = MappingProxyType(
    {
        Kind.INTRACEREBRAL: _intracerebral,
        Kind.SUBDURAL: _subdural,
        Kind.EPIDURAL: _epidural,
        Kind.SUBARACHNOID: _subarachnoid,
        Kind.INFARCT: _infarct,
        Kind.TUMOUR: _tumour,
    }
)


def _along_the_skull(rng: Generator, head: Head, half_angle: float, thickness_mm: float) -> Image:
    """Fill the space between skull and brain with blood, thickest in the middle of a cap of the given half-angle."""
    side = rng.choice((-1.0, 1.0))
    cosine = head.direction(rng.uniform(0.0, 0.7), rng.uniform(-0.8, 0.6), side)
    angle = np.arccos(np.clip(cosine, -1, 1)) / np.float32(half_angle)
    thickness = np.float32(thickness_mm) * np.clip(1 - angle**2, 0, 1)
    share = np.clip((thickness - head.depth) / head.spacing + 0.5, 0, 1) * (angle < 1) * (head.points.z > -25)
    density = rng.uniform(52, 70) + 3 * smooth_field(rng, head.hu.shape, 8.0 / head.spacing)
    change: Image = share * (density - head.hu.clip(0, 80))
    return change


def _wedge(rng: Generator, head: Head) -> Image:
    """Give how much (z, y, x) of each voxel lies in a wedge that opens towards one convexity, 0 to 1."""
    side = rng.choice((-1.0, 1.0))
    cosine = head.direction(rng.uniform(-0.1, 0.4), rng.uniform(-0.5, 0.6), side)
    half_angle = rng.uniform(0.3, 0.6)
    edge = 0.12 * smooth_field(rng, head.hu.shape, 10.0 / head.spacing)
    inside = np.clip((half_angle - np.arccos(np.clip(cosine, -1, 1)) + edge) / np.float32(0.1) + 0.5, 0, 1)
    reach = np.clip((np.float32(rng.uniform(25, 50)) - head.depth) / 6 + 0.5, 0, 1)
    wedge: Image = inside * reach * (head.points.x * side > 4)
    return wedge


def _place_in_brain(rng: Generator, head: Head) -> tuple[Floats, bool]:
    """Draw a place, z, y, x in mm from the first voxel's centre, and whether it lies in the deep nuclei."""
    kind = rng.choice(3, p=(0.5, 0.35, 0.15))
    if kind == 0:
        return _beside(rng, head, _DEEP[rng.integers(3)], 4.0), True
    if kind == 2:
        return _beside(rng, head, _POSTERIOR_FOSSA[rng.integers(2)], 4.0), False
    lobe = (rng.uniform(0, 42), rng.uniform(-55, 55), rng.uniform(18, 45))
    return _beside(rng, head, lobe, 4.0), False


def _beside(rng: Generator, head: Head, place: tuple[float, float, float], spread_mm: float) -> Floats:
    z, y, x = place
    return head.locate((z, y, rng.choice((-1.0, 1.0)) * x)) + rng.normal(scale=spread_mm, size=3)
