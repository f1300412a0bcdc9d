"""Whose case is whose, by tables, BIDS and the names of sessions; and what is left unsure."""

from __future__ import annotations

import pytest

from bohpo.evaluation import find_patients

OTHERS = ("anna", "berta")


def _of(*names: str, **given: str) -> dict[str, str]:
    return dict(find_patients({**dict.fromkeys((*names, *OTHERS)), **given}).of)


@pytest.mark.parametrize(
    ("first", "second", "patient"),
    [
        ("sub-000_ses-1", "sub-000_ses-2", "sub-000"),
        ("sub-7_ses-1_run-1_T1w", "sub-7_ses-2_TOF", "sub-7"),
        ("sub-01_T1w", "sub-01_FLAIR", "sub-01"),
        ("P07_ses-1", "P07_ses-2", "P07"),
        ("P07_session1", "P07_session2", "P07"),
        ("P07_ses-01_TOF", "P07_ses-02_TOF", "P07"),
        ("patient-07_s1", "patient-07_s2", "patient-07"),
        ("x_visit2", "x-baseline", "x"),
        ("x_followup", "x_follow-up2", "x"),
        ("x_20240101", "x_2025-12-31", "x"),
        ("x_20240101T1200", "x_20240102_083000", "x"),
        ("x_t0", "x_T1", "x"),
        ("x_tp1", "x_timepoint-2", "x"),
        ("x.v1", "x v2", "x"),
        ("x_pre", "x_post-op", "x"),
        ("x_scan1", "x_exam2", "x"),
        ("Fall_12_FU1", "Fall_12_bl", "Fall_12"),
    ],
)
def test_two_sessions_are_of_one_patient(first: str, second: str, patient: str) -> None:
    assert _of(first, second) == {first: patient, second: patient, "anna": "anna", "berta": "berta"}


@pytest.mark.parametrize(
    "names",
    [
        ("case_01", "case_02"),
        ("LIDC-IDRI-0001", "LIDC-IDRI-0002"),
        ("sub-01", "sub-02"),
        ("subject1", "subject2"),
        ("x_20241301", "x_20240199"),
        ("session1", "session2"),
        ("_ses-1", "_ses-2"),
        ("x_ses-one", "x_ses-two"),
        ("1.3.6.1.4.1.14519.5.2.1", "1.3.6.1.4.1.14519.5.2.2"),
    ],
)
def test_names_that_are_no_sessions_stay_apart_without_a_word(names: tuple[str, str]) -> None:
    found = find_patients(dict.fromkeys((*names, *OTHERS)))
    assert dict(found.of) == {name: name for name in (*names, *OTHERS)} or names[0].startswith("sub-")
    assert len(set(found.of.values())) == 4
    assert found.describe_unsure("cases.csv") is None


def test_a_table_comes_before_the_name() -> None:
    assert _of(**{"sub-1_ses-1": "A", "sub-1_ses-2": "B", "left": "C", "right": "C"}) == {
        "sub-1_ses-1": "A",
        "sub-1_ses-2": "B",
        "left": "C",
        "right": "C",
        "anna": "anna",
        "berta": "berta",
    }


def test_a_table_that_names_the_patient_of_one_session_speaks_for_the_others() -> None:
    assert _of("P07_ses-2", **{"P07_ses-1": "4711"})["P07_ses-2"] == "4711"
    # Two patients of one stem: nothing is known of the third.
    assert _of("P07_ses-3", **{"P07_ses-1": "4711", "P07_ses-2": "4712"})["P07_ses-3"] == "P07"


def test_names_that_number_the_patients_are_kept_apart_and_told() -> None:
    subjects = [f"study_s{number:02d}" for number in range(40)]
    for names in (subjects, [*subjects, "phantom"]):
        found = find_patients(dict.fromkeys(names))
        assert dict(found.of) == {name: name for name in names}
        assert str(found.describe_unsure("cases.csv")).startswith(
            "study_s00 and study_s01 and study_s02 may be scans of one patient"
        )


@pytest.mark.parametrize("names", [("P07_1", "P07_2"), ("P07a", "P07b"), ("P07-a", "P07-b"), ("P07", "P07_2")])
def test_what_may_be_a_session_is_told_and_kept_apart(names: tuple[str, str]) -> None:
    found = find_patients(dict.fromkeys((*names, *OTHERS)))
    assert found.unsure == (names,)
    assert dict(found.of) == {name: name for name in (*names, *OTHERS)}
    assert str(found.describe_unsure("cases.csv")) == (
        f"{names[0]} and {names[1]} may be scans of one patient, and count as several; if they are, name the patient "
        "of each case in a column patient of cases.csv"
    )
    known = find_patients({**dict.fromkeys(OTHERS), names[0]: "a", names[1]: "b"})
    assert known.describe_unsure("cases.csv") is None, "a table has said it"


def test_a_warning_shows_few_of_many_groups() -> None:
    found = find_patients(dict.fromkeys(f"P{number}_{scan}" for number in range(9) for scan in (1, 2)))
    assert str(found.describe_unsure("cases.csv")).count(" and P") == 3
    assert "(6 more groups like these)" in str(found.describe_unsure("cases.csv"))
