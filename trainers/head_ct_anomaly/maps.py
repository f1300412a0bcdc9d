"""Anomaly maps on disk: as NIfTI beside the head that they are of, and as a picture of both."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray

from trainers.cad.case import Case, Image
from trainers.head_ct_anomaly.attenuation import CENTRE_HU, to_hu

Picture: TypeAlias = NDArray[np.uint8]
"""(rows, columns, 3) red, green and blue."""

SLICES = 6
PICTURE_EDGE = 192
"""Pixels of the longer edge of a slice in a picture, about."""

BRAIN_WINDOW_HU = 80.0
HEAT = np.array([(0, 0, 0), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float64)
"""Colours: black where nothing is scored, then from the least anomaly to the greatest one."""


def write_maps(case: Case, anomaly: Image, folder: Path) -> None:
    """Write a case's anomaly map.

    Args:
        case: The case.
        anomaly: (z, y, x) anomaly of each voxel, HU.
        folder: Where `NAME-anomaly.nii.gz`, `NAME-head.nii.gz` and `NAME-anomaly.png` go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_nifti(case, anomaly, folder / f"{case.name}-anomaly.nii.gz")
    _write_nifti(case, to_hu(case.volume), folder / f"{case.name}-head.nii.gz")
    picture = sitk.GetImageFromArray(draw_map(case, anomaly), isVector=True)
    sitk.WriteImage(picture, str(folder / f"{case.name}-anomaly.png"))


def draw_map(case: Case, anomaly: Image) -> Picture:
    """Draw slices of the head above the same slices of its anomaly map; the last one holds the greatest anomaly.

    Args:
        case: The case.
        anomaly: (z, y, x) anomaly of each voxel, HU.
    """
    head = to_hu(case.volume)
    with_brain = np.flatnonzero((head > -500).any(axis=(1, 2)))
    evenly = np.linspace(with_brain[0], with_brain[-1], SLICES + 1)[1:-1]
    slices = [*np.rint(evenly).astype(int).tolist(), int(anomaly.max(axis=(1, 2)).argmax())]
    grey = np.clip((head[slices] - CENTRE_HU) / BRAIN_WINDOW_HU + 0.5, 0, 1)
    low, high = float(anomaly[anomaly > 0].min(initial=anomaly.max())), float(anomaly.max())
    heat = 0.1 + 0.9 * (anomaly[slices] - low) / max(high - low, 1e-6)
    heat[anomaly[slices] == 0] = 0
    colours = np.stack([np.interp(heat, np.linspace(0, 1, len(HEAT)), channel) for channel in HEAT.T], axis=-1)
    rows = np.stack([np.repeat(255 * grey[..., None], 3, axis=-1), colours])
    side_by_side = rows.transpose(0, 2, 1, 3, 4).reshape(2 * head.shape[1], -1, 3)
    times = max(1, round(PICTURE_EDGE / max(head.shape[1:])))
    picture: Picture = side_by_side.repeat(times, axis=0).repeat(times, axis=1).astype(np.uint8)
    return picture


def _write_nifti(case: Case, volume: Image, path: Path) -> None:
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(3 * [case.spacing])
    image.SetOrigin(case.origin.tolist())
    image.SetDirection(case.axes.ravel().tolist())
    sitk.WriteImage(image, str(path))
