"""Volumes are read from NIfTI and DICOM, keep their place in space, and come on cubic voxels."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError
from trainers.cad.case import Case, Floats, Image
from trainers.cad.volume import Volume, read_volume


def _write(path: Path, signal: Image, spacing: tuple[float, ...], direction: tuple[float, ...] | None = None) -> None:
    image = sitk.GetImageFromArray(signal)
    image.SetSpacing(spacing)
    image.SetOrigin((-30.0, 12.0, 7.5))
    if direction:
        image.SetDirection(direction)
    sitk.WriteImage(image, str(path))


def _blob(shape: tuple[int, int, int], peak: tuple[float, float, float], widths: tuple[float, ...]) -> Image:
    distance = (np.moveaxis(np.indices(shape), 0, -1) - np.array(peak)) / np.array(widths)
    blob: Image = np.exp(-(distance**2).sum(axis=-1) / 2).astype(np.float32)
    return blob


def _holds(volume: Volume, points: Floats) -> list[bool]:
    nothing = (np.empty((0, 3)), np.empty(0))
    holds = Case("case", volume.signal, volume.spacing, *nothing, volume.origin, volume.axes).holds(points)
    return [bool(each) for each in holds]


@pytest.mark.parametrize(
    "direction",
    [(1.0, 0, 0, 0, 1, 0, 0, 0, 1), (-1.0, 0, 0, 0, -1, 0, 0, 0, 1), (0.0, 0, 1, 1, 0, 0, 0, 1, 0)],
    ids=["LPS", "RAS", "sagittal"],
)
def test_what_is_in_the_volume_stays_where_it_was(tmp_path: Path, direction: tuple[float, ...]) -> None:
    spacing, path = (0.5, 0.7, 1.2), tmp_path / "case.nii.gz"
    _write(path, _blob((30, 44, 60), peak=(14, 20, 33), widths=(4, 7, 9)), spacing, direction)
    place = np.array([-30.0, 12.0, 7.5]) + np.array(direction).reshape(3, 3) @ (np.array([33, 20, 14]) * spacing)
    volume = read_volume("case", path, 0.8)
    brightest = np.unravel_index(volume.signal.argmax(), volume.signal.shape)
    found = volume.origin + volume.axes @ (np.array(brightest[::-1]) * volume.spacing)
    assert found == pytest.approx(place, abs=0.5)
    assert np.diag(volume.axes) == pytest.approx([1, 1, 1], abs=1e-6), "turned towards left, back and head"
    assert _holds(volume, place[None]) == [True]


def test_the_field_of_view_is_kept(tmp_path: Path) -> None:
    _write(tmp_path / "case.nii", np.random.default_rng(0).random((20, 40, 60), np.float32), (0.5, 0.5, 1.0))
    volume = read_volume("case", tmp_path / "case.nii", 0.5)
    assert volume.signal.shape == (39, 40, 60)
    assert all(_holds(volume, np.array([[-30.0, 12.0, 7.5], [-0.5, 31.5, 26.5]])))
    assert not any(_holds(volume, np.array([[-31.0, 12.0, 7.5], [0.5, 31.5, 26.5], [-30, 12, 28]])))


def test_coarser_voxels_average_out_noise_instead_of_picking_from_it(tmp_path: Path) -> None:
    _write(tmp_path / "case.nii", np.random.default_rng(0).normal(size=(64, 64, 64)).astype(np.float32), (0.5,) * 3)
    coarse = read_volume("case", tmp_path / "case.nii", 2.0).signal
    assert coarse.shape == (16, 16, 16)
    assert coarse.std() < 0.3


def test_the_same_spacing_leaves_the_signal_alone(tmp_path: Path) -> None:
    signal = np.random.default_rng(0).normal(size=(12, 14, 16)).astype(np.float32)
    _write(tmp_path / "case.nii", signal, (0.6,) * 3)
    assert read_volume("case", tmp_path / "case.nii", 0.6).signal == pytest.approx(signal, abs=1e-5)


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "case.nii.gz", np.random.default_rng(0).random((20, 20, 20), np.float32), (1.0,) * 3)
    _write(tmp_path / "case.nii", np.random.default_rng(0).random((20, 20, 20), np.float32), (1.0,) * 3)
    (tmp_path / "torn.nii.gz").write_bytes((tmp_path / "case.nii.gz").read_bytes()[:-20])
    (tmp_path / "torn.nii").write_bytes((tmp_path / "case.nii").read_bytes()[:-20])
    (tmp_path / "text.nii").write_text("no image")
    (tmp_path / "text.nii.gz").write_text("no image")
    for name in ("torn.nii.gz", "torn.nii", "text.nii", "text.nii.gz"):
        with pytest.raises(DataError, match=rf"^patient-3: {name} cannot be read .*; replace the file"):
            read_volume("patient-3", tmp_path / name, 1.0)


def test_volumes_that_make_no_sense_are_named(tmp_path: Path) -> None:
    signal = np.random.default_rng(0).random((20, 20, 20), np.float32)
    _write(tmp_path / "slice.nii", signal[:2], (1.0,) * 3)
    for name in ("nan.mha", "nan.nii", "nan.nii.gz"):  # in NIfTI, ITK reads 0 for them
        _write(tmp_path / name, np.where(signal > 0.9, np.nan, signal), (1.0,) * 3)
    _write(tmp_path / "flat.nii", np.zeros_like(signal), (1.0,) * 3)
    nibabel.save(nibabel.Nifti1Image(np.zeros((9, 9, 9, 4), np.float32), np.eye(4)), tmp_path / "phases.nii")
    problems = {
        "slice.nii": "only 20 x 20 x 2 voxels",
        "nan.mha": "not finite",
        "nan.nii": "not finite",
        "nan.nii.gz": "not finite",
        "flat.nii": "the same everywhere",
        "phases.nii": "4D",
    }
    for name, problem in problems.items():
        with pytest.raises(DataError, match=f"^case: {name} .*{problem}"):
            read_volume("case", tmp_path / name, 1.0)


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_numbers_that_a_network_cannot_take_are_named_in_every_format(tmp_path: Path, ending: str) -> None:
    signal = np.random.default_rng(0).random((12, 13, 14)).astype(np.float32)
    for name, values, problem in (
        ("infinite", np.where(signal > 0.9, np.inf, signal), "not finite"),
        ("huge", signal.astype(np.float64) * 1e300, "not finite"),
        ("complex", signal.astype(np.complex64), "is 3D "),
    ):
        path = tmp_path / f"{name}.{ending}"
        sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
        with pytest.raises(DataError, match=f"^case: {path.name} .*{problem}"):
            read_volume("case", path, 1.0)


@pytest.mark.parametrize(
    ("ending", "old", "new", "problem"),
    [
        ("mha", b"TransformMatrix = 1 0 0", b"TransformMatrix = 1 1 0", "axes that are not at right angles"),
        ("mha", b"ElementSpacing = 1", b"ElementSpacing = 0", "cannot be read"),
        ("nrrd", b"(1,0,0)", b"(1,1,0)", "axes that are not at right angles"),
    ],
)
def test_grids_that_are_no_boxes_are_named(tmp_path: Path, ending: str, old: bytes, new: bytes, problem: str) -> None:
    path = tmp_path / f"case.{ending}"
    _write(path, np.random.default_rng(0).random((12, 13, 14), np.float32), (1.0, 1.0, 1.0))
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match=f"^case: {path.name} .*{problem}"):
        read_volume("case", path, 1.0)


@pytest.mark.parametrize("ending", ["nii.gz", "mha"])
def test_a_volume_that_no_memory_holds_is_named_before_it_is_made(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"case.{ending}"
    _write(path, np.random.default_rng(0).random((12, 13, 14), np.float32), (80.0, 80.0, 80.0))
    with pytest.raises(DataError) as caught:
        read_volume("case", path, 0.6)
    assert str(caught.value) == (
        f"case: {path.name} has voxels of 80 x 80 x 80 mm by its header, which makes 1734 x 1601 x 1467 voxels of "
        "0.6 mm; write the volume with the edges of its voxels in mm, or crop it"
    )


def test_a_nifti_file_may_have_its_bytes_in_either_order(tmp_path: Path) -> None:
    signal = np.random.default_rng(0).random((10, 11, 12), np.float32)
    for order in "<>":
        header = nibabel.Nifti1Header(endianness=order)
        header.set_data_dtype(np.float32)
        nibabel.save(nibabel.Nifti1Image(signal, np.diag([-1, -1, 1, 1]), header), tmp_path / "case.nii")
        assert read_volume("case", tmp_path / "case.nii", 1.0).signal == pytest.approx(signal.T)


def test_a_folder_must_hold_one_series(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^case: .* holds 0 DICOM series; add its files to it"):
        read_volume("case", tmp_path, 1.0)


@pytest.mark.parametrize("name", ["example_mr_sm", "example_ct_sm"])
def test_a_real_nifti_lies_where_nibabel_says(real_data: Path, name: str) -> None:
    path = real_data / "totalsegmentator" / f"{name}.nii.gz"
    reference = nibabel.load(path)
    assert isinstance(reference, nibabel.Nifti1Image)
    volume = read_volume(name, path, 2.0)
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) * (np.array(reference.shape) - 1)
    ras = nibabel.affines.apply_affine(reference.affine, corners)
    extent = np.array(volume.signal.shape[::-1]) * volume.spacing
    across = (ras * [-1, -1, 1] - volume.origin) @ volume.axes
    assert across.min(axis=0) == pytest.approx(0, abs=0.01)
    assert across.max(axis=0) == pytest.approx(extent - 1, abs=1.5)
    middle = np.array(volume.signal.shape) // 2
    world = (volume.origin + volume.axes @ (middle[::-1] * volume.spacing)) * [-1, -1, 1]
    there = np.rint(nibabel.affines.apply_affine(np.linalg.inv(reference.affine), world)).astype(int)
    around = np.asarray(reference.dataobj)[tuple(slice(each - 1, each + 2) for each in there)]
    assert around.min() - 1 <= volume.signal[tuple(middle)] <= around.max() + 1


@pytest.mark.filterwarnings("default")
def test_a_real_dicom_series_with_a_tilted_gantry_is_read(real_data: Path) -> None:
    volume = read_volume("head", real_data / "dicom_ct_series" / "GE", 2.0)
    assert min(volume.signal.shape) > 40
    assert volume.signal.min() < -900
    assert volume.signal.max() > 1000
    assert np.linalg.det(volume.axes) == pytest.approx(1)
