"""Files of a folder of cases, told apart by their names: volumes, tables, and what is passed over."""

from __future__ import annotations

from pathlib import Path

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")
"""Endings of the volumes that are read, in capital letters, too."""

NIFTI_SUFFIXES = (".nii.gz", ".nii")

_UNREAD_IMAGES = (
    *(".dcm", ".dicom", ".ima", ".img", ".img.gz", ".hdr", ".hdr.gz", ".nhdr", ".nia", ".mgz", ".mgh", ".mnc", ".mif"),
    *(".gipl", ".gipl.gz", ".vtk", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".par", ".rec", ".head", ".brik"),
    *(
        ".npy",
        ".npz",
        ".mat",
        ".h5",
        ".hdf5",
        ".zip",
        ".tar",
        ".tgz",
        ".tar.gz",
        ".7z",
        ".nii.bz2",
        ".nii.xz",
        ".nii.zst",
    ),
)
"""Endings of images and archives that somebody may expect to be read."""


def find_suffix(name: str) -> str | None:
    """Return the ending, in small letters, that makes a file's name that of a volume; None if it is another file."""
    return _find(name, VOLUME_SUFFIXES)


def strip_suffix(name: str) -> str:
    """Return a volume's name without its ending; any other name as it is."""
    suffix = find_suffix(name)
    return name if suffix is None else name[: -len(suffix)]


def is_nifti(path: Path) -> bool:
    """Return whether a file's name is that of a NIfTI volume."""
    return find_suffix(path.name) in NIFTI_SUFFIXES


def is_unread_image(name: str) -> bool:
    """Return whether a file's name looks like that of an image which is not read, as `a.nii(1).gz` and `a.niigz`."""
    is_alike = any(mark in name.lower()[1:] for mark in (".nii", ".nrrd", ".mha", ".mhd"))
    return find_suffix(name) is None and (is_alike or _find(name, _UNREAD_IMAGES) is not None)


def _find(name: str, suffixes: tuple[str, ...]) -> str | None:
    lowered = name.lower()
    return next((suffix for suffix in suffixes if lowered.endswith(suffix) and len(lowered) > len(suffix)), None)
