"""Real volumes are read with their right spacing, orientation and place: nibabel, SimpleITK and the headers agree."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from scipy import ndimage

from bohpo.errors import DataError
from trainers.cad.case import Floats
from trainers.cad.slices import read_series
from trainers.cad.volume import Volume, read_volume

FILES = (
    "totalsegmentator/example_ct_sm",
    "totalsegmentator/example_mr_sm",
    "totalsegmentator/pulmonary_ct_cropped",
    "totalsegmentator/totalsegmentator_resources_ct_brain_atlas_1mm",
)
RAS_OF_LPS = np.array([-1.0, -1.0, 1.0])


def _load(path: Path) -> nibabel.Nifti1Image:
    image = nibabel.load(path)
    assert isinstance(image, nibabel.Nifti1Image)
    return image


def _some_voxels(volume: Volume, margin: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Floats]:
    """Draw voxels (n, 3), z, y, x, away from the border, and their world coordinates (n, 3), LPS."""
    shape = np.array(volume.signal.shape)
    voxels = np.random.default_rng(0).integers(margin, shape - margin, size=(4000, 3))
    return voxels, volume.origin + voxels[:, ::-1] * volume.spacing @ volume.axes.T


@pytest.mark.parametrize("name", FILES)
def test_a_nifti_shows_at_each_place_what_nibabel_finds_there(real_data: Path, name: str) -> None:
    path = real_data / f"{name}.nii.gz"
    reference = _load(path)
    spacing = 0.95 * float(min(reference.header.get_zooms()))
    volume = read_volume("case", path, spacing)
    voxels, world = _some_voxels(volume, 4)
    there = nibabel.affines.apply_affine(np.linalg.inv(reference.affine), world * RAS_OF_LPS)
    expected = ndimage.map_coordinates(np.asarray(reference.dataobj, np.float64), there.T, order=1)
    assert volume.signal[tuple(voxels.T)] == pytest.approx(expected, abs=0.5)
    assert np.ptp(expected) > 50, "there is something to be seen"


@pytest.mark.parametrize("name", FILES)
def test_a_nifti_shows_at_each_place_what_simpleitk_finds_there(real_data: Path, name: str) -> None:
    path = real_data / f"{name}.nii.gz"
    reference = sitk.ReadImage(str(path), sitk.sitkFloat32)
    volume = read_volume("case", path, 0.95 * min(reference.GetSpacing()))
    voxels, world = _some_voxels(volume, 4)
    expected = [reference.EvaluateAtPhysicalPoint(point.tolist(), sitk.sitkLinear) for point in world[:500]]
    assert volume.signal[tuple(voxels[:500].T)] == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("name", ["totalsegmentator/example_ct_sm", "totalsegmentator/example_mr_sm"])
def test_voxels_are_turned_to_left_back_and_head(real_data: Path, name: str) -> None:
    path = real_data / f"{name}.nii.gz"
    canonical = nibabel.as_closest_canonical(_load(path))
    lps = np.asarray(canonical.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    volume = read_volume("case", path, float(canonical.header.get_zooms()[0]))
    assert volume.signal.shape == lps.shape
    assert np.abs(volume.signal - lps).max() < 1e-2
    assert np.diag(volume.axes) == pytest.approx([1, 1, 1], abs=1e-3)


@pytest.fixture
def evenly_spaced_part(real_data: Path, tmp_path: Path) -> Path:
    """The 14 lower slices of the real head: gantry tilted by 18.5 degrees, 4.22 mm of table between each two."""
    folder = tmp_path / "head"
    folder.mkdir()
    for number in range(1, 15):
        (folder / f"{number:02d}.dcm").symlink_to(real_data / "dicom_ct_series" / "GE" / f"{number:02d}.dcm")
    return folder


def _sheared_affine(folder: Path) -> tuple[Floats, Floats]:
    """Give pixels (column, row, slice) and their affine to LPS, sheared as the gantry is, out of the headers alone."""
    pixels, positions, steps = [], [], None
    for file in sorted(folder.iterdir()):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(file))
        pixels.append(sitk.GetArrayFromImage(reader.Execute())[0].T.astype(np.float64))
        positions.append([float(number) for number in reader.GetMetaData("0020|0032").split("\\")])
        edge = float(reader.GetMetaData("0028|0030").split("\\")[0])
        steps = edge * np.array([float(number) for number in reader.GetMetaData("0020|0037").split("\\")]).reshape(2, 3)
    assert steps is not None
    between = (np.array(positions[-1]) - positions[0]) / (len(positions) - 1)
    affine = np.eye(4)
    affine[:3] = np.stack([*steps, between, np.array(positions[0])], axis=1)
    return np.stack(pixels, axis=-1), affine


def test_a_tilted_series_shows_at_each_place_what_nibabel_finds_by_the_sheared_affine(evenly_spaced_part: Path) -> None:
    # A distance greater than that of the slices keeps their planes, so that nothing is interpolated across them.
    image = read_series("head", evenly_spaced_part, 100.0)
    found = sitk.GetArrayFromImage(image)
    pixels, affine = _sheared_affine(evenly_spaced_part)
    assert image.GetDepth() == pixels.shape[2] == 14
    assert image.GetSpacing()[2] == pytest.approx(4.22 * np.cos(np.radians(18.5)), abs=1e-3)
    voxels = np.random.default_rng(0).integers([0, 130, 100], [14, 430, 412], size=(3000, 3))
    world = [image.TransformIndexToPhysicalPoint(voxel[::-1].tolist()) for voxel in voxels]
    there = nibabel.affines.apply_affine(np.linalg.inv(affine), np.array(world))
    inside = ((there[:, :2] > 1) & (there[:, :2] < 510)).all(axis=1)
    assert there[:, 2] == pytest.approx(voxels[:, 0], abs=1e-3)
    expected = ndimage.map_coordinates(pixels, there[inside].T, order=1, mode="nearest")
    assert inside.mean() > 0.9
    assert found[tuple(voxels[inside].T)] == pytest.approx(expected, abs=0.5)


def test_a_nifti_with_the_shear_of_a_tilted_gantry_is_named_with_its_remedy(
    evenly_spaced_part: Path, tmp_path: Path
) -> None:
    pixels, affine = _sheared_affine(evenly_spaced_part)
    path = tmp_path / "head.nii.gz"
    image = nibabel.Nifti1Image(pixels[::4, ::4].astype(np.float32), np.diag([-1, -1, 1, 1]) @ affine)
    image.set_qform(None, code=0)
    nibabel.save(image, path)
    with pytest.raises(
        DataError, match=r"^head-3: head\.nii\.gz .*tilted gantry; give the DICOM series, or .*dcm2niix"
    ):
        read_volume("head-3", path, 2.0)
