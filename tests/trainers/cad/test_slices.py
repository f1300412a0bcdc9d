"""Slices keep their places: those of a tilted gantry, of uneven distances, and of a real head that has both."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray

from bohpo.errors import DataError
from trainers.cad.case import Floats
from trainers.cad.slices import read_series

STUDY = "1.2.826.0.1.3680043.2.1125.1"
SLOPE = np.array([15.0, -20.0, 30.0])
"""Signal per mm along x, y and z of the series that are written here: linear interpolation keeps it exactly."""

ROWS, COLUMNS, PIXEL = 64, 30, np.array([0.8, 0.5])


def _signal(world: Floats) -> Floats:
    signal: Floats = 300 + world @ SLOPE
    return signal


def _axes(tilt_degrees: float) -> Floats:
    angle = np.radians(tilt_degrees)
    return np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])


def _write(folder: Path, heights: Sequence[float], tilt_degrees: float = 0.0, patient: str = "") -> None:
    """Write a series whose table moves along z while the gantry leans, in an order that is not that of its heights."""
    folder.mkdir(exist_ok=True)
    axes = _axes(tilt_degrees)
    along_row, along_column = np.meshgrid(np.arange(COLUMNS) * PIXEL[0], np.arange(ROWS) * PIXEL[1])
    for number, height in enumerate(heights):
        position = np.array([-11.0, 5.0, height])
        world = position + along_row[..., None] * axes[:, 0] + along_column[..., None] * axes[:, 1]
        image = sitk.GetImageFromArray(np.rint(_signal(world)).astype(np.int16)[None])
        image.SetSpacing([*PIXEL.tolist(), 1.0])
        tags = {
            "0008|0060": "CT",
            "0008|0018": f"{STUDY}.{number + 1}",
            "0020|000d": STUDY,
            "0020|000e": f"{STUDY}.9",
            "0020|0013": str(number + 1),
            "0020|0032": "\\".join(f"{x:.6f}" for x in position),
            "0020|0037": "\\".join(f"{x:.6f}" for x in axes[:, :2].T.ravel()),
            "0010|0010": patient,
        }
        for key, text in tags.items():
            image.SetMetaData(key, text)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{(number * 7) % len(heights):03d}.dcm"))
        writer.Execute(image)


def _world_grid(image: sitk.Image) -> Floats:
    """Give the world coordinates (z, y, x, 3) of an image's voxels."""
    index = np.moveaxis(np.indices(image.GetSize()[::-1]), 0, -1)
    scaled = index[..., ::-1] * np.array(image.GetSpacing())
    grid: Floats = np.array(image.GetOrigin()) + scaled @ np.array(image.GetDirection()).reshape(3, 3).T
    return grid


def _within_all_slices(world: Floats, heights: Sequence[float], tilt: float) -> NDArray[np.bool_]:
    """Tell which points (..., 3) lie above or below all slices, so that nothing was extended beyond a border."""
    axes = _axes(tilt)[:, :2]
    positions = np.array([[-11.0, 5.0, height] for height in heights])
    places = world[..., None, :] @ axes - positions @ axes
    reach = (np.array([COLUMNS, ROWS]) - 1) * PIXEL
    return np.asarray(((places > -1e-6) & (places < reach + 1e-6)).all(axis=(-2, -1)))


EVEN = [10 + 3.0 * number for number in range(9)]
UNEVEN = [10, 13, 16, 19, 20, 26, 32, 38, 44.0]


@pytest.mark.parametrize("heights", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("tilt", [0.0, 18.5, -25.0])
def test_every_voxel_shows_what_lies_at_its_place(tmp_path: Path, heights: list[float], tilt: float) -> None:
    _write(tmp_path / "series", heights, tilt)
    image = read_series("case", tmp_path / "series", 2.0)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    assert direction.T @ direction == pytest.approx(np.eye(3), abs=1e-6), "no shear is left"
    world = _world_grid(image)
    is_within = _within_all_slices(world, heights, tilt)
    assert is_within.mean() > 0.25
    assert sitk.GetArrayFromImage(image)[is_within] == pytest.approx(_signal(world)[is_within], abs=1.1)
    across = world @ direction[:, 2]
    assert across.max() - across.min() == pytest.approx(np.cos(np.radians(tilt)) * np.ptp(heights), abs=2.0)


def test_itk_alone_would_put_the_same_slices_elsewhere(tmp_path: Path) -> None:
    """What the module is for: were ITK right, the test above would not need it."""
    _write(tmp_path / "series", UNEVEN, 18.5)
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "series"))
    image = sitk.ReadImage(files)
    error = sitk.GetArrayFromImage(image) - _signal(_world_grid(image))
    assert np.abs(error).max() > 100


def test_a_regular_series_is_left_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path / "series", EVEN)
    with caplog.at_level(logging.INFO, logger="trainers"):
        image = read_series("case", tmp_path / "series", 1.0)
    assert image.GetSize() == (COLUMNS, ROWS, len(EVEN))
    assert image.GetSpacing() == pytest.approx((*PIXEL, 3.0))
    assert image.GetOrigin() == pytest.approx((-11.0, 5.0, 10.0))
    assert not caplog.records


def test_a_tilted_gantry_is_named_and_nobody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write(tmp_path / "series", UNEVEN, 18.5, patient="Doe^Jane")
    with caplog.at_level(logging.DEBUG):
        read_series("head-3", tmp_path / "series", 2.0)
    assert "head-3: gantry tilted by 18.5 degrees, slices 0.95 to 5.69 mm apart; put upright" in caplog.text
    assert "Doe" not in caplog.text


def _problem(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_series("head-3", folder, 2.0)
    return str(caught.value)


def test_missing_and_double_slices_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "gap", [height for height in EVEN if height != 19.0], patient="Doe^Jane")
    _write(tmp_path / "double", [*EVEN, 19.0])
    gap, double = _problem(tmp_path / "gap"), _problem(tmp_path / "double")
    assert "head-3: slices are missing: " in gap
    assert gap.endswith("; add them, or the whole series again")
    assert " lies 6.0 mm above " in gap
    assert "lie in the same place; keep one of them" in double
    assert "Doe" not in gap + double


def test_slices_of_several_directions_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "series", EVEN)
    _write(tmp_path / "localizer", [100.0, 103.0], 60.0)
    for number, file in enumerate((tmp_path / "localizer").iterdir()):
        file.rename(tmp_path / "series" / f"localizer-{number}.dcm")
    assert "several directions or sizes of pixels; keep one stack of slices only" in _problem(tmp_path / "series")


def test_a_folder_must_hold_one_series(tmp_path: Path) -> None:
    assert "holds 0 DICOM series; add its files to it" in _problem(tmp_path)


def test_slices_that_do_not_say_where_they_lie_are_named(tmp_path: Path) -> None:
    _write(tmp_path / "series", EVEN)
    for file in (tmp_path / "series").iterdir():
        # The position's tag becomes another one in the file's own bytes.
        file.write_bytes(file.read_bytes().replace(b"\x20\x00\x32\x00", b"\x20\x00\x31\x00"))
    assert "does not say where its pixels lie (tag 0020,0032); export the original slices" in _problem(
        tmp_path / "series"
    )


def test_a_real_head_lies_where_each_of_its_slices_says(real_data: Path) -> None:
    folder = real_data / "dicom_ct_series" / "GE"
    image = read_series("head", folder, 1.0)
    volume = sitk.GetArrayFromImage(image)
    inverse = np.linalg.inv(np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing()))
    agreements = []
    for file in sorted(folder.glob("*.dcm"))[1:-1:3]:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(file))
        pixels = sitk.GetArrayFromImage(reader.Execute())[0].astype(float)
        position = [float(number) for number in reader.GetMetaData("0020|0032").split("\\")]
        orientation = np.array([float(number) for number in reader.GetMetaData("0020|0037").split("\\")]).reshape(2, 3)
        rows, columns = np.meshgrid(np.arange(20, 492, 7), np.arange(20, 492, 7), indexing="ij")
        edge = float(reader.GetMetaData("0028|0030").split("\\")[0])
        world = np.array(position) + edge * (columns[..., None] * orientation[0] + rows[..., None] * orientation[1])
        x, y, z = np.rint((world - np.array(image.GetOrigin())) @ inverse.T).astype(int).transpose(2, 0, 1)
        agreements.append(
            np.corrcoef(volume[z.clip(0, len(volume) - 1), y, x].ravel(), pixels[rows, columns].ravel())[0, 1]
        )
    assert min(agreements) > 0.97
    assert (image.GetDepth() - 1) * image.GetSpacing()[2] == pytest.approx(151.94 * np.cos(np.radians(18.5)), abs=1.0)
