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
        ("x_ses-one", "x_ses-M12", "x"),
        ("sub-02_ses-M12", "SUB-02_ses-M24", "SUB-02"),
        ("ses-1_sub-07", "ses-2_sub-07", "sub-07"),
        ("P14_V2", "p14_V1", "P14"),
        ("Müller_s1", "Mu\u0308ller_s2", "Mu\u0308ller"),
        ("P13_01.02.2023", "P13_03.04.2024", "P13"),
        ("P13_01022023", "P13_5Mar2024", "P13"),
        ("OAS30001_MR_d0129", "OAS30001_MR_d0757", "OAS30001"),
        ("OAS1_0001_MR1", "OAS1_0001_MR2", "OAS1_0001"),
        ("002_S_0295_2006-04-18", "002_S_0295_2007-05-25", "002_S_0295"),
        ("P07_m06", "P07_w12", "P07"),
        ("P07_before", "P07_after", "P07"),
        ("P07_1stscan", "P07_second", "P07"),
        ("P07_tp01of02", "P07_visitB", "P07"),
        ("baseline_P07", "followup_P07", "P07"),
        ("20240131_P07", "20240201_P07_T1", "P07"),
        ("4711", "4711_rescan", "4711"),
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
        ("x_sesame", "x_sesamoid"),
        ("20240131_0001", "20240201_0001"),
        ("study_m1", "study_m2"),
        ("site1_anna", "site2_berta"),
        ("1.3.6.1.4.1.14519.5.2.1", "1.3.6.1.4.1.14519.5.2.2"),
    ],
)
def test_names_that_are_no_sessions_stay_apart_without_a_word(names: tuple[str, str]) -> None:
    found = find_patients(dict.fromkeys((*names, *OTHERS)))
    assert dict(found.of) == {name: name for name in (*names, *OTHERS)} or names[0].startswith("sub-")
    assert len(set(found.of.values())) == 4
    assert found.describe_unsure("cases.csv") is None


def test_scanners_names_of_sites_are_no_sessions() -> None:
    """ADNI calls a patient 002_S_0295: the site, S, and the patient."""
    names = [f"{site:03d}_S_{patient:04d}_2006-04-{day}" for site in (2, 5) for patient in (7, 9) for day in (11, 12)]
    assert dict(find_patients(dict.fromkeys(names)).of) == {name: name[:10] for name in names}


def test_spellings_of_a_patient_in_a_table_are_one_patient() -> None:
    found = _of(a="Mueller", b="MUELLER ", c="7", d="7.0", e="007", f="7.5", g="70")
    assert found == {
        **{"a": "Mueller", "b": "Mueller", "c": "7", "d": "7", "e": "7", "f": "7.5", "g": "70"},
        **{name: name for name in OTHERS},
    }
    assert _of("P07_ses-1", other="p07")["P07_ses-1"] == "p07"


def test_capitals_of_names_without_sessions_keep_them_apart() -> None:
    """So were they before, and campaigns that exist keep their splits."""
    assert _of("P07", "p07") == {name: name for name in ("P07", "p07", *OTHERS)}
    assert _of("P07", "p07", "p07_s2")["p07_s2"] == "p07"


def test_a_word_that_many_sessions_follow_is_a_group_of_patients() -> None:
    names = [f"{group}_s{number:02d}" for group in ("control", "patient") for number in range(6)]
    found = find_patients(dict.fromkeys(names))
    assert dict(found.of) == {name: name for name in names}
    assert found.unsure == (tuple(names[:6]), tuple(names[6:]))


@pytest.mark.parametrize(
    "endings",
    [
        ("_left", "_right"),
        ("_T1w", "_FLAIR"),
        (" (1)", " (2)"),
        ("", "_copy"),
        ("_I", "_II"),
        ("_2019", "_2021"),
        ("_I1234", "_I99"),
        ("V1", "V2"),
        ("_230101", "_240102"),
        ("_initial", "_control"),
    ],
)
def test_endings_of_any_kind_that_several_patients_have_are_told(endings: tuple[str, str]) -> None:
    names = [f"P{patient:03d}{ending}" for patient in (11, 12, 27) for ending in endings]
    found = find_patients(dict.fromkeys((*names, *OTHERS)))
    assert found.unsure == tuple(tuple(sorted(names[at : at + 2])) for at in (0, 2, 4))


@pytest.mark.parametrize(
    "pattern", ["LIDC-IDRI-{:04d}", "BraTS20_Training_{:03d}", "case_{:04d}_0000", "1.3.6.1.4.1.14519.{0}", "P{:02d}"]
)
def test_names_of_known_collections_are_not_doubted(pattern: str) -> None:
    names = [pattern.format(number) for number in range(1, 40)]
    found = find_patients(dict.fromkeys(names))
    assert dict(found.of) == {name: name for name in names}
    assert found.unsure == ()


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


def test_of_names_that_no_file_can_have_nothing_is_read() -> None:
    longest = f"P07{'_' * 247}ses-1"
    assert _of(longest)[longest] == "P07"
    for name in (f"{longest}_", "7_" * 100_000, f"7{'_s' * 100_000}"):
        assert _of(name)[name] == name
