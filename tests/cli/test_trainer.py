"""`bohpo trainer check` reads all cases of a folder, tells every problem, and nothing of a patient."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.cli.app import main

HEADER = "case,x,y,z,diameter_mm"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three whole cases, one in each split, each with a lesion."""
    monkeypatch.setenv("BOHPO_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cases"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "c")):
        signal = np.random.default_rng(number).random((16, 18, 20), np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(signal), str(folder / f"{name}.nii.gz"))
    rows = "\n".join(f"{name},5,6,7,4" for name in "abc")
    (folder / "lesions.csv").write_text(f"{HEADER}\n{rows}\n")
    (folder / "splits.csv").write_text("case,split\na,training\nb,validation\nc,test\n")
    return folder


def _check(folder: Path, *options: str) -> int:
    try:
        main(["trainer", "check", "trainers.aneurysm", "--data", str(folder), "--spacing", "1.0", *options])
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_a_whole_folder_is_described_case_by_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(folder) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["case", "split", "what", "problem"],
        ["a", "training", "20 x 18 x 16 voxels of 1 mm, 1 lesion", ""],
        ["b", "validation", "20 x 18 x 16 voxels of 1 mm, 1 lesion", ""],
        ["c", "test", "20 x 18 x 16 voxels of 1 mm, 1 lesion", ""],
    ]


def test_every_problem_of_every_split_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.nii.gz").write_bytes(b"torn")
    (folder / "lesions.csv").write_text(f"{HEADER}\na,5,6,7,wide\nb,500,6,7,4\nd,1,2,3,4\n")
    assert _check(folder, "--json") == 2
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    problems = {case["name"]: case["problems"] for case in told["cases"]}
    assert [len(problems[name]) for name in ("a", "b", "c", "d")] == [2, 1, 0, 1]
    assert "line 2 of lesions.csv says 5, 6, 7, wide" in problems["a"][0]
    assert "cannot be read" in problems["a"][1]
    assert "lies outside the volume" in problems["b"][0]
    assert "has no volume" in problems["d"][0]
    assert {name for name in problems if name in ("training", "validation", "test")} == {
        "training",
        "validation",
        "test",
    }, "no split is left with a lesion"
    assert told["problems"] == 7
    assert "7 problems in" in printed.err


def test_how_wide_the_interval_will_be_is_told_on_stderr_and_in_json(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = np.random.default_rng(9).random((16, 18, 20), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(signal), str(folder / "d.nii.gz"))
    with (folder / "splits.csv").open("a") as table:
        table.write("d,validation\n")
    rows = "".join(f"d,{x},{y},7,4\n" for x in range(5, 9) for y in range(5, 11))
    (folder / "lesions.csv").write_text(f"{HEADER}\na,5,6,7,4\nb,5,6,7,4\nc,5,6,7,4\n{rows}")
    assert _check(folder) == 0
    err = capsys.readouterr().err
    # 24 lesions of d and 1 of b are worth 25^2 / (24^2 + 1) = 1.08 patients: nearly any score fits.
    assert (
        "25 lesions of 2 patients in the validation cases: the 95% interval of a score of 0.8 will be about ±0.45 wide"
    ) in err
    assert "1 lesion in the test cases: the 95% interval of a score of 0.8 is about ±0.46 wide" in err
    assert _check(folder, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [note.split(":")[0] for note in printed["notes"]] == [
        "25 lesions of 2 patients in the validation cases",
        "there is one test case, which cannot show how patients vary, so no score is possible; add cases, or change "
        "their split",
        "1 lesion in the test cases",
    ]
    assert [case["name"] for case in printed["cases"]] == ["a", "b", "c", "d"]


def test_a_patient_in_two_splits_is_a_problem_and_an_unsure_name_a_note(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("P1_ses-1", "P1_ses-2", "P2_1", "P2_2")):
        signal = np.random.default_rng(20 + number).random((16, 18, 20), np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(signal), str(folder / f"{name}.nii.gz"))
    with (folder / "splits.csv").open("a") as table:
        table.write("P1_ses-1,training\nP1_ses-2,test\n")
    assert _check(folder, "--json") == 2
    told = json.loads(capsys.readouterr().out)
    problems = {case["name"]: case["problems"] for case in told["cases"] if case["problems"]}
    assert problems == {
        "P1_ses-2": [
            "P1_ses-2: it is in test, and P1_ses-1 of the same patient, P1, in training; put all cases of a patient "
            "into one split in splits.csv, or name their patients in its column patient if these are two"
        ]
    }
    assert any(note.startswith("P2_1 and P2_2 may be scans of one patient") for note in told["notes"])
    (folder / "splits.csv").write_text(
        (folder / "splits.csv").read_text().replace("P1_ses-2,test", "P1_ses-2,training")
    )
    assert _check(folder) == 0


def test_what_was_read_before_is_read_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(folder) == 0
    assert not (folder.parent / "cache").exists()


def test_a_module_that_cannot_check_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for module, message in (("json", "json cannot check data; define check"), ("trainers.none", "there is no module")):
        with pytest.raises(SystemExit) as left:
            main(["trainer", "check", module, "--data", str(folder)])
        assert left.value.code == 2
        assert message in capsys.readouterr().err


def test_pictures_of_lesions_are_drawn_where_they_are_asked_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(folder, "--pictures", str(tmp_path / "album")) == 0
    names = sorted(path.name for path in (tmp_path / "album").iterdir())
    assert names == ["a-01.png", "b-01.png", "c-01.png", "index.html"]
    assert str(tmp_path / "album" / "index.html") in capsys.readouterr().err
    assert _check(folder, "--pictures", str(tmp_path / "album")) == 2
    assert "holds something already; name a new folder, or empty it" in capsys.readouterr().err


def test_a_module_that_draws_no_pictures_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain_trainer.py").write_text("def check(data, spacing_mm):\n    return iter(())\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["trainer", "check", "plain_trainer", "--data", str(folder), "--pictures", str(tmp_path / "album")])
    assert left.value.code == 2
    assert "plain_trainer draws no pictures; leave --pictures out" in capsys.readouterr().err


def test_what_is_wrong_with_tables_is_told_beside_what_is_wrong_with_volumes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.nii.gz").write_bytes(b"torn")
    (folder / "lesions.csv").write_text("case,x,y\n")
    (folder / "splits.csv").write_bytes(b"case,split\nM\xfcller,training\n")
    assert _check(folder, "--json") == 2
    told = json.loads(capsys.readouterr().out)
    problems = {case["name"]: case["problems"] for case in told["cases"]}
    assert set(problems) == {"tables", "a", "b", "c"}
    assert "lesions.csv lacks the column z, diameter_mm" in problems["tables"][0]
    assert "splits.csv is no CSV file in UTF-8: line 2 has bytes of another encoding" in problems["tables"][1]
    assert "a.nii.gz cannot be read" in problems["a"][0]


def test_warnings_are_told_and_are_no_problems(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "d.img").write_bytes(b"half of an Analyze file")
    assert _check(folder, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    [ignored] = [case for case in told["cases"] if case["name"] == "d.img"]
    assert ignored["problems"] == []
    assert ignored["warnings"] == ["it is not read; volumes end in .nii.gz, .nii, .mha, .mhd, .nrrd"]
    assert _check(folder) == 0
    assert "d.img\t\tno volume\twarning: it is not read; volumes end in" in capsys.readouterr().out


def test_what_cannot_be_a_volume_ends_no_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.nii.gz").unlink()
    (folder / "a.nii.gz").mkdir()
    (folder / "b.nii.gz").symlink_to(folder / "b.nii.gz")
    os.mkfifo(folder / "d.nii")
    assert _check(folder, "--json") == 2
    problems = {case["name"]: case["problems"] for case in json.loads(capsys.readouterr().out)["cases"]}
    assert "a: a.nii.gz is a folder; put the volume's file there, or rename the folder" in problems["a"]
    assert problems["b"] == ["b: b.nii.gz is no file, or a link that leads to none; put the volume's file there"]
    assert problems["d"] == ["d: d.nii is no file, or a link that leads to none; put the volume's file there"]


def _write_series(folder: Path, tags: dict[str, str]) -> None:
    folder.mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number in range(12):
        piece = sitk.GetImageFromArray(np.random.default_rng(number).integers(0, 99, (1, 16, 16)).astype(np.int16))
        place = {"0020|0032": f"0\\0\\{number}", "0020|0037": "1\\0\\0\\0\\1\\0", "0020|000e": "1.2.3.4"}
        for tag, value in {**tags, **place, "0008|0018": f"1.2.3.4.{number}", "0008|0060": "MR"}.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(piece)


def test_nothing_of_a_patient_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"0010|0010": "DOE^JANE", "0010|0020": "HOSPITAL-4711", "0010|0030": "19560229", "0008|0020": "20250314"}
    for name in ("case-1", "torn"):
        _write_series(folder / name, secrets)
    file = folder / "torn" / "5.dcm"
    assert b"DOE^JANE" in file.read_bytes()
    file.write_bytes(file.read_bytes()[:-40])
    (folder / "lesions.csv").write_text(f"{HEADER}\ncase-1,4,4,400,3\na,5,6,7,4\nb,5,6,7,4\nc,5,6,7,4\n")
    _check(folder, "--json")
    printed = capsys.readouterr()
    assert "case-1: its lesion at 4, 4, 400 lies outside the volume" in printed.out
    for secret in secrets.values():
        assert secret not in printed.out + printed.err
