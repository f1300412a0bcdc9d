"""How wide the interval of a validation score will be, from the tables alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.errors import UsageError
from trainers.cad.entry import Entry
from trainers.cad.forecast import forecast_interval


def _folder(path: Path, cases: dict[str, int], table: str = "lesions.csv") -> Path:
    """Write a folder of validation cases, name -> lesions, or 1 for an abnormal case; the volumes are empty files."""
    path.mkdir(exist_ok=True)
    for name in cases:
        (path / f"{name}.nii.gz").write_bytes(b"")
    if table == "lesions.csv":
        rows = [f"{name},{x},0,0,4" for name, count in cases.items() for x in range(count)]
        (path / table).write_text("\n".join(["case,x,y,z,diameter_mm", *rows]))
    else:
        rows = [f"{name},{'abnormal' if is_abnormal else 'normal'}" for name, is_abnormal in cases.items()]
        (path / table).write_text("\n".join(["case,label", *rows]))
    (path / "splits.csv").write_text("\n".join(["case,split", *(f"{name},validation" for name in cases)]))
    return path


def test_lesions_and_patients_of_a_folder_are_counted(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "many", {f"sub-{n}_ses-{m}": 1 for n in range(25) for m in (1, 2)} | {"free": 0})
    # 25 patients of two lesions: Jeffreys' interval of 20 among 25 is 0.62 to 0.92.
    assert forecast_interval({"data": str(folder)}, is_labelled=False) == (
        "50 lesions of 25 patients in the validation cases: the 95% interval of a score of 0.8 will be about ±0.15 wide"
    )


def test_few_lesions_are_told(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "few", {"a": 1, "b": 1, "c": 1, "d": 9})
    told = forecast_interval({"data": str(folder), "validation_cases": 2}, is_labelled=False)
    assert str(told).startswith("2 lesions in the validation cases: the 95% interval of a score of 0.8 is about ±0.40")


def test_of_labelled_cases_the_rarer_kind_decides(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "heads", {f"case{n}x": int(n % 4 == 0) for n in range(40)}, "labels.csv")
    told = forecast_interval({"data": str(folder)}, is_labelled=True)
    assert str(told).startswith("10 abnormal cases in the validation cases: the 95% interval")


@pytest.mark.parametrize(
    ("fixed", "is_labelled", "start"),
    [
        ({"data": "phantom:tiny", "validation_cases": 2}, False, "2 phantoms in the validation cases: "),
        (
            {"data": "phantom:tiny"},
            False,
            "64 phantoms in the validation cases: the 95% interval of a score of 0.8 will",
        ),
        ({"data": "phantom:tiny", "validation_cases": 10}, True, "5 abnormal cases in the validation cases: "),
    ],
)
def test_phantoms_count_one_lesion_each(fixed: dict[str, str | int], is_labelled: bool, start: str) -> None:
    assert str(forecast_interval(fixed, is_labelled=is_labelled)).startswith(start)


@pytest.mark.parametrize(
    ("cases", "table", "problem"),
    [
        ({}, "lesions.csv", "there is no validation case"),
        ({"a": 3}, "lesions.csv", "there is one validation case, which cannot show how patients vary"),
        ({"sub-1_ses-1": 1, "sub-1_ses-2": 2}, "lesions.csv", "all 2 validation cases are of one patient"),
        ({"a": 0, "b": 0}, "lesions.csv", "there is no lesion in the validation cases"),
        ({"a": 1, "b": 1}, "labels.csv", "there is no normal case in the validation cases"),
    ],
)
def test_cases_that_no_score_can_be_had_of_are_told(
    tmp_path: Path, cases: dict[str, int], table: str, problem: str
) -> None:
    folder = _folder(tmp_path / "cases", cases, table)
    told = str(forecast_interval({"data": str(folder)}, is_labelled=table == "labels.csv"))
    assert told.startswith(problem)
    assert ", so no score is possible; add " in told
    assert str(forecast_interval({"data": "phantom:tiny", "validation_cases": 1}, is_labelled=False)).startswith(
        "there is one validation case"
    )


def test_nothing_is_said_without_data_and_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert forecast_interval({}, is_labelled=False) is None
    with pytest.raises(UsageError, match="there is no folder"):
        Entry("nowhere:Nothing").forecast({"data": str(tmp_path / "absent")})


def _check(folder: Path, trainer: str, data: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "study.toml").write_text(
        f'name = "s"\ntrainer = "{trainer}"\n[objective]\nmetric = "partial_auc"\ndirection = "maximize"\n'
        f'[budget]\ntrials = 2\n[space]\nx = {{ type = "float", low = 0.0, high = 1.0 }}\n[fixed]\ndata = "{data}"\n'
    )
    command = [sys.executable, "-m", "bohpo", "check", "study.toml", *options]
    # ITK may have changed this process's locale, and with it the encoding that text would be read in.
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


def test_check_tells_how_sure_the_scores_will_be(tmp_path: Path) -> None:
    _folder(tmp_path / "cases", {"a": 1, "b": 1})
    told = _check(tmp_path, "trainers.aneurysm:train", "cases")
    assert "scores     2 lesions in the validation cases: the 95% interval" in told.stdout.replace("\t", "     "), told
    told = _check(tmp_path, "trainers.aneurysm:train", "cases", "--json")
    assert json.loads(told.stdout)["forecast"].startswith("2 lesions in the validation cases: ")
    away = _check(tmp_path, "trainers.aneurysm:train", "/on/the/cluster")
    assert away.returncode == 0, "the data may be on another machine"
    assert "is not known: data: there is no folder /on/the/cluster" in away.stdout


def test_a_forecast_is_optional_and_may_fail(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def train(config, context): ...\n")
    told = _check(tmp_path, "mine:train", "cases", "--json")
    assert json.loads(told.stdout)["forecast"] is None
    (tmp_path / "mine.py").write_text("def train(config, context): ...\n\ndef forecast(fixed): return fixed['date']\n")
    told = _check(tmp_path, "mine:train", "cases", "--json")
    assert json.loads(told.stdout)["forecast"] == "how wide the interval of a score will be is not known: 'date'"
