"""A folder of real cases: which are read, which are refused, and that every broken one is named."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError, UsageError
from tests.trainers.cad.dicom_files import write_series
from trainers.cad.case import Case, Split, by_name
from trainers.cad.folder import read_folder
from trainers.cad.layout import BrokenCasesError, Layout
from trainers.cad.splits import split_by_name


def _write_volume(path: Path, seed: int = 0) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(seed).random((16, 18, 20), np.float32))
    image.SetOrigin((100.0, -50.0, 20.0))
    sitk.WriteImage(image, str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four whole cases: two for training, one of them without an aneurysm, one for validation, one for the test."""
    for number, name in enumerate(("a", "b", "c", "d")):
        _write_volume(tmp_path / f"{name}.nii.gz", number)
    (tmp_path / "lesions.csv").write_text(
        "case,x,y,z,diameter_mm\na,105,-45,30,4.5\na,110,-40,25,-1\nc,103,-42,28,3\nd,104,-41,27,6\n"
    )
    (tmp_path / "splits.csv").write_text("case,split\na,training\nb,training\nc,validation\nd,test\n")
    return tmp_path


def _read(folder: Path, split: Split = Split.TRAINING, count: int | None = None) -> list[Case]:
    return by_name(read_folder(folder, split, count, Layout(spacing=1.0)))


def _add(table: Path, row: str) -> None:
    table.write_text(table.read_text() + row + "\n")


def _problems(folder: Path, split: Split = Split.TRAINING) -> list[str]:
    with pytest.raises(BrokenCasesError) as caught:
        _read(folder, split)
    assert isinstance(caught.value, DataError)
    return [str(error) for error in caught.value.errors]


def test_cases_come_with_their_aneurysms_in_world_coordinates(folder: Path) -> None:
    first, second = _read(folder)
    assert (first.name, second.name) == ("a", "b")
    assert first.centres.tolist() == [[105, -45, 30], [110, -40, 25]]
    assert first.diameters.tolist() == [4.5, -1]
    assert first.to_voxels(first.centres).tolist() == [[10, 5, 5], [5, 10, 10]]
    assert second.centres.shape == (0, 3)


@pytest.mark.parametrize(("split", "names"), [(Split.VALIDATION, ["c"]), (Split.TEST, ["d"])])
def test_each_split_has_its_own_cases(folder: Path, split: Split, names: list[str]) -> None:
    assert [case.name for case in _read(folder, split)] == names


def test_no_more_cases_are_read_than_asked_for(folder: Path) -> None:
    assert [case.name for case in _read(folder, count=1)] == ["a"]


def test_without_a_table_of_splits_the_names_decide(folder: Path) -> None:
    (folder / "splits.csv").unlink()
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\n")
    found: dict[str, Split] = {}
    for split in Split:
        try:
            found |= {case.name: split for case in _read(folder, split)}
        except UsageError as error:
            assert "has no" in str(error)
    assert found == {name: split_by_name(name) for name in "abcd"}


def test_names_fall_into_the_splits_in_the_promised_shares_and_stay_there() -> None:
    splits = [split_by_name(f"patient-{number}") for number in range(2000)]
    shares = [splits.count(split) / len(splits) for split in Split]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    # Written down once: a change would mix test cases into the training of models that exist.
    assert [split_by_name(name).value for name in ("a", "b", "c", "patient-07")] == [
        "validation",
        "training",
        "training",
        "test",
    ]


def test_every_broken_case_is_named(folder: Path) -> None:
    (folder / "b.nii.gz").write_bytes(b"torn")
    _add(folder / "lesions.csv", "a,900,0,0,4")
    _add(folder / "lesions.csv", "e,1,2,3,4")
    _add(folder / "splits.csv", "e,training")
    problems = _problems(folder)
    assert [problem.partition(":")[0] for problem in problems] == ["a", "b", "e"]
    assert "lies outside the volume" in problems[0]
    assert "b.nii.gz cannot be read" in problems[1]
    assert "has no volume; add e.nii.gz" in problems[2]


@pytest.mark.parametrize(
    "row",
    [
        *("a,1,2,3,wide", "a,1,2,3,nan", "a,1,inf,3,4", "a,1,,3,4", "a,1,2,3,0", "a,1,2,3,-4.5", "a,1,2,3,1_0"),
        *("a,1,2,1e300,4", "a,1,2,0x1,4", "a,1,2,١,4"),
    ],
)
def test_a_row_that_is_no_aneurysm_is_named_with_its_line(folder: Path, row: str) -> None:
    _add(folder / "lesions.csv", row)
    [problem] = _problems(folder)
    assert problem.startswith("a: line 6 of lesions.csv says ")
    assert "as numbers such as 12.5; -1 for a diameter that is not known" in problem


def test_a_case_that_is_there_twice_is_named(folder: Path) -> None:
    _write_volume(folder / "a.mha")
    assert _problems(folder) == ["a: it is there twice, as a.mha and a.nii.gz; keep one of them"]


def test_a_case_in_two_splits_is_named_in_both(folder: Path) -> None:
    _add(folder / "splits.csv", "a,test")
    for split in (Split.TRAINING, Split.TEST):
        assert _problems(folder, split) == ["a: splits.csv has it in test and training; keep one of its lines"]


def test_an_aneurysm_that_is_there_twice_is_named(folder: Path) -> None:
    _add(folder / "lesions.csv", "a,105,-45,30,4.5")
    assert _problems(folder) == ["a: lesions.csv has the same finding twice; keep one of its lines"]


def test_an_unknown_split_is_named(folder: Path) -> None:
    (folder / "splits.csv").write_text("case,split\na,train\nb,training\n")
    [problem] = [problem for split in Split for problem in _problems_or_none(folder, split)]
    assert problem == "a: line 2 of splits.csv says split 'train'; write one of training, validation, test"


def _problems_or_none(folder: Path, split: Split) -> list[str]:
    try:
        _read(folder, split)
    except BrokenCasesError as broken:
        return [str(error) for error in broken.errors]
    except UsageError:
        return []
    return []


def test_a_broken_test_case_disturbs_no_training(folder: Path) -> None:
    (folder / "d.nii.gz").write_bytes(b"torn")
    _add(folder / "lesions.csv", "d,one,two,three,four")
    assert [case.name for case in _read(folder)] == ["a", "b"]
    assert len(_problems(folder, Split.TEST)) == 2


def test_a_misspelt_case_is_named_in_every_split(folder: Path) -> None:
    _add(folder / "lesions.csv", "aa,105,-45,30,4.5")
    for split in Split:
        assert [problem.partition(":")[0] for problem in _problems(folder, split)] == ["aa"]


def test_a_table_without_a_column_is_refused_with_its_first_line(folder: Path) -> None:
    (folder / "lesions.csv").write_text("case,x,y,z\na,1,2,3\n")
    with pytest.raises(UsageError, match="lacks the column diameter_mm; make case,x,y,z,diameter_mm its first line"):
        _read(folder)


def test_blank_lines_are_passed_over_and_lines_without_a_name_are_not(folder: Path) -> None:
    before = {case.name: len(case.centres) for case in _read(folder)}
    _add(folder / "lesions.csv", ",,,,")
    assert {case.name: len(case.centres) for case in _read(folder)} == before
    for name, shown in (("", "''"), ('"a\nb"', r"'a\nb'")):
        (folder / "lesions.csv").write_text(f"case,x,y,z,diameter_mm\n{name},1,2,3,4\n")
        with pytest.raises(UsageError, match=rf"lesions\.csv calls a case {re.escape(shown)}; write its name"):
            _read(folder)


def test_names_that_break_a_line_or_are_no_text_are_refused(folder: Path) -> None:
    for name, shown in ((b"new\nline.nii.gz", r"'new\nline.nii.gz'"), (b"m\xfcller", r"'m\udcfcller'")):
        odd = Path(os.fsdecode(bytes(folder) + b"/" + name))
        odd.mkdir()
        with pytest.raises(UsageError, match=f"holds {re.escape(shown)}; rename"):
            _read(folder)
        odd.rmdir()


def test_a_table_that_names_files_is_told_what_cases_are_called(folder: Path) -> None:
    _add(folder / "lesions.csv", "a.nii.gz,105,-45,30,4.5")
    assert "cases are called without ending, write a" in _problems(folder)[0]


def test_a_folder_without_its_table_or_without_anything_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "lesions.csv").unlink()
    with pytest.raises(UsageError, match=r"lesions\.csv is missing; write it"):
        _read(folder)
    with pytest.raises(UsageError, match="there is no folder"):
        _read(tmp_path / "nowhere")


def test_the_cache_of_real_volumes_tells_nobody_whose_they_are(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BOHPO_CACHE", str(cache))
    (folder / "a.nii.gz").rename(folder / "jane-doe.nii.gz")
    (folder / "lesions.csv").write_text("case,x,y,z,diameter_mm\njane-doe,105,-45,30,4.5\n")
    (folder / "splits.csv").write_text("case,split\njane-doe,training\nb,test\nc,test\nd,test\n")
    first, second = _read(folder), _read(folder)
    assert [case.name for case in (*first, *second)] == ["jane-doe", "jane-doe"]
    [file] = [path for path in cache.rglob("*") if path.is_file()]
    assert b"jane" not in file.read_bytes()
    assert "jane" not in file.name
    assert file.parent.stat().st_mode & 0o077 == 0
    assert np.array_equal(first[0].volume, second[0].volume)


def test_a_volume_that_was_replaced_is_read_again(folder: Path) -> None:
    before = _read(folder)[0].volume.copy()
    _write_volume(folder / "a.nii.gz", seed=9)
    assert not np.array_equal(_read(folder)[0].volume, before)


def test_cases_are_labelled_where_an_application_tells_them_apart(folder: Path) -> None:
    layout = Layout(spacing=1.0, is_labelled=True)
    (folder / "labels.csv").write_text("case,label\na,normal\nb,abnormal\nc,normal\nc,abnormal\nd,sick\n")
    labels = {case.name: case.is_abnormal for case in read_folder(folder, Split.TRAINING, None, layout)}
    assert labels == {"a": False, "b": True}
    for split, problem in (
        (Split.VALIDATION, "c: labels.csv says normal and abnormal; keep one of its lines"),
        (Split.TEST, "d: line 6 of labels.csv says label 'sick'; write one of normal, abnormal"),
    ):
        with pytest.raises(BrokenCasesError) as caught:
            list(read_folder(folder, split, None, layout))
        assert str(caught.value) == problem


def test_all_tables_that_cannot_be_read_are_named_at_once_before_a_training(folder: Path) -> None:
    (folder / "lesions.csv").write_text("case,x,y\n")
    (folder / "excluded.csv").mkdir()
    (folder / "splits.csv").write_bytes(b"case,split\na,training\n\0")
    with pytest.raises(UsageError) as caught:
        _read(folder)
    lacking, no_file, torn = str(caught.value).splitlines()
    assert "lesions.csv lacks the column z, diameter_mm" in lacking
    assert "excluded.csv is no file" in no_file
    assert "splits.csv is no CSV file: line 3 has a NUL byte" in torn


@pytest.mark.parametrize("name", ["Splits.CSV", "splits.xlsx", "splits.csv.txt", "SPLITS.tsv"])
def test_a_table_of_splits_is_not_passed_over_for_its_name(folder: Path, name: str) -> None:
    (folder / "splits.csv").rename(folder / name)
    with pytest.raises(UsageError, match=rf"{re.escape(name)} is not read; save it as splits\.csv"):
        _read(folder)
    (folder / name).rename(folder / "splits.csv")
    (folder / "splits.xlsx").write_bytes(b"what splits.csv was saved from")
    assert len(_read(folder)) == 2


@pytest.mark.parametrize(
    ("table", "row"), [("lesions.csv", "a,105,5,-45,30,4.5"), ("splits.csv", "a,training,5"), ("splits.csv", "a")]
)
def test_a_row_with_other_cells_than_columns_stops_a_training(folder: Path, table: str, row: str) -> None:
    _add(folder / table, row)
    [problem] = _problems(folder)
    assert problem.startswith(f"a: line 6 of {table} has ")
    assert "columns; " in problem


def test_a_label_with_a_surplus_cell_is_named(folder: Path) -> None:
    (folder / "labels.csv").write_text("case,label\na,normal,1\nb,Abnormal\nc,normal\nd,normal\n")
    with pytest.raises(BrokenCasesError, match=r"a: line 2 of labels\.csv has 3 cells where its header has 2 columns"):
        list(read_folder(folder, Split.TRAINING, None, Layout(spacing=1.0, is_labelled=True)))


def test_a_german_spreadsheet_gives_the_same_cases(folder: Path) -> None:
    before = [case.centres.tolist() for case in _read(folder)]
    for table in ("lesions.csv", "splits.csv"):
        text = (folder / table).read_text().replace(",", ";").replace("4.5", "4,5").replace("case;x", "Case;X")
        (folder / table).write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    assert [case.centres.tolist() for case in _read(folder)] == before
    assert _read(folder)[0].diameters.tolist() == [4.5, -1]


def test_images_that_are_not_read_are_named_in_the_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("e.dcm", "f.nii.zst", "notes.txt", "G.IMG", "h.nii(1).gz", "i.niigz"):
        (folder / name).write_bytes(b"something")
    with caplog.at_level(logging.WARNING):
        _read(folder)
    assert [record.args for record in caplog.records if "is not read" in record.message] == [
        (name, ".nii.gz, .nii, .mha, .mhd, .nrrd") for name in ("G.IMG", "e.dcm", "f.nii.zst", "h.nii(1).gz", "i.niigz")
    ]


def test_a_volume_cached_by_an_older_reader_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _read(folder)
    read_again = []
    layout = Layout(spacing=1.0)
    monkeypatch.setattr("trainers.cad.case_reader.READING_VERSION", -1)
    monkeypatch.setattr("trainers.cad.case_reader._read_volume", lambda *given: read_again.append(given[0]))
    with pytest.raises(AttributeError):
        list(read_folder(folder, Split.TRAINING, None, layout))
    assert len(read_again) == 1


def test_notes_on_a_volume_are_kept_in_the_cache(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    stored = np.random.default_rng(0).integers(0, 500, (10, 12, 14)).astype(np.uint16)
    write_series(folder / "e", stored, modality="MR", photometric="MONOCHROME1")
    _add(folder / "splits.csv", "e,training")
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert _read(folder)[-1].name == "e"
        assert "e: its series is MONOCHROME1" in caplog.text


def test_excluded_findings_are_read_and_looked_at(folder: Path) -> None:
    (folder / "excluded.csv").write_text("case,x,y,z,diameter_mm\nb,105,-45,30,4\n")
    assert _read(folder)[1].excluded.tolist() == [[105, -45, 30]]
    _add(folder / "excluded.csv", "b,900,0,0,4")
    [problem] = _problems(folder)
    assert "its excluded finding at 900, 0, 0 lies outside the volume" in problem
