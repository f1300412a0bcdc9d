"""Real examinations: the five phases of one patient, in one 4D file or one file per phase, on common voxels."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from scipy import ndimage

from bohpo.errors import DataError
from trainers.cad.case import Floats, Image
from trainers.cad.formats import VOLUME_SUFFIXES, strip_suffix
from trainers.cad.volume import Volume, read_image, read_volume, to_volume
from trainers.liver_nodule.contrast import PHASES, Phase

REFERENCE = Phase.HEPATOBILIARY
"""The phase whose voxels count, and in which lesions are marked."""

LEAST_SHARE = 0.5
"""Of the reference, what each phase has to cover; beyond its border there is nothing but the border's signal."""

IN_ORDER = ", ".join(PHASES)


def read_examination(name: str, path: Path, spacing: float) -> Volume:
    """Read the phases of a case and put them on the voxels of the hepatobiliary phase.

    Args:
        name: What errors call the case.
        path: A 4D file with the phases in their order, or a folder with one file or DICOM series per phase, each
            called as the phase is.
        spacing: Edge of the new voxels, mm.

    Returns:
        The volume; its signal is (5, z, y, x), in the order of `PHASES`.

    Raises:
        DataError: If there are not five phases, or one of them cannot be used.
    """
    volumes = _read_folder(name, path, spacing) if path.is_dir() else _read_file(name, path, spacing)
    reference = volumes[PHASES.index(REFERENCE)]
    for phase, volume in zip(PHASES, volumes, strict=True):
        if (share := _share_within(volume, reference)) < LEAST_SHARE:
            problem = f"its {phase} phase covers {share:.0%} of the {REFERENCE} one"
            raise DataError(name, problem, "give the phases of one examination, all in its frame of reference")
    return replace(reference, signal=np.stack([_on_voxels_of(reference, volume) for volume in volumes]))


def normalise(volume: Image) -> Image:
    """Shift and scale an examination so that the body's median is 0 and its 5th and 95th percentile are 1 apart.

    All phases go by the same scale: how they differ is what tells a nodule.

    Args:
        volume: (5, z, y, x) signal in any unit, the same in all phases; a constant one becomes 0.

    Returns:
        (5, z, y, x) normalised signal.
    """
    brightest = volume.max(axis=0)
    body = volume[:, brightest >= 0.2 * np.percentile(brightest, 99)]
    low, middle, high = np.percentile(body, [5, 50, 95])
    normalised: Image = ((volume - middle) / max(high - low, 1e-6)).astype(np.float32)
    return normalised


def _read_file(name: str, path: Path, spacing: float) -> list[Volume]:
    image = read_image(name, path)
    count = image.GetSize()[3] if image.GetDimension() == 4 else 1
    if count != len(PHASES):
        raise DataError(name, f"{path.name} holds {count} of 5 phases", f"give all in this order: {IN_ORDER}")
    size = [*image.GetSize()[:3], 0]
    phases = (sitk.Extract(image, size, [0, 0, 0, number]) for number in range(count))
    return [to_volume(name, path, phase, spacing) for phase in phases]


def _read_folder(name: str, path: Path, spacing: float) -> list[Volume]:
    found = {phase: _paths_of(phase, path) for phase in PHASES}
    absent = [str(phase) for phase, paths in found.items() if not paths]
    if absent:
        remedy = f"call its files or folders {IN_ORDER}, with {VOLUME_SUFFIXES[0]} at the end of files"
        raise DataError(name, f"its folder lacks {', '.join(absent)}", remedy)
    for paths in found.values():
        if len(paths) > 1:
            files = " and ".join(each.name for each in paths)
            raise DataError(name, f"a phase is there twice, as {files}", "keep one of them")
    return [read_volume(name, paths[0], spacing) for paths in found.values()]


def _paths_of(phase: Phase, folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if strip_suffix(path.name).lower() == phase]


def _share_within(volume: Volume, reference: Volume) -> float:
    """Give the share of the reference that lies within another volume."""
    turn, offset = _from_voxels_of(reference, volume)
    places = np.indices((9, 9, 9)).reshape(3, -1).T / 8 * (np.array(reference.signal.shape) - 1)
    voxels = places @ turn.T + offset
    return float(((voxels >= -0.5) & (voxels <= np.array(volume.signal.shape) - 0.5)).all(axis=1).mean())


def _on_voxels_of(reference: Volume, volume: Volume) -> Image:
    """Give a phase's signal on the reference's voxels; beyond its own border the border is repeated."""
    turn, offset = _from_voxels_of(reference, volume)
    shape = reference.signal.shape
    if volume.signal.shape == shape and np.allclose(turn, np.eye(3), atol=1e-4) and np.allclose(offset, 0, atol=1e-2):
        return volume.signal
    resampled: Image = ndimage.affine_transform(volume.signal, turn, offset, shape, order=1, mode="nearest")
    return resampled


def _from_voxels_of(reference: Volume, volume: Volume) -> tuple[Floats, Floats]:
    """Give the matrix (3, 3) and the offset (3,) that lead from the reference's z, y, x to another volume's."""
    # Both are u = axes^T (world - origin) / spacing in x, y, z; arrays have z, y, x.
    turn: Floats = (volume.axes.T @ reference.axes)[::-1, ::-1] * (reference.spacing / volume.spacing)
    offset: Floats = ((reference.origin - volume.origin) @ volume.axes)[::-1] / volume.spacing
    return turn, offset
