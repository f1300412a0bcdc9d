"""Procedural T1-weighted MR of the brain after contrast medium, skull-stripped, with metastases.

A phantom is a pure function of (preset, seed, index), and of the label maps where real anatomy is asked for. Vessels,
cortex and metastases are of an adult's size in every preset; the brains of the smaller ones are smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from trainers.cad.phantoms.brain import Points, Tissue, Tissues, grow_brain, pose
from trainers.cad.phantoms.fields import Floats, Image, coil_bias, rician, smooth_field
from trainers.cad.phantoms.labels import read_label_map, strip_skull, tissues_of
from trainers.metastasis.enhancement import draw_enhancement
from trainers.metastasis.nodules import Spread, draw_nodules, seed_nodules

PHANTOM_VERSION = 3
"""Part of every cached phantom's name. Raise it with any change that alters a phantom."""

SIGNAL: Mapping[Tissue, float] = MappingProxyType(
    {Tissue.OUTSIDE: 0.2, Tissue.CSF: 0.2, Tissue.VENTRICLE: 0.18, Tissue.GREY: 0.55, Tissue.WHITE: 0.72}
)
"""Signal of each tissue before contrast medium; outside it only shows through the partial volume of the rim."""

BLOOD_SIGNAL = 1.2
TEXTURE, TEXTURE_MM = 0.025, 3.0
POINT_SPREAD_VOXELS = 0.5
BIAS = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Size and difficulty of a family of phantoms.

    Attributes:
        shape: Voxels along z, y, x.
        spacing: Edge of a voxel, mm.
        scale: Size of the brains, 1 for an adult's.
        spread: Number, size and signal of the metastases.
        noise: Standard deviation of the noise in either channel; white matter is 0.72.
    """

    shape: tuple[int, int, int]
    spacing: float
    scale: float
    spread: Spread
    noise: float


_TINY = Spread(lesion_free=0.15, further=2.5, diameter_mm=(5.0, 9.0, 18.0), signal=(0.85, 1.25))
_LARGE = Spread(lesion_free=0.1, further=3.0, diameter_mm=(2.5, 7.0, 30.0), signal=(0.85, 1.25))

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset(shape=(56, 64, 56), spacing=1.5, scale=0.5, spread=_TINY, noise=0.05),
        "small": Preset(shape=(112, 144, 112), spacing=1.25, scale=0.9, spread=_LARGE, noise=0.05),
        "full": Preset(shape=(192, 256, 192), spacing=0.8, scale=1.0, spread=_LARGE, noise=0.06),
    }
)


class Phantom(NamedTuple):
    """A volume and its metastases.

    Attributes:
        volume: (z, y, x) signal, 0 outside the brain, up to about 1.5 within.
        centres: (n, 3) centres of the metastases, z, y, x in mm from the centre of the first voxel.
        diameters: (n,) mm.
    """

    volume: Image
    centres: Floats
    diameters: Floats


def make_phantom(preset: Preset, seed: int, index: int, label_maps: Sequence[Path] = ()) -> Phantom:
    """Make one case.

    Args:
        preset: Size and difficulty.
        seed: Seed of the family, >= 0.
        index: Number of the case, >= 0.
        label_maps: Files to take the anatomy from, one at random; procedural anatomy where there are none.

    Returns:
        The case; the same one for the same arguments.
    """
    rng = np.random.default_rng((seed, index, *preset.shape))
    points = pose(rng, preset.shape, preset.spacing, preset.scale)
    tissues = _anatomy(rng, points, preset.spacing, label_maps)
    nodules = seed_nodules(rng, tissues, preset.spacing, preset.spread)
    image = _parenchyma(rng, tissues, preset.spacing)
    draw_nodules(rng, image, tissues, nodules, preset.spacing)
    image += draw_enhancement(rng, tissues, points, preset.spacing) * (BLOOD_SIGNAL - image)
    return Phantom(
        volume=_scan(rng, image, tissues, preset),
        centres=np.array([nodule.centre for nodule in nodules]).reshape(-1, 3),
        diameters=np.array([nodule.diameter for nodule in nodules]),
    )


def _anatomy(rng: Generator, points: Points, spacing: float, label_maps: Sequence[Path]) -> Tissues:
    if not label_maps:
        return grow_brain(rng, points, spacing)
    head = read_label_map(label_maps[int(rng.integers(len(label_maps)))])
    return strip_skull(tissues_of(head.sample(points)), spacing)


def _parenchyma(rng: Generator, tissues: Tissues, spacing: float) -> Image:
    contrast = np.exp(0.04 * rng.normal(size=len(Tissue)))
    signals = (np.array([SIGNAL[tissue] for tissue in Tissue]) * contrast).astype(np.float32)
    image: Image = signals[tissues]
    image *= 1 + TEXTURE * smooth_field(rng, tissues.shape, TEXTURE_MM / spacing)
    return image


def _scan(rng: Generator, image: Image, tissues: Tissues, preset: Preset) -> Image:
    """Give the magnitude image (z, y, x) without its skull: point spread, coil bias, noise."""
    blurred = ndimage.gaussian_filter(image, POINT_SPREAD_VOXELS)
    magnitude = rician(rng, blurred * coil_bias(rng, image.shape, BIAS), preset.noise)
    return np.where(tissues > Tissue.OUTSIDE, magnitude, np.float32(0))
