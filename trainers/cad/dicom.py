"""Files of one DICOM series: their headers, what must be the same in all of them, and their pixels.

Only what says where the pixels lie and what their numbers mean is read from a header, nothing of the patient.
"""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError
from trainers.cad.case import Floats, Image
from trainers.cad.table_reader import parse_number

MODALITY = "0008|0060"
POSITION, ORIENTATION, PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
SAMPLES, PHOTOMETRIC, FRAMES, BITS_STORED = "0028|0002", "0028|0004", "0028|0008", "0028|0101"
INTERCEPT, SLOPE, RESCALE_TYPE, UNITS = "0028|1052", "0028|1053", "0028|1054", "0054|1001"

_READ_BITS_OF_INVERTED = ("8", "16")
"""Bits stored of the MONOCHROME1 images that ITK's reader takes."""

_MAGIC_OFFSET, _MAGIC = 128, b"DICM"


@dataclass(frozen=True, slots=True, eq=False)
class SliceHeader:
    """What a file of a series says of its pixels.

    Attributes:
        path: The file.
        size: Columns, rows and frames.
        position: (3,) centre of the first pixel, x, y, z in mm, LPS.
        orientation: (2, 3) unit vectors along a row and along a column.
        pixel: (2,) edge of a pixel along a row and along a column, mm.
        samples: Numbers for each pixel; more than one is a colour.
        photometric: Photometric interpretation: MONOCHROME2 is bright where numbers are high, MONOCHROME1 where low.
        bits_stored: Bits of a stored number, as text.
        scale: Slope and intercept that lead from stored numbers to the signal, as text.
        unit: Rescale type and units of the signal.
        modality: CT, MR, PT ...
    """

    path: Path
    size: tuple[int, ...]
    position: Floats
    orientation: Floats
    pixel: Floats
    samples: str
    photometric: str
    bits_stored: str
    scale: tuple[str, str]
    unit: tuple[str, str]
    modality: str

    @classmethod
    def read(cls, name: str, path: Path) -> SliceHeader:
        """Read the header of a file.

        Raises:
            DataError: If it holds several frames, or does not say where its pixels lie.
            RuntimeError: If it cannot be read.
        """
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if int(_text(reader, FRAMES) or 1) > 1:
            problem = f"{path.name} holds {_text(reader, FRAMES)} frames, each with a place and a scale of its own"
            raise DataError(name, problem, "convert it by dcm2niix, or export one file for each slice")
        down_and_across = _numbers(name, path, reader, PIXEL_SPACING, 2)
        return cls(
            path=path,
            size=reader.GetSize(),
            position=_numbers(name, path, reader, POSITION, 3),
            orientation=_numbers(name, path, reader, ORIENTATION, 6).reshape(2, 3),
            pixel=down_and_across[::-1],
            samples=_text(reader, SAMPLES) or "1",
            photometric=_text(reader, PHOTOMETRIC),
            bits_stored=_text(reader, BITS_STORED),
            scale=(_text(reader, SLOPE) or "1", _text(reader, INTERCEPT) or "0"),
            unit=(_text(reader, RESCALE_TYPE), _text(reader, UNITS)),
            modality=_text(reader, MODALITY),
        )

    @property
    def is_inverted(self) -> bool:
        """Whether low stored numbers are bright."""
        return self.photometric == "MONOCHROME1"

    @property
    def has_scale(self) -> bool:
        """Whether slope and intercept are numbers that lead anywhere: ITK takes any others for 1 and 0."""
        slope, intercept = map(parse_number, self.scale)
        if slope is None or intercept is None:
            return False
        return slope != 0 and math.isfinite(slope) and math.isfinite(intercept)

    def is_parallel(self, other: SliceHeader) -> bool:
        """Whether both slices have the same direction, size and edges of pixels."""
        is_turned = np.allclose(self.orientation, other.orientation, atol=1e-3)
        return bool(is_turned and self.size == other.size and np.allclose(self.pixel, other.pixel, rtol=1e-3))


def list_series(name: str, folder: Path) -> list[Path]:
    """List the files of the DICOM series in a folder, in no order.

    Raises:
        DataError: If it holds no series or several, what is no file, or torn files of DICOM.
    """
    odd = [path.name for path in sorted(folder.iterdir()) if not _is_file_or_folder(path)]
    if odd:
        problem = f"the folder {folder.name} holds {', '.join(odd)}, which is no file, or a link that leads to none"
        raise DataError(name, problem, "remove it")
    below = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and any(map(_is_dicom, path.rglob("*")))]
    if below:
        problem = f"the folder {folder.name} holds DICOM files in folders of its own ({', '.join(below)})"
        raise DataError(name, problem, "put the files of one series into it, without folders, and move others away")
    sitk.ProcessObject.GlobalWarningDisplayOff()  # what it warns of is told here as an error, by the case's name
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        remedy = "keep the files of one series only" if series else "add its files to it, or remove the folder"
        raise DataError(name, f"the folder {folder.name} holds {len(series)} DICOM series", remedy)
    files = [Path(file) for file in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])]
    known = {file.name for file in files}
    torn = [path.name for path in sorted(folder.iterdir()) if path.name not in known and _is_dicom(path)]
    if torn:
        problem = f"{', '.join(torn)} in its folder cannot be read as a slice of the series"
        raise DataError(name, problem, "replace torn files, and remove what is no image")
    return files


def check_headers(name: str, headers: Sequence[SliceHeader]) -> None:
    """Refuse slices whose numbers or directions do not go together.

    Raises:
        DataError: Names the first contradiction, with its remedy.
    """
    for problem, remedy in _contradictions(headers):
        raise DataError(name, problem, remedy)


def describe_inversion(headers: Sequence[SliceHeader]) -> tuple[str, ...]:
    """Return a note where the series is stored with low numbers for bright pixels; else nothing."""
    if not headers[0].is_inverted:
        return ()
    return ("its series is MONOCHROME1, low numbers are bright: turned over, so that high signal is bright",)


def read_pixels(header: SliceHeader) -> Image:
    """Read the signal (rows, columns) of a slice, its own slope and intercept applied, in float32.

    Raises:
        RuntimeError: If it cannot be read.
    """
    # ITK turns MONOCHROME1 over itself, number by number, before slope and intercept.
    pixels: Image = sitk.GetArrayFromImage(sitk.ReadImage(str(header.path), sitk.sitkFloat32))[0]
    return pixels


def _contradictions(headers: Sequence[SliceHeader]) -> Iterator[tuple[str, str]]:
    first = headers[0]
    if any(not first.is_parallel(header) for header in headers):
        problem = "its slices have several directions or sizes of pixels"
        yield problem, "keep one stack of slices only, without localizers and reformatted images"
    if colour := next((header for header in headers if header.samples != "1"), None):
        yield f"{colour.path.name} is a colour image ({colour.photometric})", "export the original slices in grey"
    if len(kinds := sorted({header.photometric for header in headers})) > 1:
        yield f"its slices are {' and '.join(kinds)}", "export all slices in the same photometric interpretation"
    if len(units := sorted({" ".join(header.unit).strip() for header in headers})) > 1:
        yield f"its slices are in several units ({', '.join(map(repr, units))})", "export all slices in the same unit"
    if unscaled := next((header for header in headers if not header.has_scale), None):
        slope, intercept = unscaled.scale
        said = f"{unscaled.path.name} has the rescale slope {slope!r} and intercept {intercept!r}"
        yield said, "export the series again: the slope is a number such as 0.5, and not 0"
    if not first.is_inverted:
        return
    if any(header.modality == "CT" for header in headers):
        problem = "its series is CT in MONOCHROME1, where low numbers are bright, which Hounsfield units are not"
        yield problem, "export the original slices (MONOCHROME2)"
    if len({header.scale for header in headers}) > 1:
        yield "its slices are MONOCHROME1 with several slopes or intercepts", "export them as MONOCHROME2"
    if first.bits_stored not in _READ_BITS_OF_INVERTED:
        yield f"its slices are MONOCHROME1 with {first.bits_stored} bits stored", "export them as MONOCHROME2"


def _is_file_or_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _is_dicom(path: Path) -> bool:
    if not path.is_file() or path.name.upper() == "DICOMDIR":
        return False
    with path.open("rb") as stream:
        return stream.read(_MAGIC_OFFSET + len(_MAGIC)).endswith(_MAGIC)


def _text(reader: sitk.ImageFileReader, tag: str) -> str:
    return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def _numbers(name: str, path: Path, reader: sitk.ImageFileReader, tag: str, count: int) -> Floats:
    try:
        numbers = np.array([float(number) for number in _text(reader, tag).split("\\")])
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != count or not np.isfinite(numbers).all():
        problem = f"{path.name} does not say where its pixels lie (tag {tag.replace('|', ',')})"
        raise DataError(name, problem, "export the original slices, not secondary captures")
    return numbers
