"""DICOM files written byte by byte, so that tests can choose every tag; SimpleITK's writer refuses or mends many."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SERIES = "1.2.826.0.1.3680043.2.1125.1.9"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_LONG_FORMS = {"OB", "OW", "UN"}


def _element(group: int, element: int, representation: str, value: bytes) -> bytes:
    padded = value + (b"\0" if representation in ("UI", "OB") else b" ") * (len(value) % 2)
    tag = struct.pack("<HH", group, element) + representation.encode()
    if representation in _LONG_FORMS:
        return tag + struct.pack("<HI", 0, len(padded)) + padded
    return tag + struct.pack("<H", len(padded)) + padded


def _text(group: int, element: int, representation: str, value: object) -> bytes:
    return _element(group, element, representation, str(value).encode())


def _short(element: int, value: int) -> bytes:
    return _element(0x0028, element, "US", struct.pack("<H", value))


def write_slice(
    path: Path,
    pixels: NDArray[np.generic],
    *,
    number: int = 0,
    position: tuple[float, float, float] = (0.0, 0.0, 0.0),
    slope: float | None = None,
    intercept: float | None = None,
    photometric: str = "MONOCHROME2",
    series: str = SERIES,
    modality: str = "PT",
    frames: int = 1,
    bits_stored: int = 16,
    extra: Mapping[tuple[int, int], tuple[str, str]] | None = None,
) -> None:
    """Write pixels (rows, columns), or (frames, rows, columns), of 16 bits as a DICOM file.

    Args:
        path: The file.
        pixels: Stored values, int16 or uint16.
        number: Instance number; makes the instance's identifier, too.
        position: Centre of the first pixel, x, y, z in mm.
        slope: Rescale slope, or None for no tag.
        intercept: Rescale intercept, or None for no tag.
        photometric: Photometric interpretation.
        series: Identifier of the series.
        modality: Modality.
        frames: Number of frames; a tag where it is more than one.
        bits_stored: Bits of a pixel that count.
        extra: More tags of group 0020 and above: (group, element) -> (representation, text).
    """
    rows, columns = pixels.shape[-2:]
    is_signed = pixels.dtype == np.int16
    storage, instance = "1.2.840.10008.5.1.4.1.1.128", f"{series}.{number + 1}"
    elements: dict[tuple[int, int], bytes] = {
        (0x0008, 0x0016): _text(0x0008, 0x0016, "UI", storage),
        (0x0008, 0x0018): _text(0x0008, 0x0018, "UI", instance),
        (0x0008, 0x0060): _text(0x0008, 0x0060, "CS", modality),
        (0x0020, 0x000D): _text(0x0020, 0x000D, "UI", "1.2.826.0.1.3680043.2.1125.1"),
        (0x0020, 0x000E): _text(0x0020, 0x000E, "UI", series),
        (0x0020, 0x0013): _text(0x0020, 0x0013, "IS", number),
        (0x0020, 0x0032): _text(0x0020, 0x0032, "DS", "\\".join(f"{each:g}" for each in position)),
        (0x0020, 0x0037): _text(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"),
        (0x0028, 0x0002): _short(0x0002, 1),
        (0x0028, 0x0004): _text(0x0028, 0x0004, "CS", photometric),
        (0x0028, 0x0010): _short(0x0010, rows),
        (0x0028, 0x0011): _short(0x0011, columns),
        (0x0028, 0x0030): _text(0x0028, 0x0030, "DS", "1\\1"),
        (0x0028, 0x0100): _short(0x0100, 16),
        (0x0028, 0x0101): _short(0x0101, bits_stored),
        (0x0028, 0x0102): _short(0x0102, bits_stored - 1),
        (0x0028, 0x0103): _short(0x0103, int(is_signed)),
        (0x7FE0, 0x0010): _element(0x7FE0, 0x0010, "OW", np.ascontiguousarray(pixels).tobytes()),
    }
    if frames > 1:
        elements[0x0028, 0x0008] = _text(0x0028, 0x0008, "IS", frames)
    if slope is not None:
        elements[0x0028, 0x1053] = _text(0x0028, 0x1053, "DS", slope)
    if intercept is not None:
        elements[0x0028, 0x1052] = _text(0x0028, 0x1052, "DS", intercept)
    for tag, (representation, text) in (extra or {}).items():
        elements[tag] = _text(*tag, representation, text)
    meta = b"".join(
        [
            _element(0x0002, 0x0001, "OB", b"\0\1"),
            _text(0x0002, 0x0002, "UI", storage),
            _text(0x0002, 0x0003, "UI", instance),
            _text(0x0002, 0x0010, "UI", _EXPLICIT_LITTLE_ENDIAN),
            _text(0x0002, 0x0012, "UI", "1.2.826.0.1.3680043.2.1125"),
        ]
    )
    length = _element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + length + meta + b"".join(elements[tag] for tag in sorted(elements)))


def write_series(folder: Path, pixels: NDArray[Any], **tags: Any) -> None:
    """Write pixels (slices, rows, columns) as a series; a list among the tags has one value for each slice."""
    for number, each in enumerate(pixels):
        own = {key: value[number] if isinstance(value, list) else value for key, value in tags.items()}
        position = own.pop("position", (0.0, 0.0, 2.0 * number))
        write_slice(folder / f"{number:03d}.dcm", each, number=number, position=position, **own)
