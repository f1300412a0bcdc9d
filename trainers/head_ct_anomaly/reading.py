"""Head CT out of files, on the network's scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bohpo.errors import DataError
from trainers.cad.case import Image
from trainers.cad.volume import Volume, read_volume
from trainers.head_ct_anomaly.attenuation import is_inside, strip

AIR_AT_MOST_HU = -500.0

READING_VERSION = 1
"""Raise it with any change that alters a volume that was read."""


def read_head(name: str, path: Path, spacing: float) -> Volume:
    """Read a head CT, and mark what lies outside the skull.

    Args:
        name: What errors call the case.
        path: A file that SimpleITK reads, or a folder with one DICOM series.
        spacing: Edge of the new voxels, mm.

    Raises:
        DataError: If it cannot be read, or shows no skull in Hounsfield units.
    """
    volume = read_volume(name, path, spacing)
    least = float(volume.signal.min())
    if least > AIR_AT_MOST_HU:
        problem = f"{path.name} has no air around the head, its least signal is {least:g}"
        raise DataError(name, problem, "give Hounsfield units, where air is about -1000, and the head with its skull")
    signal = strip(volume.signal, spacing)
    if not is_inside(signal).any():
        problem = f"{path.name} shows no inside of a skull"
        raise DataError(name, problem, "give a head with its skull, in Hounsfield units")
    return replace(volume, signal=signal)


def as_read(signal: Image) -> Image:
    """Leave the signal as `read_head` gave it."""
    return signal
