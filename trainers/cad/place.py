"""Volumes that do not say, or say twice and differently, where in the scanner they lie.

Every program then assumes something else, and lesions given in mm of the scanner end up beside what they mark.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from trainers.cad.case import Floats
from trainers.cad.formats import find_suffix, is_nifti
from trainers.cad.nifti import Forms, Problem, read_forms
from trainers.cad.table_reader import parse_number

GREATEST_DISTANCE_MM = 1.0
"""Two statements of where a volume lies may put a corner so far apart."""

GREATEST_TURN_DEGREES = 1.0
"""They may turn it so far."""

_EDGES = ("ElementSpacing", "ElementSize")
_ORIGINS = ("Offset", "Origin", "Position")
_MATRICES = ("TransformMatrix", "Orientation", "Rotation")
"""Keys of MetaImage; those of each line mean the same."""

_HEADER_BYTES = 2**16
_REMEDY = "convert the original series again, such as by dcm2niix, and mark lesions in what comes of it"


def find_place_problems(path: Path) -> Iterator[Problem]:
    """Find what is unclear about the place of a volume.

    Args:
        path: A file, or a folder whose files are volumes; what cannot be read is left to `read_volume`.

    Yields:
        What is unclear, beginning with the name of the file, with figures, and what to do.
    """
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if find_suffix(file.name) is None or not file.is_file():
            continue
        try:
            for problem, remedy in _nifti_problems(read_forms(file)) if is_nifti(file) else _text_problems(file):
                yield f"{file.name} {problem}", remedy
        except (OSError, EOFError, ValueError, zlib.error):
            continue


def _nifti_problems(forms: Forms) -> Iterator[Problem]:
    if forms.qform is None and forms.sform is None:
        edges = np.linalg.norm(forms.base[:3, :3], axis=0)
        by_itk = np.diag([*(edges * [-1, -1, 1]), 1.0])
        apart = _distance(forms.base, by_itk, forms.shape)
        said = "does not say where it lies (qform_code and sform_code are 0): nibabel and ITK put it "
        yield f"{said}up to {apart:.0f} mm apart", _REMEDY
    elif forms.qform is not None and forms.sform is not None:
        apart, turn = _distance(forms.qform, forms.sform, forms.shape), _turn(forms.qform, forms.sform)
        if apart > GREATEST_DISTANCE_MM or turn > GREATEST_TURN_DEGREES:
            said = f"says twice where it lies: its qform and sform are {apart:.1f} mm and {turn:.1f} degrees apart"
            remedy = "keep the one that the lesions were marked in, and copy it over the other (fslorient)"
            yield said, remedy


def _text_problems(path: Path) -> Iterator[Problem]:
    """Look for the place in the text that a MetaImage or NRRD file begins with."""
    with path.open("rb") as stream:
        text = stream.read(_HEADER_BYTES).decode("latin-1")
    return _nrrd_problems(text) if find_suffix(path.name) == ".nrrd" else _metaimage_problems(text)


def _nrrd_problems(text: str) -> Iterator[Problem]:
    keys = {line.partition(":")[0].strip().lower() for line in text.partition("\n\n")[0].splitlines()}
    absent = [key for key in ("space directions", "space origin") if key not in keys]
    if not keys & {"space", "space dimension"}:
        absent.insert(0, "space")
    yield from _absence(absent)


def _metaimage_problems(text: str) -> Iterator[Problem]:
    lines = [line.partition("=") for line in text.partition("ElementDataFile")[0].splitlines()]
    values = {key.strip(): value.strip() for key, _, value in lines}
    for key in _EDGES + _ORIGINS:  # ITK takes what is no number for 0, and turns negative edges over
        numbers = [parse_number(number) for number in values.get(key, "").split()]
        if None in numbers or (key in _EDGES and any(number is not None and number <= 0 for number in numbers)):
            yield f"has {key} = {values[key]} in its header", _REMEDY
    yield from _absence([names[0] for names in (_ORIGINS, _MATRICES) if not values.keys() & set(names)])


def _absence(keys: list[str]) -> Iterator[Problem]:
    if keys:
        yield f"does not say where it lies (its header lacks {', '.join(keys)})", _REMEDY


def _distance(one: Floats, other: Floats, shape: tuple[int, int, int]) -> float:
    """Compute how far two affines (4, 4) put a corner of a volume apart at most, mm."""
    corners = np.array([[*corner, 1] for corner in product(*((0, edge - 1) for edge in shape))])
    return float(np.linalg.norm((corners @ (one - other).T)[:, :3], axis=1).max())


def _turn(one: Floats, other: Floats) -> float:
    """Compute by how many degrees the axes of two affines (4, 4) differ at most."""
    units = [affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0) for affine in (one, other)]
    return float(np.degrees(np.arccos(np.clip((units[0] * units[1]).sum(axis=0), -1, 1))).max())
