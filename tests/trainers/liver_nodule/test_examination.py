"""Five phases come onto common voxels, from one file or from five, wherever each of them lay."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK and nibabel have no annotations of their functions.)

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError, UsageError
from bohpo.trainer import Configuration, Context
from trainers.cad.case import Split, by_name
from trainers.liver_nodule import check, train
from trainers.liver_nodule.application import LiverNodule
from trainers.liver_nodule.contrast import PHASES
from trainers.liver_nodule.examination import normalise, read_examination
from trainers.liver_nodule.phantom import PRESETS, make_phantom
from trainers.liver_nodule.settings import Settings

SPACING = (1.5, 1.5, 3.0)
ORIGIN = (-40.0, 12.0, 7.5)


def _bumps(centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Give five phases (5, z, y, x) of a smooth bump of different height, whose place is in mm from the middle."""
    along = [(np.arange(edge) - (edge - 1) / 2) * step for edge, step in zip((16, 32, 40), SPACING[::-1], strict=True)]
    z, y, x = np.ix_(*along)
    distance = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2
    return np.stack([height * np.exp(-distance / 150) + 1 for height in (1, 2, 3, 4, 5)]).astype(np.float32)


def _image(signal: np.ndarray[tuple[int, ...], np.dtype[np.float32]], origin: tuple[float, ...] = ORIGIN) -> sitk.Image:
    image = sitk.GetImageFromArray(signal, isVector=False)
    image.SetSpacing((*SPACING, 1.0)[: signal.ndim])
    image.SetOrigin((*origin, 0.0)[: signal.ndim])
    return image


def _write_phases(folder: Path, images: dict[str, sitk.Image]) -> None:
    folder.mkdir()
    for phase, image in images.items():
        sitk.WriteImage(image, str(folder / f"{phase}.nii.gz"))


def test_a_4d_file_and_a_folder_of_its_phases_give_the_same_volume(tmp_path: Path) -> None:
    signal = _bumps((3.0, -5.0, 8.0))
    sitk.WriteImage(_image(signal), str(tmp_path / "case.nii.gz"))
    _write_phases(tmp_path / "other", {str(phase): _image(each) for phase, each in zip(PHASES, signal, strict=True)})
    one, five = (read_examination("case", tmp_path / name, 1.5) for name in ("case.nii.gz", "other"))
    assert one.signal.shape == (5, 31, 32, 40)
    assert five.signal == pytest.approx(one.signal, abs=1e-5)
    assert (one.origin == five.origin).all()
    assert one.signal.max(axis=(1, 2, 3)) == pytest.approx([2, 3, 4, 5, 6], abs=0.1)


def test_a_4d_file_lies_where_nibabel_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    affine = np.array([[0, 0, 2.0, -30], [-2.0, 0, 0, 44], [0, 2.0, 0, 9], [0, 0, 0, 1]])
    voxels = rng.random((12, 14, 16, 5), np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "case.nii")
    volume = read_examination("case", tmp_path / "case.nii", 2.0)
    for index in ((0, 0, 0), (11, 13, 15), (3, 7, 9)):
        ras = nibabel.affines.apply_affine(affine, index)
        x, y, z = np.rint((ras * [-1, -1, 1] - volume.origin) @ volume.axes / 2.0).astype(int)
        assert volume.signal[:, z, y, x] == pytest.approx(voxels[index], abs=1e-4)


def test_phases_on_other_voxels_come_to_where_they_belong(tmp_path: Path) -> None:
    still, early = _bumps(), _bumps((4.0, 6.0, -9.0))
    # The arterial phase was planned elsewhere: its middle lies 4, 6 and -9 mm from the others', so its bump does not.
    elsewhere = (ORIGIN[0] + 9.0, ORIGIN[1] - 6.0, ORIGIN[2] - 4.0)
    images = {str(phase): _image(each) for phase, each in zip(PHASES, still, strict=True)}
    images["arterial"] = sitk.DICOMOrient(_image(early[1], elsewhere), "RAS")
    _write_phases(tmp_path / "case", images)
    signal = read_examination("case", tmp_path / "case", 1.5).signal
    inner = (slice(6, -6),) * 3
    assert signal[1][inner] - 1 == pytest.approx((signal[4][inner] - 1) * 2 / 5, abs=0.05)
    assert np.abs(signal[1] - signal[4]).max() > 1


def test_a_phase_of_another_part_of_the_body_is_named(tmp_path: Path) -> None:
    images = {str(phase): _image(each) for phase, each in zip(PHASES, _bumps(), strict=True)}
    images["portal"] = _image(_bumps()[2], (ORIGIN[0], ORIGIN[1], ORIGIN[2] + 36.0))
    _write_phases(tmp_path / "p", images)
    with pytest.raises(
        DataError, match=r"^p: its portal phase covers 22% of the hepatobiliary one; give the phases of"
    ):
        read_examination("p", tmp_path / "p", 1.5)


def test_phases_may_be_folders_of_dicom_series(tmp_path: Path) -> None:
    images = {str(phase): _image(each) for phase, each in zip(PHASES, _bumps(), strict=True)}
    late = images.pop("late")
    _write_phases(tmp_path / "case", images)
    _write_series(tmp_path / "case" / "late", late)
    signal = read_examination("case", tmp_path / "case", 1.5).signal
    assert signal.shape[0] == 5
    assert signal[3].max() == pytest.approx(500, rel=0.05)


def _write_series(folder: Path, image: sitk.Image) -> None:
    """Write the slices as DICOM files, the signal times 100."""
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    whole = sitk.Cast(image * 100, sitk.sitkInt16)
    for number in range(whole.GetDepth()):
        one = whole[:, :, number]
        place = whole.TransformIndexToPhysicalPoint((0, 0, number))
        tags = {
            "0008|0060": "MR",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|0013": str(number),
            "0020|0032": "\\".join(str(each) for each in place),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": str(SPACING[2]),
            "0010|0010": "Somebody^Known",
        }
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(one)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_file_without_five_phases_is_named(tmp_path: Path, count: int) -> None:
    signal = np.random.default_rng(0).random((count, 9, 9, 9), np.float32)
    sitk.WriteImage(_image(signal[0] if count == 1 else signal), str(tmp_path / "case.nii.gz"))
    with pytest.raises(DataError, match=rf"^patient-3: case.nii.gz holds {count} of 5 phases; give all in this order"):
        read_examination("patient-3", tmp_path / "case.nii.gz", 2.0)


def test_phases_that_lack_are_named_and_those_that_are_there_twice(tmp_path: Path) -> None:
    images = {str(phase): _image(each) for phase, each in zip(PHASES, _bumps(), strict=True)}
    _write_phases(
        tmp_path / "lacking", {phase: image for phase, image in images.items() if phase not in ("late", "portal")}
    )
    with pytest.raises(DataError, match=r"^p: its folder lacks portal, late; call its files or folders precontrast,"):
        read_examination("p", tmp_path / "lacking", 2.0)
    _write_phases(tmp_path / "twice", images)
    sitk.WriteImage(images["late"], str(tmp_path / "twice" / "late.mha"))
    with pytest.raises(DataError, match=r"twice, as late.mha and late.nii.gz; keep one of them"):
        read_examination("p", tmp_path / "twice", 2.0)


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    sitk.WriteImage(_image(_bumps()), str(tmp_path / "case.nii.gz"))
    torn = tmp_path / "torn.nii.gz"
    torn.write_bytes((tmp_path / "case.nii.gz").read_bytes()[:-50])
    with pytest.raises(DataError, match=r"^p: torn.nii.gz cannot be read .*replace the file"):
        read_examination("p", torn, 2.0)


def test_normalisation_undoes_the_scanner_s_unit_but_keeps_the_phases_apart() -> None:
    volume = make_phantom(PRESETS["tiny"], 0, 0).volume
    ours = normalise(volume)
    assert normalise(700 * volume) == pytest.approx(ours, abs=1e-4)
    assert -0.1 < np.median(ours[:, volume.max(axis=0) > 0.4]) < 0.1
    means = ours.mean(axis=(1, 2, 3))
    assert means[2] > means[0] + 0.1, "the portal phase stays brighter than the precontrast one"
    assert not normalise(np.zeros((5, 8, 8, 8), np.float32)).any()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Examinations as a hospital has them: two in each split, 4D files and folders of phases, a dark ball in each."""
    folder, rng = tmp_path / "cases", np.random.default_rng(0)
    folder.mkdir()
    lesions, splits = ["case,x,y,z,diameter_mm"], ["case,split"]
    for number, split in enumerate(2 * list(Split)):
        name, (z, y, x) = f"case-{number}", rng.integers(6, 18, size=3)
        distance = np.linalg.norm(np.moveaxis(np.indices((24, 24, 24)), 0, -1) - (z, y, x), axis=-1)
        signal = 1 + 0.1 * rng.normal(size=(5, 24, 24, 24))
        signal[-1] -= distance < 3
        image = sitk.GetImageFromArray(signal.astype(np.float32), isVector=False)
        image.SetSpacing((2.0, 2.0, 2.0, 1.0))
        if number % 2:
            _write_phases(folder / name, {phase: image[:, :, :, channel] for channel, phase in enumerate(PHASES)})
        else:
            sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
        lesions.append(f"{name},{2 * x},{2 * y},{2 * z},12")
        splits.append(f"{name},{split}")
    (folder / "lesions.csv").write_text("\n".join(lesions))
    (folder / "excluded.csv").write_text("case,x,y,z,diameter_mm\ncase-0,30,30,30,-1")
    (folder / "splits.csv").write_text("\n".join(splits))
    return folder


def test_a_folder_gives_the_cases_that_were_written_to_it(configuration: Configuration, folder: Path) -> None:
    settings = Settings.from_configuration({**configuration, "data": str(folder), "spacing_mm": 2.0})
    first, second = by_name(LiverNodule().cases(settings, Split.TRAINING))
    assert (first.name, second.name) == ("case-0", "case-3")
    assert first.volume.shape == second.volume.shape == (5, 24, 24, 24)
    assert first.excluded.tolist() == [[30, 30, 30]]
    assert len(second.excluded) == 0
    for case in (first, second):
        z, y, x = np.rint(case.to_voxels(case.centres)[0]).astype(int)
        assert case.volume[-1, z, y, x] < case.volume[:-1, z, y, x].min() - 1


def test_a_check_tells_every_broken_examination_and_nothing_of_the_patients(folder: Path) -> None:
    (folder / "case-1" / "portal.nii.gz").unlink()
    signal = np.random.default_rng(1).random((3, 12, 12, 12), np.float32)
    sitk.WriteImage(_image(signal), str(folder / "case-2.nii.gz"))
    (folder / "case-3" / "late.nii.gz").unlink()
    _write_series(folder / "case-3" / "late", _image(_bumps()[3], (0.0, 0.0, 0.0)))
    told = {case.name: case for case in check(folder, 2.0)}
    assert [name for name, case in told.items() if case.problems] == ["case-1", "case-2"]
    assert "its folder lacks portal" in told["case-1"].problems[0]
    assert "holds 3 of 5 phases" in told["case-2"].problems[0]
    assert "5 x 24 x 24 x 24 voxels of 2 mm, 1 lesion" in str(told["case-0"])
    assert "Somebody" not in str(told)


@pytest.mark.training
def test_a_folder_is_trained_on(configuration: Configuration, folder: Path, tmp_path: Path) -> None:
    asked = {**configuration, "data": str(folder), "spacing_mm": 2.0}
    asked |= {f"{split}_cases": None for split in Split}
    outcome = train(asked, Context.in_directory(tmp_path / "attempt"))
    assert outcome.metrics["cases"] == 2
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\n")
    with pytest.raises(UsageError, match="none of the 2 training cases has a lesion"):
        train(asked, Context.in_directory(tmp_path / "other"))
