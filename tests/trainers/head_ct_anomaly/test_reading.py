"""Heads are read from files and stripped, and what is no head in Hounsfield units is named."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError
from tests.trainers.head_ct_anomaly.conftest import PhantomMaker
from trainers.cad.case import Image
from trainers.head_ct_anomaly.attenuation import is_inside, strip, to_hu
from trainers.head_ct_anomaly.reading import as_read, read_head


def _write(path: Path, hu: Image) -> Path:
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((3.2, 3.2, 3.2))
    sitk.WriteImage(image, str(path))
    return path


def test_a_head_is_stripped_of_all_that_is_not_inside_its_skull(tmp_path: Path, phantom: PhantomMaker) -> None:
    hu = phantom(0, False).hu
    read = read_head("head", _write(tmp_path / "head.nii.gz", hu), 3.2)
    assert read.signal == pytest.approx(strip(hu, 3.2), abs=1e-4)
    assert as_read(read.signal) is read.signal


def test_signal_that_is_not_in_hounsfield_units_is_named(tmp_path: Path, phantom: PhantomMaker) -> None:
    """Stored values without the header's intercept: air is 24, which would pass for fluid."""
    path = _write(tmp_path / "head.nii.gz", phantom(0, False).hu + 1024)
    with pytest.raises(DataError, match=r"^patient-7: head\.nii\.gz has no air around the head.*give Hounsfield units"):
        read_head("patient-7", path, 3.2)


def test_a_volume_without_a_skull_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "air.nii.gz", np.random.default_rng(0).normal(-990, 5, (30, 30, 30)).astype(np.float32))
    with pytest.raises(DataError, match=r"^patient-7: air\.nii\.gz shows no inside of a skull; give a head"):
        read_head("patient-7", path, 3.2)


@pytest.mark.filterwarnings("error")
def test_a_real_head_with_a_tilted_gantry_is_read(real_data: Path) -> None:
    read = read_head("head", real_data / "dicom_ct_series" / "GE", 3.0)
    inside = is_inside(read.signal)
    assert 1.1 < inside.sum() * read.spacing**3 / 1e6 < 1.7, "litres"
    assert 25 < np.median(to_hu(read.signal)[inside]) < 45
    assert np.linalg.det(read.axes) == pytest.approx(1)
