"""Real trainings: on phantoms and on a folder of NIfTI and DICOM cases, with maps and without names."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
import torch

from bohpo.errors import UsageError
from bohpo.trainer import Configuration, Context
from tests.trainers.head_ct_anomaly.conftest import PhantomMaker
from trainers.cad.cache import cache_folder
from trainers.cad.case import Case, Image
from trainers.head_ct_anomaly import check, evaluate, train
from trainers.head_ct_anomaly.anomaly import AnomalyLearner
from trainers.head_ct_anomaly.attenuation import strip
from trainers.head_ct_anomaly.settings import Settings

pytestmark = pytest.mark.training

PATIENT = "Doe^Jane"


def _weights(directory: Path) -> dict[str, bytes]:
    state = torch.load(directory / "model" / "weights.pt", weights_only=True)
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in state.items()}


def test_a_training_gives_an_area_with_its_variance_and_its_curve(configuration: Configuration, tmp_path: Path) -> None:
    outcome = train(configuration, Context.in_directory(tmp_path, seed=1))
    assert 0 <= outcome.value <= 1
    assert outcome.variance is not None
    assert outcome.metrics["cases"] == 4
    assert outcome.metrics["abnormal_cases"] == 2
    assert set(outcome.curves) == {"roc"}
    reports = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert [report["step"] for report in reports] == [2, 4, 6, 8]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(
    configuration: Configuration, tmp_path: Path
) -> None:
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        train(configuration, Context.in_directory(tmp_path / name, seed=seed))
    assert _weights(tmp_path / "first") == _weights(tmp_path / "again")
    assert _weights(tmp_path / "first") != _weights(tmp_path / "other")


def test_evaluation_scores_test_cases_and_writes_anomaly_maps(configuration: Configuration, tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path / "train", seed=1)
    trained = train(configuration, context)
    outcome = evaluate(configuration, context.model, Context.in_directory(tmp_path / "evaluate"))
    assert outcome.metrics["cases"] == 4
    assert outcome.metrics["threshold_hu"] == trained.metrics["threshold_hu"], "chosen on the validation cases"
    written = {path.name for path in (tmp_path / "evaluate" / "anomaly_maps").iterdir()}
    case = "phantom-tiny-0-200000"
    assert written == {f"{case}-anomaly.nii.gz", f"{case}-head.nii.gz", f"{case}-anomaly.png"}


def test_more_steps_reproduce_a_normal_head_better(
    configuration: Configuration, tmp_path: Path, phantom: PhantomMaker
) -> None:
    signal = strip(phantom(0, False).hu, 3.2)
    case, medians = Case("head", signal, 3.2, np.empty((0, 3)), np.empty(0), label=False), []
    for steps in (1, 60):
        config = {**configuration, "iterations": steps, "validation_cases": 2, "corruption_hu": 0.0, "dropout": 0.0}
        train(config, Context.in_directory(tmp_path / str(steps), seed=2))
        learner = AnomalyLearner(Settings.from_configuration(config), torch.device("cpu"))
        weights = torch.load(tmp_path / str(steps) / "model" / "weights.pt", weights_only=True)
        learner.network.load_state_dict(weights)
        learner.network.eval()
        medians.append(float(np.median(learner.score_patches(case).scores)))
    assert medians[1] < 0.95 * medians[0]


def _write_nifti(path: Path, hu: Image) -> None:
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((3.2, 3.2, 3.2))
    sitk.WriteImage(image, str(path))


def _write_dicom(folder: Path, hu: Image) -> None:
    folder.mkdir()
    for number, rows in enumerate(hu):
        image = sitk.GetImageFromArray(rows.astype(np.int16)[None])
        image.SetSpacing((3.2, 3.2, 3.2))
        tags = {
            "0008|0060": "CT",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.7.{number + 1}",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.8",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.9",
            "0020|0032": f"0\\0\\{3.2 * number:.3f}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0010|0010": PATIENT,
            "0010|0020": "4711-0815",
            "0010|0030": "19560401",
        }
        for key, text in tags.items():
            image.SetMetaData(key, text)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{number:03d}.dcm"))
        writer.Execute(image)


def _folder(root: Path, phantom: PhantomMaker) -> Path:
    """Write a hospital's folder: two cases a split, one of them DICOM."""
    root.mkdir()
    rows = [("case", "label", "split")]
    for index, split in enumerate(("training", "training", "validation", "validation", "test", "test")):
        is_abnormal = split != "training" and index % 2 == 1
        hu = phantom(index, is_abnormal).hu
        if index == 3:
            _write_dicom(root / f"patient-{index}", hu)
        else:
            _write_nifti(root / f"patient-{index}.nii.gz", hu)
        rows.append((f"patient-{index}", "abnormal" if is_abnormal else "normal", split))
    for name, columns in (("labels.csv", (0, 1)), ("splits.csv", (0, 2))):
        with (root / name).open("w", newline="") as stream:
            csv.writer(stream).writerows([[row[column] for column in columns] for row in rows])
    return root


def test_a_folder_of_real_cases_is_trained_on_and_nothing_of_a_patient_is_left_behind(
    configuration: Configuration,
    tmp_path: Path,
    phantom: PhantomMaker,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    without = {key: value for key, value in configuration.items() if not key.endswith("_cases")}
    config = {**without, "data": str(_folder(tmp_path / "cases", phantom)), "spacing_mm": 3.2, "maps": 2}
    context = Context.in_directory(tmp_path / "train", seed=1)
    outcome = train(config, context)
    assert outcome.metrics["cases"] == 2
    assert "worst_on_finding" not in outcome.metrics, "nobody said where the findings are"
    evaluate(config, context.model, Context.in_directory(tmp_path / "evaluate"))
    assert (tmp_path / "evaluate" / "anomaly_maps" / "patient-5-anomaly.nii.gz").exists()
    left = [*(tmp_path / "train").rglob("*"), *(tmp_path / "evaluate").rglob("*"), *cache_folder().rglob("*")]
    kept = b"".join(path.read_bytes() for path in left if path.is_file())
    kept += "".join(capfd.readouterr()).encode() + caplog.text.encode()
    assert PATIENT.encode() not in kept
    assert b"4711-0815" not in kept and b"19560401" not in kept


def test_abnormal_cases_to_train_on_are_refused_by_name(
    configuration: Configuration, tmp_path: Path, phantom: PhantomMaker
) -> None:
    folder = _folder(tmp_path / "cases", phantom)
    labels = (folder / "labels.csv").read_text().replace("patient-1,normal", "patient-1,abnormal")
    (folder / "labels.csv").write_text(labels)
    config = {**configuration, "data": str(folder), "spacing_mm": 3.2}
    with pytest.raises(UsageError, match=r"^patient-1: training cases that are abnormal; train on normal cases only"):
        train(config, Context.in_directory(tmp_path / "train"))


def test_splits_of_one_kind_are_refused(configuration: Configuration, tmp_path: Path, phantom: PhantomMaker) -> None:
    folder = _folder(tmp_path / "cases", phantom)
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text().replace("abnormal", "normal"))
    with pytest.raises(
        UsageError, match=r"^none of the 2 validation cases is abnormal; add some, or change their split"
    ):
        train({**configuration, "data": str(folder), "spacing_mm": 3.2}, Context.in_directory(tmp_path / "train"))


def test_a_folder_is_checked_before_any_training(tmp_path: Path, phantom: PhantomMaker) -> None:
    folder = _folder(tmp_path / "cases", phantom)
    found = {each.name: each for each in check(folder, 3.2)}
    assert list(found) == [*(f"patient-{index}" for index in range(6)), "validation", "test"]
    assert found["test"].notes[0].startswith("1 abnormal case in the test cases: ")
    assert not any(each.problems for each in found.values())
    assert found["patient-3"].description.endswith("voxels of 3.2 mm, abnormal")
    _write_nifti(folder / "patient-0.nii.gz", phantom(0, False).hu + 1024)
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text().replace("patient-4,normal", "patient-4,?"))
    broken = {each.name: each.problems for each in check(folder, 3.2) if each.problems}
    assert "no air around the head" in broken["patient-0"][0]
    assert "patient-4" in broken
    assert "none of the 1 test cases is normal" in broken["test"][0]
    assert PATIENT not in str(broken)
