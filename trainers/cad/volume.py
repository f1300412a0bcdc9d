"""Volumes out of NIfTI files and DICOM series, on cubic voxels.

SimpleITK reads them. Only the signal and where it lies are taken; no other tag of a header is looked at.
"""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

import contextlib
import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray
from scipy import ndimage

from bohpo.errors import DataError
from trainers.cad.case import Floats, Image
from trainers.cad.slices import read_series

LEAST_EDGE = 8

_FLOATS = (16, 64)
"""What the header of a NIfTI file calls numbers of 4 and of 8 bytes with a point."""

_HEADER_BYTES = (348, 540)
"""What a header of NIfTI-1 and of NIfTI-2 begins with: its length, in the order of bytes of the whole file."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A volume with cubic voxels, its array's axes as close to x, y, z of LPS as they come.

    Attributes:
        signal: (z, y, x) signal; (c, z, y, x) where an application stacks several.
        spacing: Edge of a voxel, mm.
        origin: (3,) world coordinates x, y, z of the centre of the first voxel, mm.
        axes: (3, 3) columns are the unit vectors along the array's x, y and z.
    """

    signal: Image
    spacing: float
    origin: Floats
    axes: Floats


def read_volume(name: str, path: Path, spacing: float) -> Volume:
    """Read a case's volume and resample it.

    Args:
        name: What errors call the case.
        path: A file that SimpleITK reads, or a folder with one DICOM series.
        spacing: Edge of the new voxels, mm.

    Returns:
        The volume, turned so that its axes run towards left, back and head as nearly as its voxels allow.

    Raises:
        DataError: If it cannot be read, is no 3D volume of one channel, is too small, or has signal that is not finite.
    """
    if path.is_dir():
        with _errors_named(name, path):
            return to_volume(name, path, read_series(name, path, spacing), spacing)
    return to_volume(name, path, read_image(name, path), spacing)


def read_image(name: str, path: Path) -> sitk.Image:
    """Read a file as it is, of any dimension.

    Args:
        name: What errors call the case.
        path: A file that SimpleITK reads.

    Raises:
        DataError: If it cannot be read, or its axes are not at right angles.
    """
    with _errors_named(name, path):
        if path.name.endswith((".nii", ".nii.gz")):
            _check_content(name, path)
        return sitk.ReadImage(str(path))


@contextlib.contextmanager
def _errors_named(name: str, path: Path) -> Iterator[None]:
    """Say of which case it is, and what to do, when a file cannot be read."""
    try:
        yield
    except (RuntimeError, OSError, EOFError, zlib.error) as error:
        problem, remedy = f"{path.name} cannot be read ({_last_line(error)})", "replace the file, it may be torn"
        if "orthonormal" in str(error):
            problem = f"{path.name} has axes that are not at right angles, those of a tilted gantry"
            remedy = "give the DICOM series, or the file that dcm2niix calls NAME_Tilt_1.nii.gz"
        raise DataError(name, problem, remedy) from error


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()


def to_volume(name: str, path: Path, image: sitk.Image, spacing: float) -> Volume:
    """Turn and resample an image.

    Args:
        name: What errors call the case.
        path: Where the image was read.
        image: A 3D image of one channel.
        spacing: Edge of the new voxels, mm.

    Raises:
        DataError: If it is no 3D volume of one channel, is too small, or has signal that is not finite.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        kind = f"{image.GetDimension()}D with {image.GetNumberOfComponentsPerPixel()} channels"
        raise DataError(name, f"{path.name} is {kind}", "give one 3D volume of magnitudes")
    volume = _resample(sitk.DICOMOrient(image, "LPS"), spacing)
    _check(name, path, volume)
    return volume


def _check_content(name: str, path: Path) -> None:
    """Refuse a NIfTI file that ITK would mend without a word: it fills up what was cut off, and nan, with zeros.

    Raises:
        OSError: If it is shorter than its header says, or its compressed stream is torn.
        EOFError: Likewise.
        zlib.error: Likewise.
        DataError: If it has signal that is not finite.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    offset, bits = (int(float(reader.GetMetaData(key))) for key in ("vox_offset", "bitpix"))
    expected = offset + math.prod(reader.GetSize()) * bits // 8
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(content) < expected:
        raise OSError(f"{len(content)} of {expected} bytes are there")
    if int(reader.GetMetaData("datatype")) in _FLOATS:
        order = "<" if int.from_bytes(content[:4], "little") in _HEADER_BYTES else ">"
        _check_finite(name, path, np.frombuffer(content[offset:expected], f"{order}f{bits // 8}"))


def _resample(image: sitk.Image, spacing: float) -> Volume:
    """Put a volume on cubic voxels whose first one keeps its centre; linear, smoothed before it gets coarser."""
    old = np.array(image.GetSpacing())
    edges = np.maximum(1, np.floor((np.array(image.GetSize()) - 1) * old / spacing + 1e-6).astype(int) + 1)
    signal = sitk.GetArrayFromImage(image).astype(np.float32)
    # Variances of point spreads add up: a voxel's edge is taken as the width at half maximum.
    sigmas = np.sqrt(np.maximum(0, spacing**2 - old**2)) / 2.355 / old
    smooth = sitk.GetImageFromArray(ndimage.gaussian_filter(signal, sigmas[::-1], mode="nearest"))
    smooth.CopyInformation(image)
    # Linear interpolation on the last voxel's centre may round to just outside; the border then counts, not 0.
    resampled = sitk.Resample(
        smooth,
        edges.tolist(),
        sitk.Transform(),
        sitk.sitkLinear,
        image.GetOrigin(),
        [spacing] * 3,
        image.GetDirection(),
        float(np.median(signal)),
        sitk.sitkFloat32,
    )
    return Volume(
        signal=sitk.GetArrayFromImage(resampled),
        spacing=spacing,
        origin=np.array(image.GetOrigin()),
        axes=np.array(image.GetDirection()).reshape(3, 3),
    )


def _check(name: str, path: Path, volume: Volume) -> None:
    if min(volume.signal.shape) < LEAST_EDGE:
        size = " x ".join(str(edge) for edge in reversed(volume.signal.shape))
        problem = f"{path.name} has only {size} voxels of {volume.spacing:g} mm"
        raise DataError(name, problem, "give a volume, not a slice, or a smaller spacing_mm")
    _check_finite(name, path, volume.signal)
    if volume.signal.min() == volume.signal.max():
        raise DataError(name, f"{path.name} is the same everywhere", "replace the file, it holds no image")


def _check_finite(name: str, path: Path, signal: NDArray[np.floating[Any]]) -> None:
    if not np.isfinite(signal).all():
        raise DataError(name, f"{path.name} has signal that is not finite", "replace nan and infinity by numbers")
