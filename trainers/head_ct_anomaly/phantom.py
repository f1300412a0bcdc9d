"""Phantoms of emergency head CT: normal heads, and heads with a finding.

A phantom is a pure function of (preset, seed, index, label maps). Anatomy is made in mm; presets differ in their
voxels. Whether a case is abnormal is asked for, since only normal ones are trained on.
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

from trainers.cad.case import Floats, Image
from trainers.cad.phantoms.brain import grow_brain, pose
from trainers.head_ct_anomaly.anatomy import FINEST_MM, GrowBrain, Head, build_head
from trainers.head_ct_anomaly.findings import BLEEDS, FREQUENCY, Finding, Kind, add_finding

PHANTOM_VERSION = 2
"""Part of every cached phantom's name. Raise it with any change that alters a phantom."""

GAP_MM = (0.5, 1.8)
"""Half the width of sulci in the youngest and in the oldest brains."""

SECOND_FINDING = 0.15
"""Probability that an abnormal case has another finding."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Size of a family of phantoms.

    Attributes:
        shape: Voxels along z, y, x.
        spacing: Edge of a voxel, mm.
        noise_hu: Least and greatest standard deviation of the noise.
        kinds: What is to be found. Voxels of 3 mm average away what is only a little darker than brain.
    """

    shape: tuple[int, int, int]
    spacing: float
    noise_hu: tuple[float, float]
    kinds: tuple[Kind, ...] = tuple(Kind)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset((48, 64, 56), 3.2, noise_hu=(1.5, 3.0), kinds=BLEEDS),
        "small": Preset((96, 128, 112), 1.6, noise_hu=(2.5, 5.0)),
        "full": Preset((192, 256, 224), 0.8, noise_hu=(4.0, 9.0)),
    }
)


class Phantom(NamedTuple):
    """A head CT and what is wrong with it.

    Attributes:
        hu: (z, y, x) attenuation, Hounsfield units.
        kinds: (n,) kinds of the findings.
        centres: (n, 3) their centres, z, y, x in mm from the centre of the first voxel.
        diameters: (n,) their diameters, mm.
    """

    hu: Image
    kinds: np.ndarray[tuple[int, ...], np.dtype[np.str_]]
    centres: Floats
    diameters: Floats


def make_phantom(preset: Preset, seed: int, index: int, *, is_abnormal: bool, labels: Path | None = None) -> Phantom:
    """Make one case.

    Args:
        preset: Size.
        seed: Seed of the family, >= 0.
        index: Number of the case, >= 0.
        is_abnormal: Whether it has a finding.
        labels: Folder of label maps that brains are taken from; by default they are grown.

    Returns:
        The case; the same one for the same arguments.

    Raises:
        UsageError: If there are no label maps in the folder.
        DataError: If the label map cannot be read.
    """
    rng = np.random.default_rng((seed, index, *preset.shape))
    fineness = int(np.ceil(preset.spacing / FINEST_MM))
    fine_shape = [fineness * edge for edge in preset.shape]
    # The field of view holds the vertex and the skull's base, not the neck.
    points = pose(rng, fine_shape, preset.spacing / fineness, rng.uniform(0.94, 1.04))
    head = build_head(rng, points, fineness, preset.spacing, _grower(rng, index, labels))
    findings = _add_findings(rng, head, preset.kinds) if is_abnormal else []
    return Phantom(
        hu=_scan(rng, head, preset),
        kinds=np.array([finding.kind.value for finding in findings], np.str_),
        centres=np.array([finding.centre for finding in findings]).reshape(-1, 3),
        diameters=np.array([finding.diameter for finding in findings]),
    )


def _grower(rng: Generator, index: int, labels: Path | None) -> GrowBrain:
    if labels is None:
        gap_mm = rng.uniform(*GAP_MM)
        return lambda points, spacing: grow_brain(rng, points, spacing, gap_mm)
    # SimpleITK, which reads them, takes long to import.
    from trainers.cad.phantoms.labels import find_label_maps, read_label_map, strip_skull, tissues_of

    maps = find_label_maps(labels)
    label_map = read_label_map(maps[index % len(maps)])
    return lambda points, spacing: strip_skull(tissues_of(label_map.sample(points)), spacing)


def _add_findings(rng: Generator, head: Head, kinds: Sequence[Kind]) -> list[Finding]:
    wanted = 1 + int(rng.random() < SECOND_FINDING)
    shares = np.array([FREQUENCY[kind] for kind in kinds])
    found = list[Finding]()
    while len(found) < wanted:
        kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
        finding = add_finding(rng, head, kind)
        if finding is not None:
            found.append(finding)
    return found


def _scan(rng: Generator, head: Head, preset: Preset) -> Image:
    """Give what the scanner makes of a head: beam hardening, blur, noise that is finer than the head."""
    hu = head.hu + _beam_hardening(rng, head)
    noise = ndimage.gaussian_filter(rng.standard_normal(preset.shape, np.float32), 0.5)
    blurred = ndimage.gaussian_filter(hu, 0.35)
    scanned: Image = blurred + np.float32(rng.uniform(*preset.noise_hu)) * noise / noise.std()
    return np.maximum(scanned, np.float32(-1024)).astype(np.float32)


def _beam_hardening(rng: Generator, head: Head) -> Image:
    """Give what bone does to the tissue beside it: too bright below the skull, a dark bar between the petrous bones."""
    strength = rng.uniform(0.4, 1.0)
    cupping = 7 * np.exp(-np.maximum(head.depth, 0) / 5)
    bar = np.exp(-(((head.points.z + 32) / 7) ** 2) - ((head.points.y - 8) / 12) ** 2)
    hardening: Image = (np.float32(strength) * (cupping - 9 * bar) * (head.depth > 0)).astype(np.float32)
    return hardening
