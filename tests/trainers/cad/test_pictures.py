"""Pictures show each lesion where its table says it is, the patient's left on the right and the head up."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray

from bohpo.errors import UsageError
from trainers.cad.case import Case
from trainers.cad.pictures import EDGE, MOST_OF_CASE, Album, draw_lesion

SPACING = 2.0
ORIGIN = np.array([-20.0, 10.0, -30.0])
VOXEL = (28, 12, 8)
"""Where the ball is, z, y, x: towards the head, the front and the right of the patient."""

RADIUS_MM = 5.0


def _case(channels: int = 0) -> Case:
    distance = np.linalg.norm(np.moveaxis(np.indices((40, 36, 32)), 0, -1) - VOXEL, axis=-1) * SPACING
    ball = (distance < RADIUS_MM).astype(np.float32)
    volume = ball if not channels else np.stack([np.zeros_like(ball)] * (channels - 1) + [ball])
    centre = ORIGIN + np.array(VOXEL[::-1]) * SPACING
    return Case("p<1>#%", volume, SPACING, centre[None], np.array([2 * RADIUS_MM]), ORIGIN)


def _tiles(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut a picture into axial, coronal, sagittal: whole, then close."""
    step = EDGE + 4
    return [
        picture[row * step : row * step + EDGE, column * step : column * step + EDGE]
        for row in range(2)
        for column in range(3)
    ]


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask).mean(axis=0), np.float64)


def _is_white(tile: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((tile >= 200).all(axis=-1))


def _is(tile: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((tile == colour).all(axis=-1))


@pytest.mark.parametrize("channels", [0, 3])
def test_cross_and_circle_lie_on_the_lesion_in_all_planes(channels: int) -> None:
    case = _case(channels)
    picture = draw_lesion(case, case.centres[0], float(case.diameters[0]))
    assert picture.shape == (2 * EDGE + 4, 3 * EDGE + 8, 3)
    steps = [40 * SPACING / EDGE] * 3 + [max(30.0, 8 * RADIUS_MM) / EDGE] * 3
    for tile, step in zip(_tiles(picture), steps, strict=True):
        white, circle, cross = _is_white(tile), _is(tile, (0, 220, 255)), _is(tile, (255, 210, 0))
        assert white.any()
        for mark in (circle, cross):
            assert _middle(mark) == pytest.approx(_middle(white), abs=1.0)
        radius = np.linalg.norm(np.argwhere(circle) - _middle(circle), axis=1)
        assert radius.mean() == pytest.approx(RADIUS_MM / step, abs=0.5)
        assert not (cross & white).any(), "the cross leaves the lesion open"


def test_planes_are_turned_as_radiologists_have_them() -> None:
    case = _case()
    axial, coronal, sagittal, *_ = _tiles(draw_lesion(case, case.centres[0], 10.0))
    half = EDGE / 2
    row, column = _middle(_is_white(axial))
    assert row < half, "the front is up"
    assert column < half, "the patient's right is on the left"
    row, column = _middle(_is_white(coronal))
    assert row < half, "the head is up"
    assert column < half
    row, column = _middle(_is_white(sagittal))
    assert row < half
    assert column < half, "the front is on the left"


def test_a_lesion_of_unknown_diameter_has_no_circle() -> None:
    case = _case()
    assert not _is(draw_lesion(case, case.centres[0], -1.0), (0, 220, 255)).any()


def test_an_album_has_a_picture_of_each_lesion_and_an_index(tmp_path: Path) -> None:
    case = _case()
    album = Album.create(tmp_path / "album", tmp_path / "cases")
    album.add(case)
    album.finish("cases & more")
    assert sorted(path.name for path in (tmp_path / "album").iterdir()) == ["index.html", "p<1>#%-01.png"]
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "album" / "p<1>#%-01.png")))
    assert (picture == draw_lesion(case, case.centres[0], 10.0)).all()
    page = (tmp_path / "album" / "index.html").read_text()
    assert 'src="p%3C1%3E%23%25-01.png"' in page
    assert "p&lt;1&gt;#%, lesion 1: -4, 34, 26 mm, diameter 10 mm" in page
    assert "cases &amp; more" in page
    assert (tmp_path / "album").stat().st_mode & 0o077 == 0, "pictures of patients are their owner's"


def test_pictures_are_bounded_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    case = _case()
    centres = np.concatenate([np.repeat(case.centres, MOST_OF_CASE + 3, axis=0), [[500.0, 0, 0]]])
    many = Case("many", case.volume, SPACING, centres, np.full(len(centres), 4.0), ORIGIN)
    album = Album.create(tmp_path / "album", tmp_path / "cases")
    album.add(many)
    album.finish("cases")
    assert len(list((tmp_path / "album").glob("*.png"))) == MOST_OF_CASE
    page = (tmp_path / "album" / "index.html").read_text()
    assert "Without a picture: 4" in page
    assert f"many, lesion {MOST_OF_CASE + 4}: 500, 0, 0 mm, diameter 4 mm; outside the volume" in page


def test_names_too_long_for_a_file_are_cut(tmp_path: Path) -> None:
    case = _case()
    album = Album.create(tmp_path / "album", tmp_path / "cases")
    for last in "ab":
        album.add(Case("ä" * 120 + last, case.volume, SPACING, case.centres, case.diameters, ORIGIN))
    assert len(list((tmp_path / "album").glob("*.png"))) == 2


def test_an_album_overwrites_nothing_and_is_no_case(tmp_path: Path) -> None:
    cases, used = tmp_path / "cases", tmp_path / "used"
    for folder in (cases, used):
        folder.mkdir()
    (used / "thesis.txt").write_text("years of work")
    for folder, message in (
        (used, "holds something already; name a new folder"),
        (cases / "pictures", "lies in the folder of cases; name a folder beside it"),
        (cases, "lies in the folder of cases"),
        (used / "thesis.txt" / "album", "cannot be created"),
        (used / "thesis.txt", "cannot be created"),
    ):
        with pytest.raises(UsageError, match=message):
            Album.create(folder, cases)
