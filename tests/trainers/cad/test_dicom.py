"""Numbers of a DICOM series keep their meaning: every slice's own scale, and which way they are bright."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray

from bohpo.errors import DataError
from tests.trainers.cad.dicom_files import SERIES, write_series, write_slice
from trainers.cad.slices import find_series, read_series
from trainers.cad.volume import read_volume

SLOPES = [1.0, 0.37, 0.125, 2.5, 0.01, 1.0, 0.37, 0.5, 0.25, 3.0]
INTERCEPTS = [0.0, -1000.0, 0.5, 0.0, 0.0, 7.0, 0.0, -3.0, 0.0, 0.0]


def _stored(dtype: type = np.int16) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 500, (10, 12, 14)).astype(dtype)


def _signal(folder: Path) -> NDArray[np.float32]:
    signal: NDArray[np.float32] = sitk.GetArrayFromImage(read_series("pet", folder, 1.0))
    return signal


def _problem(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_volume("pet", folder, 1.0)
    return str(caught.value)


def test_every_slice_keeps_its_own_slope_and_intercept(tmp_path: Path) -> None:
    stored = _stored()
    write_series(tmp_path / "pet", stored, slope=SLOPES, intercept=INTERCEPTS)
    expected = stored * np.array(SLOPES)[:, None, None] + np.array(INTERCEPTS)[:, None, None]
    assert _signal(tmp_path / "pet") == pytest.approx(expected, abs=1e-3)


def test_itk_alone_would_cut_them_to_whole_numbers(tmp_path: Path) -> None:
    """What reading slice by slice is for: were ITK right, the test above would not need it."""
    stored = _stored()
    write_series(tmp_path / "pet", stored, slope=SLOPES)
    files = [str(file) for file in sorted((tmp_path / "pet").iterdir())]
    cut = sitk.GetArrayFromImage(sitk.ReadImage(files))
    assert len(np.unique(cut[4])) < 6 < len(np.unique(_signal(tmp_path / "pet")[4]))


def test_slices_may_be_signed_and_unsigned(tmp_path: Path) -> None:
    stored = _stored()
    for number, each in enumerate(stored):
        dtype = np.uint16 if number % 2 else np.int16
        own = each.astype(dtype) + dtype(40_000 if number % 2 else 0)
        write_slice(tmp_path / "mr" / f"{number}.dcm", own, number=number, position=(0, 0, 2.0 * number))
    signal = _signal(tmp_path / "mr")
    assert signal[1].min() >= 40_000
    assert signal[::2] == pytest.approx(stored[::2])


def test_an_inverted_series_is_bright_where_it_is_shown_bright_and_says_so(tmp_path: Path) -> None:
    stored = _stored(np.uint16)
    write_series(tmp_path / "plain", stored, modality="MR")
    write_series(tmp_path / "inverted", stored, modality="MR", photometric="MONOCHROME1")
    plain, inverted = _signal(tmp_path / "plain"), _signal(tmp_path / "inverted")
    assert np.corrcoef(plain.ravel(), inverted.ravel())[0, 1] == pytest.approx(-1)
    assert inverted + plain == pytest.approx(np.full_like(plain, (inverted + plain)[0, 0, 0])), "one offset for all"
    assert read_volume("mr", tmp_path / "plain", 1.0).notes == ()
    [note] = read_volume("mr", tmp_path / "inverted", 1.0).notes
    assert "its series is MONOCHROME1, low numbers are bright: turned over" in note


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ({"photometric": "MONOCHROME1", "modality": "CT"}, "its series is CT in MONOCHROME1"),
        ({"photometric": "MONOCHROME1", "slope": SLOPES}, "MONOCHROME1 with several slopes or intercepts"),
        ({"photometric": "MONOCHROME1", "intercept": INTERCEPTS}, "MONOCHROME1 with several slopes or intercepts"),
        ({"photometric": "MONOCHROME1", "bits_stored": 12}, "MONOCHROME1 with 12 bits stored"),
        ({"photometric": ["MONOCHROME1", *["MONOCHROME2"] * 9]}, "its slices are MONOCHROME1 and MONOCHROME2"),
        (
            {"extra": [{(0x0054, 0x1001): ("CS", "BQML")}, *[{(0x0054, 0x1001): ("CS", "CNTS")}] * 9]},
            "its slices are in several units ('BQML', 'CNTS')",
        ),
        ({"slope": [*[1.0] * 9, 0.0]}, "009.dcm has the rescale slope '0.0' and intercept '0'"),
        ({"slope": "0,5"}, "000.dcm has the rescale slope '0,5' and intercept '0'; export the series again"),
        ({"slope": "nan"}, "the rescale slope 'nan'"),
        ({"slope": 1.0, "intercept": "none"}, "the rescale slope '1.0' and intercept 'none'"),
        ({"position": [(0.0, 0.0, 2.0 * n) for n in (0, 1, 2, 3, 4, 4, 5, 6, 7, 8)]}, "lie in the same place"),
        ({"position": [(0.0, 0.0, 2.0 * n) for n in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)]}, "slices are missing: "),
    ],
)
def test_slices_whose_numbers_or_places_do_not_go_together_are_named(
    tmp_path: Path, tags: dict[str, Any], problem: str
) -> None:
    write_series(tmp_path / "pet", _stored(), **tags)
    told = _problem(tmp_path / "pet")
    assert told.startswith("pet: ")
    assert problem in told
    assert ";" in told


def test_several_frames_in_one_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "pet").mkdir()
    write_slice(tmp_path / "pet" / "all.dcm", _stored(), frames=10)
    assert "all.dcm holds 10 frames, each with a place and a scale of its own; convert it by dcm2niix" in _problem(
        tmp_path / "pet"
    )


def test_two_series_in_a_folder_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "pet", _stored())
    write_slice(tmp_path / "pet" / "other.dcm", _stored()[0], series=f"{SERIES}.2")
    assert "the folder pet holds 2 DICOM series; keep the files of one series only" in _problem(tmp_path / "pet")


def test_slices_in_a_folder_of_the_folder_are_not_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "pet", _stored())
    (tmp_path / "pet" / "reports").mkdir()
    assert _signal(tmp_path / "pet").shape == (10, 12, 14)
    write_slice(tmp_path / "pet" / "late" / "1.dcm", _stored()[0], series=f"{SERIES}.2")
    told = _problem(tmp_path / "pet")
    assert "the folder pet holds DICOM files in folders of its own (late); put the files of one series into it" in told


def test_a_torn_slice_is_not_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "pet", _stored())
    last = tmp_path / "pet" / "009.dcm"
    last.write_bytes(last.read_bytes()[:150])
    (tmp_path / "pet" / "notes.txt").write_text("no DICOM, and nobody minds")
    assert "009.dcm in its folder cannot be read as a slice of the series" in _problem(tmp_path / "pet")


def test_what_would_be_waited_for_or_followed_for_ever_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "pet", _stored())
    os.mkfifo(tmp_path / "pet" / "pipe.dcm")
    (tmp_path / "pet" / "loop.dcm").symlink_to(tmp_path / "pet" / "loop.dcm")
    assert "holds loop.dcm, pipe.dcm, which is no file" in _problem(tmp_path / "pet")


def test_places_of_slices_are_known_before_pixels_are_read(tmp_path: Path) -> None:
    write_series(tmp_path / "pet", _stored())
    series = find_series("pet", tmp_path / "pet")
    assert series.step == 2.0
    assert series.slices.positions[-1].tolist() == [0, 0, 18]
