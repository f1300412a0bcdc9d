"""NIfTI files checked before ITK reads them: it mends, guesses or misreads without a word what is refused here.

nibabel reads the headers, of either version and order of bytes. ITK 5.4 fills up what is cut off, and nan, with zeros;
takes edges of voxels from `pixdim` where `sform` has others; turns an axis over whose `pixdim` is negative; and
prefers now the one, now the other of `qform` and `sform`.
"""

# mypy: disable-error-code=no-untyped-call
# (nibabel has no annotations of its functions.)

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from nibabel.nifti1 import Nifti1Header, data_type_codes
from nibabel.nifti2 import Nifti2Header
from numpy.typing import NDArray

from bohpo.errors import DataError
from trainers.cad.case import Floats
from trainers.cad.formats import find_suffix

Header: TypeAlias = Nifti1Header
Problem: TypeAlias = tuple[str, str]
"""What is wrong, to follow the name of the file, and what to do."""

_HEADERS = {348: Nifti1Header, 540: Nifti2Header}
"""Length of a header, which is also its first number -> who reads it."""

_SCALARS = frozenset({2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280})
"""Codes of integers of 1 to 8 bytes, and of numbers of 4 and 8 bytes with a point."""

_UNITS = {1: "metres", 3: "micrometres"}
"""Codes of units of length other than mm: ITK scales by them, nibabel does not."""

_GZIP_MAGIC = b"\x1f\x8b"
_GREATEST_RATIO = 1100
"""Deflate makes nothing smaller than about 1/1032 of itself."""

_CHUNK = 2**24

GREATEST_SHEAR_DEGREES = 0.5
"""Axes of a volume may be so far from right angles; ITK allows less, and then uses another form in silence."""


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Where a NIfTI file says that it lies.

    Attributes:
        shape: (3,) voxels along i, j, k.
        base: (4, 4) affine to RAS that nibabel assumes without any form.
        qform: (4, 4) affine to RAS, or None where its code is 0.
        sform: Likewise.
    """

    shape: tuple[int, int, int]
    base: Floats
    qform: Floats | None
    sform: Floats | None


def check_nifti(name: str, path: Path) -> None:
    """Refuse a NIfTI file whose header or content would be misread.

    Args:
        name: What errors call the case.
        path: The file.

    Raises:
        DataError: With all that is wrong with its header, or its values.
        OSError: If it is shorter than its header says, or its compressed stream is torn.
        EOFError: Likewise.
        zlib.error: Likewise.
    """
    _check_compression(name, path)
    header = read_header(path)
    if isinstance(header, Nifti2Header):
        raise DataError(name, f"{path.name} is NIfTI-2, which ITK does not read", "write it as NIfTI-1, with nibabel")
    if problems := list(_header_problems(header)):
        said, remedies = (tuple(dict.fromkeys(each)) for each in zip(*problems, strict=True))
        raise DataError(name, f"{path.name} {' and '.join(said)}", "; ".join(remedies))
    kind = header.get_data_dtype()
    voxels = np.frombuffer(_read_voxels(path, header), kind)
    if kind.kind == "f":
        check_finite(name, path, voxels)


def check_finite(name: str, path: Path, signal: NDArray[np.floating[Any]]) -> None:
    """Refuse a volume with nan or infinity.

    Raises:
        DataError: If there is any.
    """
    if not np.isfinite(signal).all():
        raise DataError(name, f"{path.name} has signal that is not finite", "replace nan and infinity by numbers")


def read_header(path: Path) -> Header:
    """Read the header of a NIfTI file as it is written, compressed or not.

    Raises:
        OSError: If the file is torn, or no NIfTI file.
        EOFError: If its compressed stream is torn.
        zlib.error: Likewise.
    """
    with _open(path) as stream:
        start = stream.read(max(_HEADERS))
    lengths = (int.from_bytes(start[:4], order) for order in ("little", "big"))
    length = next((length for length in lengths if length in _HEADERS), None)
    if not start or length is None or len(start) < length or b"n+" not in start[:12] + start[344:348]:
        raise OSError(f"it has {len(start)} bytes of a header" if len(start) < 348 else "it has no header of NIfTI")
    header: Header = _HEADERS[length].from_fileobj(io.BytesIO(start[:length]), check=False)
    return header


def read_forms(path: Path) -> Forms:
    """Read where a NIfTI file says that it lies.

    Raises:
        OSError: If it cannot be read.
        EOFError: Likewise.
        zlib.error: Likewise.
    """
    header = read_header(path)
    i, j, k = (int(edge) for edge in header["dim"][1:4])
    # The standard takes a 0 for 1, and ITK any number for its sign; nibabel refuses both.
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1
    qform, sform = header.get_qform(coded=True)[0], header.get_sform(coded=True)[0]
    return Forms((i, j, k), header.get_base_affine(), qform, sform)


def _open(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as stream:
        is_compressed = stream.read(2) == _GZIP_MAGIC
    return gzip.open(path) if is_compressed else path.open("rb")


def _check_compression(name: str, path: Path) -> None:
    """Refuse a file whose name says compressed and whose content does not, or the other way round."""
    with path.open("rb") as stream:
        start = stream.read(348)
    is_named = find_suffix(path.name) == ".nii.gz"
    is_compressed = start.startswith(_GZIP_MAGIC)
    is_plain = any(int.from_bytes(start[:4], order) in _HEADERS for order in ("little", "big"))
    if is_compressed and not is_named:
        raise DataError(name, f"{path.name} is compressed by gzip", f"call it {path.name}.gz")
    if is_plain and is_named:
        raise DataError(name, f"{path.name} is not compressed", f"call it {path.name[:-3]}, or compress it by gzip")


def _header_problems(header: Header) -> Iterator[Problem]:
    code = int(header["datatype"])
    if code not in _SCALARS:
        kind = data_type_codes.label.get(code, f"type {code}")
        yield (
            f"holds values of the type {kind}",
            "give one real number for each voxel, such as the magnitude in float32",
        )
    count = int(header["dim"][0])
    if not 1 <= count <= 7 or (header["dim"][1 : count + 1] < 1).any():
        yield f"has {header['dim'][1 : max(count, 3) + 1].tolist()} voxels in its header", "write the volume again"
    edges = np.asarray(header["pixdim"][1:4], np.float64)
    remedy = "write the volume again with the edges of its voxels in mm, such as by dcm2niix"
    if not (np.isfinite(edges) & (edges > 0)).all():
        yield f"has voxels of {_by(edges)} mm in its header (pixdim)", remedy
        return
    if unit := _UNITS.get(int(header["xyzt_units"]) & 7):
        yield f"gives lengths in {unit} (xyzt_units)", "write the volume again in mm"
    for key, code_field, fields in _PLACES:
        if header[code_field] > 0 and not np.isfinite([header[field] for field in fields]).all():
            yield f"has numbers that are not finite in its {key}", remedy
            return
    if header["qform_code"] > 0 and np.linalg.norm([header[field] for field in _QUATERNION]) > 1 + _ROUNDING:
        yield "has a quaternion longer than 1 in its qform, which is no rotation", remedy
    if header["sform_code"] > 0:
        yield from _form_problems(header.get_sform()[:3, :3], edges)


_QUATERNION = ("quatern_b", "quatern_c", "quatern_d")
_ROUNDING = 1e-4

_PLACES = (
    ("qform", "qform_code", (*_QUATERNION, "qoffset_x", "qoffset_y", "qoffset_z")),
    ("sform", "sform_code", ("srow_x", "srow_y", "srow_z")),
)


def _form_problems(form: Floats, edges: Floats) -> Iterator[Problem]:
    """Compare the axes (3, 3) of an sform with right angles and with the edges (3,) of pixdim, mm."""
    lengths = np.linalg.norm(form, axis=0)
    if not np.allclose(lengths, edges, rtol=0.01):
        said = f"has voxels of {_by(edges)} mm by pixdim and of {_by(lengths)} mm by its sform"
        yield said, "write the volume again with the edges of its voxels in mm in both, such as by nibabel.save"
        return
    cosines = (form / lengths).T @ (form / lengths) - np.eye(3)
    shear = float(np.degrees(np.arcsin(np.abs(cosines).max().clip(0, 1))))
    if shear > GREATEST_SHEAR_DEGREES:
        said = f"has axes that are not at right angles, but {shear:.1f} degrees off, those of a tilted gantry"
        yield said, "give the DICOM series, or the file that dcm2niix calls NAME_Tilt_1.nii.gz"


def _by(edges: Floats) -> str:
    return " x ".join(f"{edge:.4g}" for edge in edges)


def _read_voxels(path: Path, header: Header) -> bytes:
    """Read the bytes of all voxels, and the rest of a compressed stream, whose end has its checksum."""
    offset = int(header["vox_offset"]) if np.isfinite(header["vox_offset"]) else -1
    count: int = math.prod(header.get_data_shape())
    size = header.get_data_dtype().itemsize * count
    there = path.stat().st_size * (_GREATEST_RATIO if find_suffix(path.name) == ".nii.gz" else 1)
    if offset < 0 or offset + size > there:
        raise OSError(f"{path.stat().st_size} bytes are there, and {offset + size} are wanted")
    with _open(path) as stream:
        stream.seek(offset)
        voxels = stream.read(size)
        if len(voxels) < size:
            raise OSError(f"{offset + len(voxels)} of {offset + size} bytes are there")
        surplus = 0
        while surplus <= size + _CHUNK and (chunk := stream.read(_CHUNK)):
            surplus += len(chunk)
    return voxels
