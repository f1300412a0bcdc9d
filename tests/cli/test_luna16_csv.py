"""LUNA16's CSV files are read, and all their mistakes are told at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.cli.luna16_csv import read_cases, read_with_warnings
from bohpo.errors import NotFoundError, UsageError
from bohpo.evaluation import Case

LESIONS = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
MARKS = "seriesuid,coordX,coordY,coordZ,probability\n"

Read = Callable[..., tuple[Case, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write the files and read them; a file that is not given is a right one."""

    def write_and_read(**given: str | bytes) -> tuple[Case, ...]:
        right = {"cases": "a\nb\n", "lesions": LESIONS + "a,1,2,3,4\n", "marks": MARKS + "a,1,2,3,0.5\n"}
        paths = {}
        for name, content in {**right, **given}.items():
            paths[name] = tmp_path / f"{name}.csv"
            paths[name].write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_cases(**paths)

    return write_and_read


def _mistakes(read: Read, **given: str | bytes) -> list[str]:
    with pytest.raises(UsageError) as caught:
        read(**given)
    return str(caught.value).splitlines()


def test_findings_are_given_to_their_cases_in_order(read: Read) -> None:
    first, second = read(
        cases="seriesuid\nb\na\n",
        lesions=LESIONS + "a,1,2,3,4\na,5,6,7,-1\n",
        marks=MARKS + "b,1,1,1,0.5\na,2,2,2,0.25\n",
        excluded=LESIONS + "b,9,9,9,6\n",
    )
    assert (first.name, second.name) == ("b", "a")
    assert second.lesions.tolist() == [[1, 2, 3], [5, 6, 7]]
    assert second.diameters.tolist() == [4, -1]
    assert (first.marks.tolist(), first.scores.tolist()) == ([[1, 1, 1]], [0.5])
    assert (first.excluded.tolist(), first.excluded_diameters.tolist()) == ([[9, 9, 9]], [6])
    assert len(first.lesions) == len(second.excluded) == 0


def test_columns_are_found_by_name(read: Read) -> None:
    [case, _] = read(marks="probability,reader,coordZ,coordY,coordX,seriesuid\n0.5,me,3,2,1,a\n")
    assert (case.marks.tolist(), case.scores.tolist()) == ([[1, 2, 3]], [0.5])


@pytest.mark.parametrize(
    "marks",
    [b"\xef\xbb\xbf" + MARKS.encode() + b"a,1,2,3,0.5\n", MARKS.replace("\n", "\r\n") + "\r\n  a , 1,2,3,0.5\r\n\r\n"],
    ids=["byte order mark", "carriage returns, blanks and empty lines"],
)
def test_what_spreadsheets_add_does_no_harm(read: Read, marks: str | bytes) -> None:
    assert read(marks=marks)[0].scores.tolist() == [0.5]


def test_a_detector_may_leave_no_mark_at_all(read: Read) -> None:
    assert [len(case.marks) for case in read(marks=MARKS)] == [0, 0]


def test_all_mistakes_of_all_files_are_told_at_once(read: Read, tmp_path: Path) -> None:
    mistakes = _mistakes(
        read,
        cases="a\nb\na\n",
        lesions=LESIONS + "a,1,2,3,0\n\nz,1,2,3,4\n",
        marks=MARKS + "a,1,two,3,nan\na,1,2,3\n",
        excluded="seriesuid,x,y,z\n",
    )
    assert mistakes == [
        f"{tmp_path}/cases.csv, line 3: a is listed on line 1 already; list it once",
        f"{tmp_path}/lesions.csv, line 2, column diameter_mm: '0' is no diameter; "
        "write millimetres, or -1 where unknown",
        f"{tmp_path}/lesions.csv, line 4, column seriesuid: 'z' is not among the cases; "
        "add it to the cases' file, or remove the line",
        f"{tmp_path}/marks.csv, line 2, column coordY: 'two' is not a finite number; write one, as in 12.5",
        f"{tmp_path}/marks.csv, line 2, column probability: 'nan' is not a finite number; write one, as in 12.5",
        f"{tmp_path}/marks.csv, line 3: 4 values where the header names 5 columns; "
        "write one value per column, with commas between them",
        f"{tmp_path}/excluded.csv, line 1: the header 'seriesuid,x,y,z' lacks the column coordX; "
        "begin the file with the line seriesuid,coordX,coordY,coordZ,diameter_mm",
    ]


@pytest.mark.parametrize(("count", "last"), [(21, "and 1 more like these"), (25, "and 5 more like these")])
def test_no_more_than_twenty_mistakes_are_shown(read: Read, count: int, last: str) -> None:
    mistakes = _mistakes(read, marks=MARKS + "z,1,2,3,0.5\n" * count)
    assert len(mistakes) == 21
    assert mistakes[-1] == last


def test_twenty_mistakes_are_all_shown(read: Read) -> None:
    mistakes = _mistakes(read, marks=MARKS + "z,1,2,3,0.5\n" * 20)
    assert len(mistakes) == 20
    assert "line 21" in mistakes[-1]


@pytest.mark.parametrize("file", ["lesions", "marks", "excluded"])
def test_a_finding_of_a_scan_that_is_not_listed_is_a_mistake(read: Read, file: str) -> None:
    header = MARKS if file == "marks" else LESIONS
    [mistake] = _mistakes(read, **{file: header + "unlisted,1,2,3,4\n"})
    assert f"{file}.csv, line 2, column seriesuid: 'unlisted' is not among the cases" in mistake


def test_a_file_without_its_header_is_told_which_to_write(read: Read) -> None:
    [mistake] = _mistakes(read, marks="a,1,2,3,0.5\n")
    assert mistake.endswith("begin the file with the line seriesuid,coordX,coordY,coordZ,probability")


@pytest.mark.parametrize("cases", ["", "seriesuid\n", "\n\n"], ids=["nothing", "header only", "empty lines"])
def test_a_list_of_no_cases_is_refused(read: Read, cases: str) -> None:
    [mistake] = _mistakes(read, cases=cases)
    assert mistake.endswith("cases.csv: lists no case; write one seriesuid a line")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.csv: no such file; check the path"):
        read_cases(tmp_path / "nowhere.csv", tmp_path / "l.csv", tmp_path / "m.csv")


def test_a_folder_is_no_csv_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(.*\); name a CSV file"):
        read_cases(tmp_path, tmp_path, tmp_path)


def test_a_binary_file_is_no_csv_file(read: Read) -> None:
    [mistake] = _mistakes(read, marks=b"\x80\x81\xff\x00")
    assert "marks.csv: is not a CSV file" in mistake
    assert mistake.endswith("save it as CSV text in UTF-8")


HEADERS = [
    "seriesuid",
    "SeriesUID",
    "SERIESUID",
    "series_uid",
    " Series UID ",
    "case",
    "Case",
    "CaseID",
    "scan",
    "Scan ID",
]


@pytest.mark.parametrize("header", [*HEADERS, "SeriesInstanceUID", "image", "id", "Name", "Filename", "subject"])
@pytest.mark.parametrize("form", ["{}\n", '"{}"\n', "\ufeff{}\r\n", "\n\n{}\n", "{},\n", "{};age\n"])
def test_a_header_is_no_scan_however_it_is_written(read: Read, header: str, form: str) -> None:
    assert [case.name for case in read(cases=form.format(header) + "a\nb\n")] == ["a", "b"]


def test_columns_of_all_files_are_found_in_any_capitals(read: Read) -> None:
    first, _ = read(
        lesions="Case;CoordX;coord_y;COORDZ;Diameter (mm);\na;1;2;3;4;\n",
        marks="\ufeffSCAN\t coordx\tcoordy\tcoordz\tScore\na\t1\t2\t3\t0.5\n",
    )
    assert (first.lesions.tolist(), first.diameters.tolist()) == ([[1, 2, 3]], [4])
    assert (first.marks.tolist(), first.scores.tolist()) == ([[1, 2, 3]], [0.5])


def test_trailing_commas_are_no_values(read: Read) -> None:
    [first, _] = read(
        cases="a,,\nb,\n", lesions=LESIONS.strip() + ",,\na,1,2,3,4,,\n", marks=MARKS + "a,1,2,3,0.5,\n,,,,\n"
    )
    assert (len(first.lesions), len(first.marks)) == (1, 1)


def test_the_column_of_the_scans_may_stand_behind_others(read: Read) -> None:
    cases = read(cases="reader,age,case\nme,50,a\nme,60,b\n")
    assert [case.name for case in cases] == ["a", "b"]
    # Here it is a value beside the first scan.
    assert [case.name for case in read(cases="a,case\nb,control\n")] == ["a", "b"]


def test_a_scan_that_is_called_like_a_header_is_a_scan_if_other_files_name_it(read: Read) -> None:
    cases = read(cases="case\nb\n", lesions=LESIONS + "case,1,2,3,4\n", marks=MARKS)
    assert [case.name for case in cases] == ["case", "b"]


def test_a_header_that_is_repeated_is_a_mistake(read: Read) -> None:
    [mistake] = _mistakes(read, cases="Case\na\nCase\nb\n")
    assert mistake.endswith("line 3: the header 'Case' is here once more; remove the line")


def test_a_line_without_a_scan_is_a_mistake(read: Read) -> None:
    [mistake] = _mistakes(read, cases="age,case\n50,a\n60,\n70,b\n")
    assert mistake.endswith("line 3: names no case; write its seriesuid, or remove the line")


def test_two_columns_of_one_meaning_are_a_mistake(read: Read) -> None:
    [mistake] = _mistakes(read, marks="case,Case,coordX,coordY,coordZ,score\na,a,1,2,3,0.5\n")
    assert mistake.endswith("line 1: the columns case and Case both mean seriesuid; rename the one that does not")


def test_a_decimal_comma_is_a_mistake_in_either_format(read: Read) -> None:
    [mistake] = _mistakes(read, marks=MARKS.replace(",", ";") + "a;1;2;3;0,5\n")
    assert mistake.endswith("line 2, column probability: '0,5' is not a finite number; write one, as in 12.5")
    [mistake] = _mistakes(read, marks=MARKS + "a,1,2,3,0,5\n")
    assert "6 values where the header names 5 columns" in mistake


def _paths(folder: Path, **contents: str) -> dict[str, Path]:
    right = {"cases": "a\nb\n", "lesions": LESIONS + "a,1,2,3,4\n", "marks": MARKS + "a,1,2,3,0.5\n"}
    paths = {}
    for name, content in {**right, **contents}.items():
        paths[name] = folder / f"{name}.csv"
        paths[name].write_text(content)
    return paths


def test_a_first_line_that_may_be_a_header_is_told(tmp_path: Path) -> None:
    read = read_with_warnings(**_paths(tmp_path, cases="Untersuchung\na\nb\n"))
    assert [case.name for case in read.cases] == ["Untersuchung", "a", "b"]
    assert read.warnings == (
        f"{tmp_path}/cases.csv, line 1: 'Untersuchung' counts as a case, and no other file names it; "
        "if it is a header, write seriesuid instead, else put the line seriesuid before it",
    )
    for cases in ("a\nb\n", "Case\nb\na\n"):
        assert read_with_warnings(**_paths(tmp_path, cases=cases)).warnings == ()


@pytest.mark.parametrize("header", ["Fall", "nodule_case", "Untersuchung,age"])
def test_a_word_before_scans_with_numbers_is_no_scan_for_sure(read: Read, header: str) -> None:
    numbered = {"lesions": LESIONS + "P1,1,2,3,4\n", "marks": MARKS + "P1,1,2,3,0.5\n"}
    [mistake] = _mistakes(read, cases=f"{header}\nP1\nP2\n", **numbered)
    name = header.partition(",")[0]
    assert f"line 1: {name!r} counts as a case, and no other file names it; if it is a header, write" in mistake
    assert len(read(cases=f"seriesuid\n{header}\nP1\nP2\n", **numbered)) == 3


def test_a_lesion_that_is_listed_twice_is_a_mistake_and_a_mark_is_not(read: Read) -> None:
    [mistake] = _mistakes(read, lesions=LESIONS + "a,1,2,3,4\nb,1,2,3,4\na, 1,2,3,4\n")
    assert mistake.endswith("lesions.csv, line 4: is the same lesion as line 2; list it once")
    twice = "a,1,2,3,4\na,1,2,3,4\n"
    assert len(read(marks=MARKS + twice, excluded=LESIONS + twice)[0].scores) == 2


@pytest.mark.parametrize("number", ["1_0", "\uff15", "0x5"])
def test_numbers_that_only_python_reads_are_mistakes(read: Read, number: str) -> None:
    [mistake] = _mistakes(read, marks=MARKS + f"a,1,2,3,{number}\n")
    assert mistake.endswith(f"column probability: {number!r} is not a finite number; write one, as in 12.5")


def test_scans_of_one_patient_are_told_by_a_column_or_their_names(tmp_path: Path) -> None:
    by_column = read_with_warnings(**_paths(tmp_path, cases="seriesuid,Patient ID\na,p\nb,p\nc,\n"))
    assert [case.patient for case in by_column.cases] == ["p", "p", "c"]
    names = ("sub-1_ses-1", "sub-1_ses-2", "P7_1", "P7_2", "a")
    by_name = read_with_warnings(**_paths(tmp_path, cases="case\n" + "\n".join(names)))
    assert [case.patient for case in by_name.cases] == ["sub-1", "sub-1", "P7_1", "P7_2", "a"]
    [warning] = by_name.warnings
    assert warning.startswith("P7_1 and P7_2 may be scans of one patient")
    assert warning.endswith(f"in a column patient of {tmp_path}/cases.csv")
