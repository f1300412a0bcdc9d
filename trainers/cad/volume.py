"""Volumes out of NIfTI files and DICOM series, on cubic voxels.

SimpleITK reads them. Only the signal and where it lies are taken; no other tag of a header is looked at.
"""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

import contextlib
import math
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray
from scipy import ndimage

from bohpo.errors import DataError
from trainers.cad.case import Floats, Image
from trainers.cad.formats import find_suffix, is_nifti, strip_suffix
from trainers.cad.nifti import GREATEST_SHEAR_DEGREES, check_finite, check_nifti
from trainers.cad.slices import find_series

LEAST_EDGE = 8

MOST_VOXELS = 2**30
"""Larger volumes, of 4 GiB and more, are refused: a body of 0.4 x 0.4 x 1.5 m has a billion voxels of 0.6 mm."""

READING_VERSION = 2
"""Raise it with any change that alters a volume that was read: those that are cached are stale then."""

_SCALARS = frozenset(
    {
        *(sitk.sitkInt8, sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkUInt32),
        *(sitk.sitkInt64, sitk.sitkUInt64, sitk.sitkFloat32, sitk.sitkFloat64),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A volume with cubic voxels, its array's axes as close to x, y, z of LPS as they come.

    Attributes:
        signal: (z, y, x) signal; (c, z, y, x) where an application stacks several.
        spacing: Edge of a voxel, mm.
        origin: (3,) world coordinates x, y, z of the centre of the first voxel, mm.
        axes: (3, 3) columns are the unit vectors along the array's x, y and z.
        notes: What was done to the signal that its owner should know of.
    """

    signal: Image
    spacing: float
    origin: Floats
    axes: Floats
    notes: tuple[str, ...] = ()


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
    if not path.is_dir():
        return to_volume(name, path, read_image(name, path), spacing)
    with _errors_named(name, path):
        series = find_series(name, path)
        image = series.read(name, spacing)
    return replace(to_volume(name, path, image, spacing), notes=series.notes)


def read_image(name: str, path: Path) -> sitk.Image:
    """Read a file as it is, of any dimension.

    Args:
        name: What errors call the case.
        path: A file that SimpleITK reads.

    Raises:
        DataError: If it cannot be read, or its axes are not at right angles.
    """
    if not path.is_file():
        raise DataError(name, f"{path.name} is no file, or a link that leads to none", "put the volume's file there")
    with _errors_named(name, path), plainly_named(name, path) as readable:
        if is_nifti(path):
            check_nifti(name, path)
        return sitk.ReadImage(str(readable))


@contextlib.contextmanager
def plainly_named(name: str, path: Path) -> Iterator[Path]:
    """Link a file whose ending has capital letters to a name that ITK knows, for the time of reading it.

    Raises:
        DataError: If it is a header of voxels in another file, which could not be found from the link.
    """
    suffix = find_suffix(path.name)
    if suffix is None or path.name.endswith(suffix):
        yield path
        return
    if suffix == ".mhd":  # it names a file of voxels beside it
        raise DataError(name, f"{path.name} has an ending in capital letters", f"call it {strip_suffix(path.name)}.mhd")
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"volume{suffix}"
        link.symlink_to(path.resolve())
        yield link


@contextlib.contextmanager
def _errors_named(name: str, path: Path) -> Iterator[None]:
    """Turn errors of reading a file into one that names the case and what to do."""
    try:
        yield
    except (RuntimeError, OSError, EOFError, ValueError, zlib.error) as error:
        problem, remedy = f"{path.name} cannot be read ({_last_line(error)})", "replace the file, it may be torn"
        if "orthonormal" in str(error):
            problem = f"{path.name} has axes that are not at right angles, those of a tilted gantry"
            remedy = "give the DICOM series, or the file that dcm2niix calls NAME_Tilt_1.nii.gz"
        raise DataError(name, problem, remedy) from error


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()


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
    check_kind(name, path, image)
    _check_grid(name, path, image)
    with _errors_named(name, path):
        upright = sitk.DICOMOrient(image, "LPS")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity, which is refused
        signal = sitk.GetArrayFromImage(upright).astype(np.float32)
    # Interpolation would turn infinity into the greatest number there is.
    check_finite(name, path, signal)
    _check_size(name, path, upright, spacing)
    volume = _resample(upright, signal, spacing)
    _check(name, path, volume)
    return volume


def check_kind(name: str, path: Path, image: sitk.Image) -> None:
    """Refuse an image that is no 3D volume of one real number for each voxel.

    Raises:
        DataError: If it has other dimensions, several channels, or complex numbers.
    """
    if image.GetDimension() != 3 or image.GetPixelID() not in _SCALARS:
        kind = f"{image.GetDimension()}D with {image.GetNumberOfComponentsPerPixel()} channels"
        if image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() == 1:
            kind = f"3D of {image.GetPixelIDTypeAsString()}"
        raise DataError(name, f"{path.name} is {kind}", "give one 3D volume of magnitudes")


def _check_grid(name: str, path: Path, image: sitk.Image) -> None:
    """Refuse a grid that is no box of voxels: formats other than NIfTI are taken by ITK as they come."""
    axes = np.array(image.GetDirection()).reshape(3, 3)
    if not np.isfinite([*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection()]).all():
        raise DataError(name, f"{path.name} lies at a place that is not finite", "write the volume again")
    cosines = np.abs(axes.T @ axes - np.eye(3)).max()
    if cosines > np.sin(np.radians(GREATEST_SHEAR_DEGREES)):
        problem = f"{path.name} has axes that are not at right angles or not of length 1"
        raise DataError(name, problem, "resample it to voxels at right angles, or give the DICOM series")


def _new_size(image: sitk.Image, spacing: float) -> NDArray[np.int64]:
    """Compute how many voxels (3,) of this edge a volume has along x, y, z."""
    lengths = (np.array(image.GetSize()) - 1) * np.array(image.GetSpacing())
    return np.maximum(1, np.floor(lengths / spacing + 1e-6).astype(np.int64) + 1)


def _check_size(name: str, path: Path, image: sitk.Image, spacing: float) -> None:
    """Refuse a volume that would be too large, before memory is asked for: its voxels are in another unit, or huge.

    Raises:
        DataError: If it would have more than `MOST_VOXELS`.
    """
    size = _new_size(image, spacing)
    if math.prod(size.tolist()) > MOST_VOXELS:
        new, old = (" x ".join(f"{edge:.4g}" for edge in edges) for edges in (size, image.GetSpacing()))
        problem = f"{path.name} has voxels of {old} mm by its header, which makes {new} voxels of {spacing:g} mm"
        raise DataError(name, problem, "write the volume with the edges of its voxels in mm, or crop it")


def _resample(image: sitk.Image, signal: Image, spacing: float) -> Volume:
    """Put a volume on cubic voxels whose first one keeps its centre; linear, smoothed before it gets coarser."""
    old, edges = np.array(image.GetSpacing()), _new_size(image, spacing)
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
    if volume.signal.min() == volume.signal.max():
        raise DataError(name, f"{path.name} is the same everywhere", "replace the file, it holds no image")
