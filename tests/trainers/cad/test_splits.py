"""No patient is in two splits, and the splits of folders that exist stay as they are."""

# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError, UsageError
from trainers.cad.case import Case, Split
from trainers.cad.folder import list_cases, read_folder
from trainers.cad.layout import Layout
from trainers.cad.splits import assign_splits, patients_of, split_by_name

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a folder of small volumes, with a lesion each."""

    def write(*names: str, lesions: str | None = None, splits: str | None = None) -> Path:
        for number, name in enumerate(names):
            signal = np.random.default_rng(number).random((8, 8, 8), np.float32)
            sitk.WriteImage(sitk.GetImageFromArray(signal), str(tmp_path / f"{name}.mha"))
        rows = "".join(f"{name},3,3,3,2\n" for name in names)
        (tmp_path / "lesions.csv").write_text(lesions or f"case,x,y,z,diameter_mm\n{rows}")
        if splits:
            (tmp_path / "splits.csv").write_text(splits)
        return tmp_path

    return write


def _read(folder: Path) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for split in Split:
        try:
            cases |= {f"{split} {case.name}": case for case in read_folder(folder, split, None, Layout(spacing=1.0))}
        except UsageError as error:
            assert not isinstance(error, DataError), error
    return cases


def _splits(folder: Path) -> dict[str, str]:
    found = [name.split(" ", 1) for name in _read(folder)]
    assert len({name for _, name in found}) == len(found), "each case is in one split"
    return {name: split for split, name in found}


def test_folders_of_one_case_per_patient_keep_the_splits_that_campaigns_were_started_with(make: Make) -> None:
    # Of the version that hashed the name of each case: a change would mix splits in a resumed campaign.
    before = {
        "sub-00_T1w": "training",
        "sub-01_T1w": "validation",
        "sub-02_T1w": "training",
        "sub-03_T1w": "training",
        "sub-04_T1w": "validation",
        "LIDC-0000": "training",
        "LIDC-0001": "training",
        "P01_s1": "validation",
        "P02": "training",
        "anna": "training",
        "sub-05_T1w": "test",
        "1.3.6.1.4.1": "test",
    }
    assert _splits(make(*before)) == before


def test_a_hundred_patients_with_two_sessions_are_in_one_split_each(make: Make) -> None:
    names = [f"sub-{patient:03d}_ses-{session}" for patient in range(100) for session in (1, 2)]
    folder = make(lesions="case,x,y,z,diameter_mm\n")
    for name in names:
        (folder / f"{name}.mha").write_bytes(b"")
    listed = list_cases(folder, Layout(spacing=1.0))
    splits = assign_splits(listed, patients_of(listed))
    pairs = [(splits[names[first]], splits[names[first + 1]]) for first in range(0, 200, 2)]
    assert all(one == other and len(one) == 1 for one, other in pairs)
    # The first session decides, as it did before the second one came; alone, each session had a split of its own.
    assert all(splits[name] == {split_by_name(name)} for name in names[::2])
    assert sum(split_by_name(names[at]) != split_by_name(names[at + 1]) for at in range(0, 200, 2)) > 50
    assert {split for split, _ in ((next(iter(one)), other) for one, other in pairs)} == set(Split)


def test_cases_know_their_patient(make: Make) -> None:
    cases = _read(make("sub-1_ses-1", "sub-1_ses-2", "P2_visit1", "anna"))
    assert {case.name: case.patient for case in cases.values()} == {
        "sub-1_ses-1": "sub-1",
        "sub-1_ses-2": "sub-1",
        "P2_visit1": "P2",
        "anna": "anna",
    }


@pytest.mark.parametrize("table", ["splits", "lesions"])
def test_a_column_patient_keeps_cases_together(make: Make, table: str) -> None:
    names = ("first", "right", "a", "b", "c", "d")
    assert split_by_name("first") is not split_by_name("right"), "else this would show nothing"
    if table == "splits":
        folder = make(*names, splits="case,patient,split\nfirst, P 1 ,\nright,P 1,\na,,test\n")
    else:
        rows = "".join(f"{name},3,3,3,2,{'P 1' if name in ('first', 'right') else ''}\n" for name in names)
        folder = make(*names, lesions=f"case,x,y,z,diameter_mm,patient\n{rows}")
    splits = _splits(folder)
    assert splits["first"] == splits["right"] == split_by_name("first")
    if table == "splits":
        assert splits["a"] == "test"
    assert {case.patient for case in _read(folder).values()} == {"P 1", "a", "b", "c", "d"}


@pytest.mark.parametrize("column", ["Patient_ID", "subject", "PATIENT", "Participant ID"])
def test_the_column_of_patients_may_be_called_otherwise_and_be_alone(make: Make, column: str) -> None:
    folder = make("first", "right", "a", splits=f"case;{column}\nfirst;Mueller\nright;MUELLER\n")
    splits = _splits(folder)
    assert splits["first"] == splits["right"] == split_by_name("first")
    assert {case.patient for case in _read(folder).values()} == {"Mueller", "a"}


def test_splits_without_split_and_patient_are_refused(make: Make) -> None:
    folder = make("a", splits="case,doctor\na,Mueller\n")
    with pytest.raises(UsageError, match=r"splits\.csv lacks the column split"):
        list(read_folder(folder, split_by_name("a"), None, Layout(spacing=1.0)))


def test_a_split_that_is_given_for_one_session_holds_for_the_others(make: Make) -> None:
    folder = make("P1_ses-1", "P1_ses-2", "P1_ses-3", "P2", splits="case,split\nP1_ses-2,test\n")
    assert _splits(folder) == {
        "P1_ses-1": "test",
        "P1_ses-2": "test",
        "P1_ses-3": "test",
        "P2": split_by_name("P2").value,
    }


def test_a_given_split_stays_and_is_told_where_it_parts_a_patient(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    folder = make("P1_ses-1", "P1_ses-2", "P2", splits="case,split\nP1_ses-1,training\nP1_ses-2,validation\nP2,test\n")
    with caplog.at_level(logging.WARNING):
        assert _splits(folder) == {"P1_ses-1": "training", "P1_ses-2": "validation", "P2": "test"}
    assert "P1_ses-2: it is in validation, and P1_ses-1 of the same patient, P1, in training" in caplog.text


def test_unsure_names_are_told_when_cases_are_read(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _splits(make("P07_1", "P07_2", "anna"))
    assert "P07_1 and P07_2 may be scans of one patient" in caplog.text


def test_two_patients_of_one_case_are_a_mistake(make: Make) -> None:
    folder = make("a", lesions="case,x,y,z,diameter_mm,patient\na,3,3,3,2,P1\na,4,4,4,2,P2\n")
    with pytest.raises(DataError, match="a: the tables say that it is of patient P1 and P2; name one patient"):
        list(read_folder(folder, split_by_name("a"), None, Layout(spacing=1.0)))


def test_two_spellings_of_a_patient_are_one_patient(make: Make) -> None:
    rows = "a,3,3,3,2,Mueller\nb,3,3,3,2,007\n"
    splits = "case;split;patient\na;test;MUELLER\nb;test;7\nc;;7.0\n"
    folder = make("a", "b", "c", lesions=f"case,x,y,z,diameter_mm,patient\n{rows}", splits=splits)
    assert {case.name: case.patient for case in _read(folder).values()} == {"a": "MUELLER", "b": "007", "c": "007"}
    assert set(_splits(folder).values()) == {"test"}


def test_a_row_without_split_and_patient_is_a_mistake_as_before(make: Make) -> None:
    folder = make("a", splits="case,split,patient\na,,\n")
    with pytest.raises(DataError, match=r"a: line 2 of splits\.csv says split ''"):
        list(read_folder(folder, split_by_name("a"), None, Layout(spacing=1.0)))
