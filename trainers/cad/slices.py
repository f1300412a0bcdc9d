"""The slices of a DICOM series as one regular volume, wherever the scanner put them.

ITK takes the first slice's place and direction and the mean distance for all of them. That is wrong for a tilted
gantry, whose slices are moved along themselves, and for slices that lie closer together in one part of the head than
in another: lesions end up centimetres from where they are. Here each slice keeps its own place.

Only what is needed for that is read from a header: position, direction and spacing of the pixels.
"""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError
from trainers.cad.case import Floats

POSITION, ORIENTATION, PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"

GREATEST_SHIFT_MM = 0.1
"""Slices may lie so far from their place in a regular volume and are left as they are."""

_GAP_BESIDE_GAPS = 1.6
"""A distance so much greater than both of its neighbours means that slices are missing."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Parallel slices of one size, in the order of their heights.

    Attributes:
        names: Names of the files.
        positions: (n, 3) world coordinates of the centre of each slice's first pixel, mm.
        axes: (3, 3) columns are the unit vectors along a row, along a column, and across the slices.
        pixel: (2,) edge of a pixel along a row and along a column, mm.
    """

    names: tuple[str, ...]
    positions: Floats
    axes: Floats
    pixel: Floats

    @property
    def offsets(self) -> Floats:
        """Where each slice begins (n, 3), from the first one's beginning: along rows, columns and across, mm."""
        offsets: Floats = (self.positions - self.positions[0]) @ self.axes
        return offsets

    @property
    def gaps(self) -> Floats:
        """Distances (n - 1,) between neighbouring slices, mm."""
        return np.diff(self.offsets[:, 2])

    @property
    def tilt_degrees(self) -> float:
        """Angle between the slices' normal and the line on which they are stacked."""
        along_rows, along_columns, across = self.offsets[-1]
        return float(np.degrees(np.arctan2(np.hypot(along_rows, along_columns), across)))

    @property
    def are_regular(self) -> bool:
        """Whether the slices lie straight above each other at equal distances."""
        expected = np.linspace([0, 0, 0], [0, 0, self.offsets[-1, 2]], len(self.names))
        return bool(np.abs(self.offsets - expected).max() <= GREATEST_SHIFT_MM)

    def describe(self) -> str:
        """Say what is irregular about them, in words for a log."""
        return (
            f"gantry tilted by {self.tilt_degrees:.1f} degrees, slices {self.gaps.min():.2f} to "
            f"{self.gaps.max():.2f} mm apart"
        )


def read_series(name: str, folder: Path, spacing: float) -> sitk.Image:
    """Read the DICOM series in a folder.

    Args:
        name: What errors call the case.
        folder: Holds the files of one series.
        spacing: Distance that slices get if theirs is greater or uneven, mm; that of the voxels wanted later.

    Returns:
        A regular volume. Slices of a tilted gantry or of uneven distances are interpolated to it, and the log says so.

    Raises:
        DataError: If the folder holds no series or several, slices are missing, lie in one place or in several
            directions, or do not say where they lie.
    """
    sitk.ProcessObject.GlobalWarningDisplayOff()  # what it warns of is told here as an error, by the case's name
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        remedy = "keep the files of one series only" if series else "add its files to it, or remove the folder"
        raise DataError(name, f"the folder {folder.name} holds {len(series)} DICOM series", remedy)
    files = [Path(file) for file in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])]
    if len(files) == 1:
        return sitk.ReadImage(str(files[0]))
    slices = _find_slices(name, files)
    paths = [str(folder / file) for file in slices.names]
    if slices.are_regular:
        return sitk.ReadImage(paths)
    _logger.info("%s: %s; put upright", name, slices.describe())
    return _put_upright(slices, [sitk.GetArrayFromImage(sitk.ReadImage(path))[0] for path in paths], spacing)


def _find_slices(name: str, files: Sequence[Path]) -> Slices:
    """Read where slices lie, and order them.

    Raises:
        DataError: See `read_series`.
    """
    headers = [_Header.read(name, file) for file in files]
    if any(not headers[0].is_alike(header) for header in headers):
        problem = "its slices have several directions or sizes of pixels"
        raise DataError(name, problem, "keep one stack of slices only, without localizers and reformatted images")
    along_row, along_column = headers[0].orientation
    axes = np.stack([along_row, along_column, np.cross(along_row, along_column)], axis=1)
    headers.sort(key=lambda header: float(header.position @ axes[:, 2]))
    slices = Slices(
        tuple(header.file for header in headers),
        np.array([header.position for header in headers]),
        axes,
        headers[0].pixel,
    )
    for problem, remedy in _contradictions(slices):
        raise DataError(name, problem, remedy)
    return slices


def _contradictions(slices: Slices) -> Iterator[tuple[str, str]]:
    gaps = slices.gaps
    beside = np.pad(gaps, 1, constant_values=0.0)
    is_lone = gaps > _GAP_BESIDE_GAPS * np.maximum(beside[:-2], beside[2:])
    for (below, above), gap, is_long in zip(pairwise(slices.names), gaps, is_lone, strict=True):
        if gap < GREATEST_SHIFT_MM:
            yield f"{below} and {above} lie in the same place", "keep one of them; a case is one stack of slices"
        elif is_long and len(gaps) > 2:
            yield f"slices are missing: {above} lies {gap:.1f} mm above {below}", "add them, or the whole series again"


@dataclass(frozen=True, slots=True, eq=False)
class _Header:
    """What a slice says of its place."""

    file: str
    size: tuple[int, ...]
    position: Floats
    orientation: Floats
    pixel: Floats

    @classmethod
    def read(cls, name: str, path: Path) -> _Header:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        position = _numbers(name, path, reader, POSITION, 3)
        orientation = _numbers(name, path, reader, ORIENTATION, 6).reshape(2, 3)
        down_and_across = _numbers(name, path, reader, PIXEL_SPACING, 2)
        return cls(path.name, reader.GetSize(), position, orientation, down_and_across[::-1])

    def is_alike(self, other: _Header) -> bool:
        is_parallel = np.allclose(self.orientation, other.orientation, atol=1e-3)
        return bool(is_parallel and self.size == other.size and np.allclose(self.pixel, other.pixel, rtol=1e-3))


def _numbers(name: str, path: Path, reader: sitk.ImageFileReader, tag: str, count: int) -> Floats:
    written = reader.GetMetaData(tag) if reader.HasMetaDataKey(tag) else ""
    try:
        numbers = np.array([float(number) for number in written.split("\\")])
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != count or not np.isfinite(numbers).all():
        problem = f"{path.name} does not say where its pixels lie (tag {tag.replace('|', ',')})"
        raise DataError(name, problem, "export the original slices, not secondary captures")
    return numbers


def _put_upright(
    slices: Slices, pixels: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]], spacing: float
) -> sitk.Image:
    """Interpolate slices to planes of equal distance, none of them moved along itself; linear.

    The new planes are parallel to the slices and as wide as all of them together; beyond a slice its border counts.
    """
    offsets, (columns, rows) = slices.offsets, pixels[0].shape[::-1]
    first = offsets[:, :2].min(axis=0)
    last = offsets[:, :2].max(axis=0) + (np.array([columns, rows]) - 1) * slices.pixel
    x, y = (np.arange(low, high + edge / 2, edge) for low, high, edge in zip(first, last, slices.pixel, strict=True))
    step = min(spacing, float(np.median(slices.gaps)))
    heights = np.arange(0, offsets[-1, 2] + 1e-6 * step, step)
    above = np.clip(np.searchsorted(offsets[:, 2], heights, side="right"), 1, len(pixels) - 1)
    share = (heights - offsets[above - 1, 2]) / slices.gaps[above - 1]
    moved = [
        _shift(image.astype(np.float32), (x - at_x) / slices.pixel[0], (y - at_y) / slices.pixel[1])
        for image, (at_x, at_y, _) in zip(pixels, offsets, strict=True)
    ]
    planes = [(1 - part) * moved[top - 1] + part * moved[top] for top, part in zip(above, share, strict=True)]
    image = sitk.GetImageFromArray(np.stack(planes).astype(np.float32))
    image.SetSpacing([*slices.pixel.tolist(), step])
    image.SetOrigin((slices.positions[0] + slices.axes[:, :2] @ first).tolist())
    image.SetDirection(slices.axes.ravel().tolist())
    return image


def _shift(image: np.ndarray, columns: Floats, rows: Floats) -> np.ndarray:
    """Read an image (rows, columns) between its pixels, at a grid of `rows` and `columns`."""
    for axis, places in enumerate((rows, columns)):
        last = image.shape[axis] - 1
        inside = np.clip(places, 0, last)
        before = np.minimum(inside.astype(int), last - 1)
        share = np.expand_dims((inside - before).astype(np.float32), 1 - axis)
        image = (1 - share) * image.take(before, axis) + share * image.take(before + 1, axis)
    return image
