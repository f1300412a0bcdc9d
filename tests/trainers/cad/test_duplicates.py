"""The same volume in two splits is found before any step of a training, and before a test score is given."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import UsageError
from bohpo.trainer import Context
from tests.trainers.cad.balls import CONFIGURATION, Balls
from trainers.cad import loop
from trainers.cad.case import Case, Split
from trainers.cad.check import check_folder
from trainers.cad.duplicates import digest, fingerprint, refuse_copies


def _volume(seed: int, edge: int = 16) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    volume = np.random.default_rng(seed).normal(size=(edge, edge, edge)).astype(np.float32)
    volume[5:8, 5:8, 5:8] += 8
    return volume


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two cases in each split, with a ball each."""
    folder = tmp_path / "cases"
    folder.mkdir()
    names = [f"{split}-{number}" for split in Split for number in ("a", "b")]
    for seed, name in enumerate(names):
        sitk.WriteImage(sitk.GetImageFromArray(_volume(seed)), str(folder / f"{name}.mha"))
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\n" + "".join(f"{name},6,6,6,3\n" for name in names))
    (folder / "splits.csv").write_text("case,split\n" + "".join(f"{name},{name.partition('-')[0]}\n" for name in names))
    return folder


def _train(folder: Path, directory: Path) -> Context:
    context = Context.in_directory(directory, seed=0)
    config = {**CONFIGURATION, "data": str(folder), "iterations": 2}
    for key in ("training_cases", "validation_cases", "test_cases"):
        del config[key]
    loop.train(Balls(), config, context)
    return context


def _problems(folder: Path) -> list[str]:
    return [problem for case in check_folder(Balls(), folder, None) for problem in case.problems]


@pytest.mark.parametrize("how", ["copy", "hard link", "another format"])
def test_a_copy_in_another_split_is_refused_before_training_and_told_by_the_check(
    folder: Path, tmp_path: Path, how: str
) -> None:
    copy = folder / "validation-b.mha"
    assert _problems(folder) == []
    copy.unlink()
    if how == "copy":
        shutil.copy(folder / "training-a.mha", copy)
    elif how == "hard link":
        os.link(folder / "training-a.mha", copy)
    else:
        sitk.WriteImage(sitk.ReadImage(str(folder / "training-a.mha")), str(copy.with_suffix(".nii.gz")))
    told = (
        "validation-b: its volume is that of training-a, which is in training, while it is in validation; "
        "remove one of them, or put both into one split"
    )
    assert _problems(folder) == [told]
    with pytest.raises(UsageError) as caught:
        _train(folder, tmp_path / "attempt")
    assert str(caught.value) == told
    assert not (tmp_path / "attempt" / "progress.jsonl").exists(), "no step was taken"


def test_a_copied_dicom_series_is_told(folder: Path) -> None:
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for name in ("training-c", "test-c"):
        (folder / name).mkdir()
    for number in range(12):
        piece = sitk.GetImageFromArray(np.random.default_rng(number).integers(0, 99, (1, 16, 16)).astype(np.int16))
        place = {"0020|0032": f"0\\0\\{number}", "0020|0037": "1\\0\\0\\0\\1\\0", "0020|000e": "1.2.3.4"}
        for tag, value in {**place, "0008|0018": f"1.2.3.4.{number}", "0008|0060": "MR"}.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / "training-c" / f"{number}.dcm"))
        writer.Execute(piece)
        shutil.copy(folder / "training-c" / f"{number}.dcm", folder / "test-c" / f"image-{number}.dcm")
    with (folder / "splits.csv").open("a") as table:
        table.write("training-c,training\ntest-c,test\n")
    [problem] = _problems(folder)
    assert problem.startswith("training-c: its volume is that of test-c, which is in test")


def test_a_copy_in_the_same_split_is_worth_a_note(folder: Path) -> None:
    shutil.copy(folder / "training-a.mha", folder / "training-b.mha")
    checked = list(check_folder(Balls(), folder, None))
    assert not any(case.problems for case in checked)
    [note] = [note for case in checked for note in case.notes if case.name == "training-b"]
    assert note == "training-b: its volume is that of training-a, so it counts twice; remove one of them"


def test_a_test_case_that_was_trained_on_is_refused_by_the_evaluation(folder: Path, tmp_path: Path) -> None:
    context = _train(folder, tmp_path / "attempt")
    config = {**CONFIGURATION, "data": str(folder), "test_cases": 2}
    evaluation = Context.in_directory(tmp_path / "evaluation", seed=0)
    assert loop.evaluate(Balls(), config, context.model, evaluation).metrics["lesions"] == 2
    shutil.copy(folder / "validation-a.mha", folder / "test-b.mha")
    told = r"^test-b: its volume is that of validation-a, which is in training or validation, while it is in test; "
    with pytest.raises(UsageError, match=told):
        loop.evaluate(Balls(), config, context.model, evaluation)
    (context.model / "volumes.json").unlink()
    assert loop.evaluate(Balls(), config, context.model, evaluation).metrics["lesions"] == 2, "a model of before"


@pytest.mark.parametrize("how", ["rounded", "another unit", "another place", "a voxel changed", "a tenth of its noise"])
def test_another_file_of_the_same_scan_is_told(folder: Path, how: str) -> None:
    scan = sitk.ReadImage(str(folder / "training-a.mha"))
    signal = sitk.GetArrayFromImage(scan)
    if how == "rounded":
        signal = np.round(signal, 3)
    elif how == "another unit":
        signal = np.round(signal * 500 + 1000)
    elif how == "a voxel changed":
        signal[3, 4, 5] += 1
    elif how == "a tenth of its noise":
        signal += np.random.default_rng(9).normal(0, 0.1, signal.shape).astype(np.float32)
    image = sitk.GetImageFromArray(signal.astype(np.float32))
    image.SetOrigin((0.1, -0.2, 0.3) if how == "another place" else (0.0, 0.0, 0.0))
    sitk.WriteImage(image, str(folder / "validation-b.mha"))
    # What was measured once more, or made noisier by hand, is no copy for sure.
    assert bool(_problems(folder)) is (how != "a tenth of its noise")


def test_volumes_of_few_values_are_compared_voxel_by_voxel() -> None:
    first, empty = np.zeros((40, 40, 40), np.float32), np.zeros((40, 40, 40), np.float32)
    first[10:30, 12:28, 8:32] = 1
    second = first.copy()
    second[20, 20, 21] = 2
    assert digest(first) != digest(second)
    assert fingerprint(empty) is digest(empty) is None
    cases = [Case(name, volume, 1.0, np.empty((0, 3)), np.empty(0)) for name, volume in (("a", first), ("b", second))]
    blank = [Case(name, empty, 1.0, np.empty((0, 3)), np.empty(0)) for name in ("c", "d")]
    refuse_copies({Split.TRAINING: [cases[0], blank[0]], Split.VALIDATION: [cases[1], blank[1]]})
    with pytest.raises(UsageError, match=r"^a: its volume is that of a, which is in training"):
        refuse_copies({Split.TRAINING: cases[:1], Split.VALIDATION: cases[:1]})


def test_one_validation_patient_is_refused_before_training(folder: Path, tmp_path: Path) -> None:
    (folder / "splits.csv").write_text((folder / "splits.csv").read_text().replace("validation-b,validation\n", ""))
    (folder / "validation-b.mha").unlink()
    (folder / "lesions.csv").write_text((folder / "lesions.csv").read_text().replace("validation-b,6,6,6,3\n", ""))
    with pytest.raises(UsageError, match="there is one validation case, which cannot show how patients vary"):
        _train(folder, tmp_path / "attempt")
    notes = [note for case in check_folder(Balls(), folder, None) for note in case.notes]
    assert any(note.startswith("there is one validation case") for note in notes)
