"""The slices of a DICOM series as one regular volume, wherever the scanner put them.

ITK takes the first slice's place and direction and the mean distance for all of them. That is wrong for a tilted
gantry, whose slices are moved along themselves, and for slices that lie closer together in one part of the head than
in another: lesions end up centimetres from where they are. Here each slice keeps its own place.

Each slice keeps its own slope and intercept, too: ITK takes the type of numbers from the first slice, and cuts those of
the others to whole numbers where it has none with a point.
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
from trainers.cad.case import Floats, Image
from trainers.cad.dicom import SliceHeader, check_headers, describe_inversion, list_series, read_pixels

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
        """Describe what is irregular about them, in words for a log."""
        return (
            f"gantry tilted by {self.tilt_degrees:.1f} degrees, slices {self.gaps.min():.2f} to "
            f"{self.gaps.max():.2f} mm apart"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A DICOM series whose headers have been read and go together, and whose pixels have not been read.

    Attributes:
        headers: Of its slices, in the order of their heights.
        slices: Where they lie.
    """

    headers: tuple[SliceHeader, ...]
    slices: Slices

    @property
    def notes(self) -> tuple[str, ...]:
        """What its owner should know of how its signal is read."""
        return describe_inversion(self.headers)

    @property
    def step(self) -> float:
        """Mean distance of slices, mm; 1 of a single one."""
        return float(self.slices.gaps.mean()) if len(self.headers) > 1 else 1.0

    def read(self, name: str, spacing: float) -> sitk.Image:
        """Read the pixels, each slice with its own slope and intercept, in float32.

        Args:
            name: What the log calls the case.
            spacing: Distance that slices get if theirs is greater or uneven, mm; that of the voxels wanted later.

        Returns:
            A regular volume. Slices of a tilted gantry or of uneven distances are interpolated to it, and the log
            says so.
        """
        pixels = [read_pixels(header) for header in self.headers]
        if self.slices.are_regular:
            edges = (*self.slices.pixel.tolist(), self.step)
            return _place(np.stack(pixels), edges, self.slices.positions[0], self.slices.axes)
        _logger.info("%s: %s; put upright", name, self.slices.describe())
        return _put_upright(self.slices, pixels, spacing)


def read_series(name: str, folder: Path, spacing: float) -> sitk.Image:
    """Read the DICOM series in a folder, see `find_series` and `Series.read`."""
    return find_series(name, folder).read(name, spacing)


def find_series(name: str, folder: Path) -> Series:
    """Read the headers of the DICOM series in a folder, and order its slices.

    Args:
        name: What errors call the case.
        folder: Holds the files of one series.

    Raises:
        DataError: If the folder holds no series or several, slices are missing, lie in one place or in several
            directions, do not say where they lie, or their numbers do not go together.
    """
    headers = [SliceHeader.read(name, file) for file in list_series(name, folder)]
    check_headers(name, headers)
    along_row, along_column = headers[0].orientation
    axes = np.stack([along_row, along_column, np.cross(along_row, along_column)], axis=1)
    headers.sort(key=lambda header: float(header.position @ axes[:, 2]))
    slices = Slices(
        tuple(header.path.name for header in headers),
        np.array([header.position for header in headers]),
        axes,
        headers[0].pixel,
    )
    for problem, remedy in _contradictions(slices):
        raise DataError(name, problem, remedy)
    return Series(tuple(headers), slices)


def _contradictions(slices: Slices) -> Iterator[tuple[str, str]]:
    gaps = slices.gaps
    beside = np.pad(gaps, 1, constant_values=0.0)
    is_lone = gaps > _GAP_BESIDE_GAPS * np.maximum(beside[:-2], beside[2:])
    for (below, above), gap, is_long in zip(pairwise(slices.names), gaps, is_lone, strict=True):
        if gap < GREATEST_SHIFT_MM:
            yield f"{below} and {above} lie in the same place", "keep one of them; a case is one stack of slices"
        elif is_long and len(gaps) > 2:
            yield f"slices are missing: {above} lies {gap:.1f} mm above {below}", "add them, or the whole series again"


def _put_upright(slices: Slices, pixels: Sequence[Image], spacing: float) -> sitk.Image:
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
        _shift(image, (x - at_x) / slices.pixel[0], (y - at_y) / slices.pixel[1])
        for image, (at_x, at_y, _) in zip(pixels, offsets, strict=True)
    ]
    planes = [(1 - part) * moved[top - 1] + part * moved[top] for top, part in zip(above, share, strict=True)]
    origin = slices.positions[0] + slices.axes[:, :2] @ first
    return _place(np.stack(planes), (*slices.pixel.tolist(), step), origin, slices.axes)


def _place(signal: Floats | Image, edges: tuple[float, ...], origin: Floats, axes: Floats) -> sitk.Image:
    """Build an image of a signal (z, y, x) whose voxels have these edges x, y, z and whose first one lies at origin."""
    image = sitk.GetImageFromArray(signal.astype(np.float32, copy=False))
    image.SetSpacing(edges)
    image.SetOrigin(origin.tolist())
    image.SetDirection(axes.ravel().tolist())
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
