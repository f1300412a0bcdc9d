"""Anomaly maps lie where their heads lie, for nibabel, too, and are pictures that one can look at."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from trainers.cad.case import Case
from trainers.head_ct_anomaly.attenuation import is_inside
from trainers.head_ct_anomaly.maps import draw_map, write_maps


def _anomaly(case: Case) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    anomaly = np.where(is_inside(case.volume), 3.0, 0.0).astype(np.float32)
    anomaly[20:24, 30:34, 20:24] = 12.0
    return anomaly


def test_a_map_lies_in_world_space_as_its_case_does(case: Case, tmp_path: Path) -> None:
    turned = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    placed = replace(case, origin=np.array([-80.0, -90.0, 12.0]), axes=turned)
    write_maps(placed, _anomaly(case), tmp_path)
    written = nibabel.load(tmp_path / "head-3-anomaly.nii.gz")
    assert isinstance(written, nibabel.Nifti1Image)
    voxel_xyz = np.array([21.0, 31.0, 22.0])
    world_lps = placed.to_world(voxel_xyz[None, ::-1])[0]
    assert nibabel.affines.apply_affine(written.affine, voxel_xyz) == pytest.approx(world_lps * [-1, -1, 1], abs=1e-3)
    assert np.asarray(written.dataobj).transpose(2, 1, 0) == pytest.approx(_anomaly(case))
    head = nibabel.load(tmp_path / "head-3-head.nii.gz")
    assert isinstance(head, nibabel.Nifti1Image)
    assert head.affine == pytest.approx(written.affine)
    assert -25 <= np.asarray(head.dataobj)[21, 31, 22] <= 400, "Hounsfield units"


def test_the_picture_shows_the_head_above_its_map(case: Case, tmp_path: Path) -> None:
    anomaly = _anomaly(case)
    picture = draw_map(case, anomaly)
    rows, columns, channels = picture.shape
    height, width = (edge for edge in case.shape[1:])
    assert channels == 3
    assert rows % (2 * height) == columns % (6 * width) == 0
    head, heat = picture[: rows // 2].astype(int), picture[rows // 2 :].astype(int)
    assert (head[..., 0] == head[..., 2]).all(), "grey"
    assert (heat[..., 0] != heat[..., 2]).any(), "colours"
    last = heat[:, -columns // 6 :].sum(axis=-1)
    hottest = np.argwhere(last == last.max()).mean(axis=0) / (rows // 2 / height)
    assert hottest == pytest.approx([32, 22], abs=1.0), "the last slice holds the greatest anomaly"
    write_maps(case, anomaly, tmp_path)
    assert (sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "head-3-anomaly.png"))) == picture).all()
