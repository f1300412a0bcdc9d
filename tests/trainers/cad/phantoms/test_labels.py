"""Label maps of real heads become brains, at the right place and in the right numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError, UsageError
from trainers.cad.phantoms.brain import Points, Tissue, pose
from trainers.cad.phantoms.labels import LabelMap, find_label_maps, read_label_map, strip_skull, tissues_of


def _write(path: Path, labels: np.ndarray[tuple[int, ...], np.dtype[np.int16]], direction: tuple[int, ...]) -> Path:
    image = sitk.GetImageFromArray(labels)
    image.SetDirection(direction)  # type: ignore[no-untyped-call]
    sitk.WriteImage(image, str(path))
    return path


def test_the_numbers_of_freesurfer_become_tissues() -> None:
    labels = np.array([[[0, 24, 4, 3, 2, 515, 41, 42, 16]]], np.uint16)
    outside, csf, ventricle, grey, white = Tissue
    assert tissues_of(labels)[0, 0].tolist() == [outside, csf, ventricle, grey, white, outside, white, grey, white]


def test_a_map_is_turned_to_the_patients_left_back_and_head(tmp_path: Path) -> None:
    labels = np.zeros((8, 8, 8), np.int16)
    labels[2:6, 2:6, 2:6] = 2
    labels[3, 4, 5] = 4
    flipped = (-1, 0, 0, 0, 0, 1, 0, 1, 0)  # x runs to the right, y to the head, z to the back
    read = read_label_map(_write(tmp_path / "head.nii.gz", labels, flipped))
    assert read.labels.shape == (4, 4, 4), "what surrounds the head is cut off"
    assert np.argwhere(read.labels == 4).tolist() == [[4 - 2, 3 - 2, 5 - 5]]
    assert read.centre.tolist() == [1.5, 1.5, 1.5]


def test_points_take_the_number_of_the_nearest_voxel_and_none_outside() -> None:
    labels = np.arange(1, 28, dtype=np.uint16).reshape(3, 3, 3)
    head = LabelMap(labels, spacing=np.array([2.0, 1.0, 1.0]), centre=np.ones(3))
    z, y, x = (np.array(along, np.float32) for along in ([0, 1.9, -3.5], [0, 0.4, 0], [0, -0.9, 0]))
    assert head.sample(Points(z, y, x, 1.0)).tolist() == [14, labels[2, 1, 0], 0]


def test_the_fluid_around_the_brain_goes_with_the_skull_and_that_in_its_clefts_stays() -> None:
    tissues = np.full((20, 20, 20), Tissue.CSF, np.uint8)
    tissues[4:16, 4:16, 4:16] = Tissue.GREY
    tissues[4:16, 4:16, 9:11] = Tissue.CSF
    stripped = strip_skull(tissues, spacing=1.0)
    assert (stripped[5:15, 5:15, 9:11] == Tissue.CSF).all()
    assert (stripped[:3] == Tissue.OUTSIDE).all()
    assert ((stripped == Tissue.GREY) == (tissues == Tissue.GREY)).all()


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"labels: there is no folder .*nowhere; give one with label maps"):
        find_label_maps(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no label map; put NIfTI files there"):
        find_label_maps(tmp_path)


def test_a_map_that_is_torn_or_shows_no_brain_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.nii.gz").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"^torn: torn\.nii\.gz cannot be read \(.*\); replace the file"):
        read_label_map(tmp_path / "torn.nii.gz")
    liver = _write(tmp_path / "liver.nii.gz", np.full((4, 4, 4), 200, np.int16), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    with pytest.raises(DataError, match="holds no white matter of a brain; give three-dimensional maps"):
        read_label_map(liver)


def test_maps_are_read_as_volumes_are(tmp_path: Path) -> None:
    brain = np.full((9, 9, 9), 2, np.int16)
    path = _write(tmp_path / "head.nii.gz", brain, (1, 0, 0, 0, 1, 0, 0, 0, 1))
    capitals = path.rename(tmp_path / "HEAD.NII.GZ")
    assert find_label_maps(tmp_path) == (capitals,)
    assert read_label_map(capitals).labels.shape == (9, 9, 9)
    sitk.WriteImage(sitk.GetImageFromArray(brain.astype(np.complex64)), str(tmp_path / "complex.nrrd"))
    with pytest.raises(DataError, match=r"complex: complex\.nrrd is 3D of complex"):
        read_label_map(tmp_path / "complex.nrrd")


def test_real_label_maps_make_brains_of_an_adults_size(real_data: Path) -> None:
    maps = find_label_maps(real_data / "synthseg")
    assert len(maps) == 8
    read = read_label_map(maps[0])
    points = pose(np.random.default_rng(0), (64, 72, 64), 1.5, 0.6)
    tissues = strip_skull(tissues_of(read.sample(points)), 1.5)
    litres = (tissues > Tissue.OUTSIDE).sum() * 1.5**3 * 1e-6 / points.mm_per_mm**3
    assert 0.9 < litres < 1.7
    shares = np.bincount(tissues[tissues > 0], minlength=5) / (tissues > 0).sum()
    assert shares[Tissue.GREY] > 0.3
    assert shares[Tissue.WHITE] > 0.25
