"""Procedural EOB-MRI: a liver with its lesions in five phases, between which the patient breathes.

A phantom is a pure function of (preset, seed, index). The anatomy is made in mm; presets differ in field of view and
spacing. Lesions are where the last phase, the hepatobiliary one, shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from trainers.cad.phantoms.fields import Floats, Image, coil_bias, displaced, displacement, rician
from trainers.liver_nodule.anatomy import Grid, draw_anatomy
from trainers.liver_nodule.contrast import PHASES, Phase, Uptake
from trainers.liver_nodule.lesions import EXCLUDED, TARGETS, Kind, Lesion, grow_lesions

PHANTOM_VERSION = 1
"""Part of every cached phantom's name. Raise it with any change that alters a phantom."""

DISEASES = MappingProxyType({"none": 0.2, Kind.HCC: 0.45, Kind.METASTASIS: 0.35})
"""Probabilities of what a patient has; HCC comes in cirrhotic livers."""

MOST_NODULES = 4
BREATH_MM = (2.5, 1.2, 1.2)
"""Standard deviation of the liver's shift between the phases, along z, y, x: it follows the diaphragm."""

DEFORMATION_MM = 0.8
GHOST_SHARE = 0.15
"""Share of the patients who do not hold their breath after the injection, so that the arterial phase has ghosts."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """One of the scanners that the cases come from.

    Attributes:
        noise: Standard deviation of the noise in either channel; a full portal vein is 1.
        bias: Standard deviation of the logarithm of the coils' sensitivity.
    """

    noise: float
    bias: float


SCANNERS = (Scanner(0.03, 0.20), Scanner(0.04, 0.15), Scanner(0.05, 0.12), Scanner(0.06, 0.10))
"""From a quiet, uneven 3 T to a noisy, even 1.5 T; as many as the source's cases come from."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Size of a family of phantoms.

    Attributes:
        grid: Field of view and resolution.
        nodules: Mean number of further nodules in a patient who has one.
    """

    grid: Grid
    nodules: float


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset(Grid((32, 48, 48), 3.0), nodules=0.8),
        "small": Preset(Grid((64, 96, 96), 2.0), nodules=1.2),
        "full": Preset(Grid((128, 176, 176), 1.4), nodules=1.5),
    }
)


class Phantom(NamedTuple):
    """An examination and its lesions; their centres are z, y, x in mm from the centre of the first voxel.

    Attributes:
        volume: (5, z, y, x) signal, in the order of `PHASES`.
        centres: (n, 3) centres of the nodules to be found.
        diameters: (n,) mm.
        excluded: (k, 3) centres of the nodules that do not count.
        excluded_diameters: (k,) mm.
    """

    volume: Image
    centres: Floats
    diameters: Floats
    excluded: Floats
    excluded_diameters: Floats


def make_phantom(preset: Preset, seed: int, index: int) -> Phantom:
    """Make one case.

    Args:
        preset: Size.
        seed: Seed of the family, >= 0.
        index: Number of the case, >= 0.

    Returns:
        The case; the same one for the same arguments.
    """
    rng = np.random.default_rng((seed, index, *preset.grid.shape))
    disease = str(rng.choice(list(DISEASES), p=list(DISEASES.values())))
    is_cirrhotic = disease == Kind.HCC
    uptake = Uptake.draw(rng, liver_function=rng.uniform(0.45, 0.9) if is_cirrhotic else rng.uniform(0.8, 1.05))
    anatomy = draw_anatomy(rng, preset.grid, uptake, nodular=rng.uniform(0.4, 1) if is_cirrhotic else 0.0)
    lesions = grow_lesions(rng, anatomy, preset.grid, uptake, _kinds(rng, disease, preset.nodules))
    volume = _scan(rng, anatomy.image, preset.grid)
    return Phantom(volume, *_places(lesions, TARGETS), *_places(lesions, EXCLUDED))


def _kinds(rng: Generator, disease: str, nodules: float) -> list[Kind]:
    """Draw what the liver holds: what is to be found first, so that it finds room."""
    wanted = 0 if disease == "none" else min(MOST_NODULES, 1 + rng.poisson(nodules))
    shunts = rng.poisson(1.0 if disease == Kind.HCC else 0.2)
    return [
        *(Kind(disease) for _ in range(wanted)),
        *(Kind.BENIGN_NODULE for _ in range(rng.poisson(0.25))),
        *(Kind.CYST for _ in range(rng.poisson(1.2))),
        *(Kind.HAEMANGIOMA for _ in range(rng.poisson(0.4))),
        *(Kind.SHUNT for _ in range(shunts)),
    ]


def _places(lesions: list[Lesion], kinds: tuple[Kind, ...]) -> tuple[Floats, Floats]:
    """Give centres (n, 3) and diameters (n,) of the lesions of these kinds."""
    chosen = [lesion for lesion in lesions if lesion.kind in kinds]
    centres = np.array([lesion.centre for lesion in chosen]).reshape(-1, 3)
    return centres, np.array([2 * lesion.radius for lesion in chosen])


def _scan(rng: Generator, image: Image, grid: Grid) -> Image:
    """Give the magnitude images (5, z, y, x): breathing, ghosts, the coils' bias and noise."""
    scanner = SCANNERS[rng.integers(len(SCANNERS))]
    phases = [_breathe(rng, phase, signal, grid) for phase, signal in zip(PHASES, image, strict=True)]
    bias = coil_bias(rng, grid.shape, scanner.bias)
    return rician(rng, np.stack(phases) * bias, scanner.noise)


def _breathe(rng: Generator, phase: Phase, signal: Image, grid: Grid) -> Image:
    """Give a phase as the patient held still for it; all others are compared with the hepatobiliary one."""
    if phase is Phase.HEPATOBILIARY:
        return signal
    moved = displacement(rng, grid.shape, DEFORMATION_MM / grid.spacing, scale=40 / grid.spacing)
    moved += (rng.normal(scale=BREATH_MM) / grid.spacing).astype(np.float32).reshape(3, 1, 1, 1)
    seen = displaced(signal, moved)
    if phase is Phase.ARTERIAL and rng.random() < GHOST_SHARE:
        shift = int(rng.integers(grid.shape[1] // 8, grid.shape[1] // 3))
        seen = 0.8 * seen + 0.1 * np.roll(seen, shift, axis=1) + 0.1 * np.roll(seen, -shift, axis=1)
    return seen
