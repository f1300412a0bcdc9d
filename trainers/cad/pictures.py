"""Pictures of lesions: each where its table says it is, so that eyes can judge what figures cannot."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray
from scipy import ndimage

from bohpo.errors import UsageError
from trainers.cad.case import Case, Floats, Image

Pixels: TypeAlias = NDArray[np.uint8]

MOST_PICTURES, MOST_OF_CASE = 500, 20
"""Pictures of a folder and of one case; the index says how many lesions have none."""

EDGE = 192
"""Pixels along each side of a plane."""

LEAST_CLOSE_UP_MM = 30.0
"""Close-ups show so much at least, and four times the diameter of the lesion."""

_PLANES = ((1, 2), (0, 2), (0, 1))
"""Axes of the array (z, y, x) that run down and across: axial, coronal, sagittal."""

_CROSS, _CIRCLE = (255, 210, 0), (0, 220, 255)
_GAP = 4
_MOST_BYTES = 200
"""Of a case's name in that of a picture; file systems take 255 in all."""

_INDEX = "index.html"

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lesions of {title}</title>
<style>body{{font:14px system-ui,sans-serif;background:#111;color:#ddd;margin:2em}}
figure{{display:inline-block;margin:0 1em 1em 0}}figcaption{{max-width:{width}px}}</style>
<h1>Lesions of {title}</h1>
<p>Axial, coronal and sagittal planes through the centre that the table gives: whole above, close below. The patient's
left is on the right, head and front are up and left. Yellow: the centre. Blue: the diameter.</p>
{figures}
{left_out}
</html>
"""


@dataclass(slots=True)
class Album:
    """A folder of pictures that grows case by case.

    Attributes:
        folder: Where they are written.
        figures: What the index shows, as HTML.
        left_out: Lesions without a picture, as text.
        count: Pictures so far.
    """

    folder: Path
    figures: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    count: int = 0

    @classmethod
    def create(cls, folder: Path, data: Path) -> Album:
        """Create the folder, for its owner's eyes only.

        Args:
            folder: New, or empty.
            data: Folder of the cases, which it must not lie in: it would be taken for a case.

        Raises:
            UsageError: If it cannot be created, holds something, or lies in the folder of the cases.
        """
        if folder.resolve().is_relative_to(data.resolve()):
            raise UsageError(f"pictures: {folder} lies in the folder of cases; name a folder beside it")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(folder.iterdir()):
                raise UsageError(f"pictures: {folder} holds something already; name a new folder, or empty it")
        except OSError as error:
            raise UsageError(f"pictures: {folder} cannot be created ({error.strerror}); name another folder") from error
        return cls(folder)

    def add(self, case: Case) -> None:
        """Write a picture of each lesion of a case that lies within its volume."""
        for number, (centre, diameter) in enumerate(zip(case.centres, case.diameters, strict=True), 1):
            place = ", ".join(f"{each:g}" for each in centre)
            said = f"{case.name}, lesion {number}: {place} mm, diameter {_in_words(diameter)}"
            if not case.holds(centre[None])[0]:
                self.left_out.append(f"{said}; outside the volume")
            elif number > MOST_OF_CASE or self.count >= MOST_PICTURES:
                self.left_out.append(f"{said}; at most {MOST_OF_CASE} of a case, {MOST_PICTURES} in all")
            else:
                self.count += 1
                name = f"{self._stem(case.name)}-{number:02d}.png"
                picture = sitk.GetImageFromArray(draw_lesion(case, centre, float(diameter)), isVector=True)
                sitk.WriteImage(picture, str(self.folder / name))
                image = f'<img src="{quote(name)}" alt="{escape(said)}">'
                self.figures.append(f"<figure>{image}<figcaption>{escape(said)}</figcaption></figure>")

    def finish(self, title: str) -> None:
        """Write the index."""
        listed = "".join(f"<li>{escape(each)}</li>" for each in self.left_out)
        left_out = f"<h2>Without a picture: {len(self.left_out)}</h2><ul>{listed}</ul>" if listed else ""
        width = 3 * EDGE + 2 * _GAP
        page = _PAGE.format(title=escape(title), width=width, figures="\n".join(self.figures), left_out=left_out)
        (self.folder / _INDEX).write_text(page, encoding="utf-8")

    def _stem(self, name: str) -> str:
        """Return the name of a case, cut and numbered where it is too long for the name of a file."""
        whole = name.encode()
        return name if len(whole) <= _MOST_BYTES else f"{whole[:_MOST_BYTES].decode(errors='ignore')}~{self.count}"


def draw_lesion(case: Case, centre: Floats, diameter: float) -> Pixels:
    """Draw three planes through the centre of a lesion, whole and close.

    Args:
        case: The case.
        centre: (3,) world coordinates x, y, z, mm, within the volume.
        diameter: mm; not positive where unknown: then no circle is drawn.

    Returns:
        (rows, columns, 3) red, green and blue.
    """
    volume = case.volume if case.volume.ndim == 3 else _clearest(case, centre)
    [voxel] = case.to_voxels(centre[None])
    whole = float(max(case.shape)) * case.spacing
    close = min(whole, max(LEAST_CLOSE_UP_MM, 4 * diameter))
    window = (float(np.percentile(volume, 0.5)), float(np.percentile(volume, 99.8)))
    views = (
        _View((np.array(case.shape) - 1) / 2, whole / EDGE / case.spacing, window),
        _View(voxel, close / EDGE / case.spacing, window),
    )
    rows = []
    for view in views:
        tiles = [view.draw(volume, plane, voxel) for plane in _PLANES]
        for tile, plane in zip(tiles, _PLANES, strict=True):
            _mark(tile, plane, (voxel - view.middle) / view.step, diameter / 2 / case.spacing / view.step)
        gap = np.zeros((EDGE, _GAP, 3), np.uint8)
        rows.append(np.concatenate([tiles[0], gap, tiles[1], gap, tiles[2]], axis=1))
    return np.concatenate([rows[0], np.zeros((_GAP, rows[0].shape[1], 3), np.uint8), rows[1]])


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What part of a volume pictures show, and how bright.

    Attributes:
        middle: (3,) point of the array, z, y, x, in the middle of the picture.
        step: Voxels for each pixel.
        window: Signal that is black, and white.
    """

    middle: Floats
    step: float
    window: tuple[float, float]

    def draw(self, volume: Image, plane: tuple[int, int], voxel: Floats) -> Pixels:
        """Draw the plane through a voxel (z, y, x)."""
        down, across = plane
        black, white = self.window
        along = (np.arange(EDGE) - (EDGE - 1) / 2) * self.step
        places = np.empty((3, EDGE, EDGE))
        places[:] = voxel[:, None, None]
        places[down] = (self.middle[down] + along * _direction(down))[:, None]
        places[across] = (self.middle[across] + along)[None, :]
        signal = ndimage.map_coordinates(volume, places, np.float64, order=1, mode="constant", cval=black)
        grey = np.clip((signal - black) / max(white - black, 1e-12), 0, 1) * 255
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def _mark(tile: Pixels, plane: tuple[int, int], offset: Floats, radius: float) -> None:
    """Draw a cross, open in the middle, and a circle; `offset` (z, y, x) and `radius` in pixels from the middle."""
    down, across = plane
    rows, columns = np.indices(tile.shape[:2]) - (EDGE - 1) / 2
    below, beside = rows - offset[down] * _direction(down), columns - offset[across]
    distance = np.hypot(below, beside)
    is_open = np.maximum(np.abs(below), np.abs(beside)) > max(radius, 4) + 3
    is_arm = is_open & (np.minimum(np.abs(below), np.abs(beside)) <= 0.5) & (distance < max(radius, 4) + 14)
    tile[is_arm] = _CROSS
    if radius > 0:
        tile[np.abs(distance - max(radius, 1.5)) <= 0.5] = _CIRCLE


def _direction(axis: int) -> int:
    """Return which way an axis of the array runs down a picture: the head is up."""
    return -1 if axis == 0 else 1


def _clearest(case: Case, centre: Floats) -> Image:
    """Return the channel (z, y, x) in which a place differs most from the channel's median."""
    at = tuple(np.rint(case.to_voxels(centre[None])[0]).astype(int).clip(0, np.array(case.shape) - 1))
    apart = [
        abs(float(channel[at]) - float(np.median(channel))) / (float(channel.std()) + 1e-12) for channel in case.volume
    ]
    clearest: Image = case.volume[int(np.argmax(apart))]
    return clearest


def _in_words(diameter: float) -> str:
    return f"{diameter:g} mm" if diameter > 0 else "unknown"
