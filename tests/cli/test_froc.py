"""`bohpo froc` writes a table for people and one JSON object for programs."""

import json
import sys
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import pytest

from bohpo.cli.froc import froc
from bohpo.errors import EvaluationError, NotFoundError, UsageError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "froc_luna16"

# Four scans. Lesions of 10 mm at x = 0 in a, b and c; d has none.
# From the top: 0.9 hits in a; 0.8 is a false positive in d; 0.7 hits in b, 0.6 is its double; 0.5 is on b's excluded
# finding; c is missed. So the points are (0, 0), (0, 1/3), (1/4, 1/3), (1/4, 2/3), flat from there on.
LESIONS = "seriesuid,coordX,coordY,coordZ,diameter_mm\na,0,0,0,10\nb,0,0,0,-1\nc,0,0,0,10\n"
EXCLUDED = "seriesuid,coordX,coordY,coordZ,diameter_mm\nb,50,0,0,6\n"
MARKS = "seriesuid,coordX,coordY,coordZ,probability\na,1,0,0,0.9\nd,0,0,0,0.8\nb,2,0,0,0.7\nb,0,0,0,0.6\nb,51,0,0,0.5\n"


class Files(TypedDict):
    """Paths of the four files."""

    cases: Path
    lesions: Path
    marks: Path
    excluded: NotRequired[Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The four scans."""
    contents = {"cases": "a\nb\nc\nd\n", "lesions": LESIONS, "marks": MARKS, "excluded": EXCLUDED}
    for name, content in contents.items():
        (tmp_path / f"{name}.csv").write_text(content)
    return {
        "cases": tmp_path / "cases.csv",
        "lesions": tmp_path / "lesions.csv",
        "marks": tmp_path / "marks.csv",
        "excluded": tmp_path / "excluded.csv",
    }


@pytest.fixture
def luna16() -> Files:
    """The 80 scans of LUNA16."""
    if not DATA.is_dir():
        pytest.skip("the LUNA16 figures are not beside the repository")
    return {
        "cases": DATA / "seriesuids.csv",
        "lesions": DATA / "annotations.csv",
        "marks": DATA / "submission.csv",
        "excluded": DATA / "annotations_excluded.csv",
    }


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    written = json.loads(capsys.readouterr().out)
    assert isinstance(written, dict)
    return written


def test_the_table_tells_the_scores_and_what_became_of_every_mark(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    froc(**files, limit=2.0, resamples=50)
    lines = capsys.readouterr().out.splitlines()
    # 1/4 at 1/3, then 7/4 at 2/3: an area of 1/12 + 14/12 = 1.25, 0.625 on average.
    # Sensitivity is 1/3 at 1/8 and 2/3 at the other six: CPM is (1/3 + 6 * 2/3) / 7 = 13/21.
    assert lines[0].startswith("partial AUC, 0 to 2 FPs per case   0.6250  95% interval 0.")
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "partial area, 0 to 2 FPs per case 1.2500",
        "CPM 0.6190 mean of the seven sensitivities",
        "sensitivity at 1/8 FPs per case 0.3333",
        "sensitivity at 1/4 FPs per case 0.6667",
        "sensitivity at 1/2 FPs per case 0.6667 the curve ends at 0.25",
        "sensitivity at 1 FPs per case 0.6667 the curve ends at 0.25",
        "sensitivity at 2 FPs per case 0.6667 the curve ends at 0.25",
        "sensitivity at 4 FPs per case 0.6667 the curve ends at 0.25",
        "sensitivity at 8 FPs per case 0.6667 the curve ends at 0.25",
        "cases 4",
        "lesions 3 2 detected, 1 missed",
        "marks 5 3 on lesions, 1 on excluded findings, 1 false positives",
    ]


def test_the_table_on_a_terminal_holds_the_same_figures(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "dumb")
    froc(**files, limit=2.0, resamples=50)
    plain = capsys.readouterr().out.split()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    froc(**files, limit=2.0, resamples=50)
    assert capsys.readouterr().out.split() == plain


def test_the_json_object_holds_all_of_it_and_the_curve(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    froc(**files, limit=2.0, resamples=50, seed=4, json=True)
    written = _json(capsys)
    assert written["schema"] == 1
    assert written["curve"] == {
        "fps_per_case": [0, 0, 0.25, 0.25],
        "sensitivity": pytest.approx([0, 1 / 3, 1 / 3, 2 / 3]),
        "thresholds": [None, 0.9, 0.8, 0.7],
    }
    assert written["counts"] == {
        "cases": 4,
        "lesions": 3,
        "lesions_detected": 2,
        "lesions_missed": 1,
        "marks": 5,
        "marks_on_lesions": 3,
        "marks_on_excluded": 1,
        "false_positives": 1,
    }
    area = written["partial_auc"]
    assert {"limit": 2.0, "confidence": 0.95, "resamples": 50, "seed": 4}.items() <= area.items()
    assert area["value"] == pytest.approx(0.625)
    assert written["partial_area"] == pytest.approx(1.25)
    assert 0 <= area["low"] < area["value"] < area["high"] <= 1
    assert area["variance"] > 0
    assert [point["fps_per_case"] for point in written["operating_points"]] == [0.125, 0.25, 0.5, 1, 2, 4, 8]
    assert {len(column) for column in written["band"].values()} == {101}


@pytest.mark.parametrize("header", ["SeriesUID", "case", "Scan"])
def test_a_header_changes_no_figure(files: Files, capsys: pytest.CaptureFixture[str], header: str) -> None:
    froc(**files, resamples=50, json=True)
    without = capsys.readouterr().out
    files["cases"].write_text(f"{header}\n" + files["cases"].read_text())
    froc(**files, resamples=50, json=True)
    assert capsys.readouterr().out == without


def test_few_lesions_are_told_on_stderr_and_leave_a_wide_interval(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files["cases"].write_text("a\nb\nd\n")
    files["lesions"].write_text("\n".join(LESIONS.splitlines()[:3]))
    froc(**files, resamples=50, json=True)
    printed = capsys.readouterr()
    area = json.loads(printed.out)["partial_auc"]
    assert area["high"] - area["low"] > 0.5
    assert area["variance"] > 0.03
    assert printed.err.splitlines() == [
        "warning: 2 lesions in the given cases: the 95% interval of a score of 0.8 is about ±0.40 wide; "
        "add cases, and do not trust smaller differences"
    ]


def test_the_curve_has_a_band_of_some_width_everywhere(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files["marks"].write_text(MARKS + "c,0,0,0,0.95\n")
    froc(**files, resamples=50, json=True)
    written = _json(capsys)
    assert written["band"]["sensitivity"][-1] == 1
    widths = np.array(written["band"]["upper"]) - np.array(written["band"]["lower"])
    assert widths.min() > 0.5, "three lesions prove little"


def test_scans_of_one_patient_are_resampled_together(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    variances = []
    for cases in ("a\nb\nc\nd\n", "case,patient\na,1\nb,1\nc,2\nd,2\n", "case,patient\na,1\nb,1\nc,1\nd,1\n"):
        files["cases"].write_text(cases)
        if cases.endswith("d,1\n"):
            with pytest.raises(EvaluationError, match="all 4 cases are of one patient"):
                froc(**files)
            continue
        froc(**files, json=True)
        variances.append(_json(capsys)["partial_auc"]["variance"])
    assert variances[1] > variances[0]


def test_marks_on_excluded_findings_count_without_the_excluded_file(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    del files["excluded"]
    froc(**files, resamples=50, json=True)
    assert _json(capsys)["counts"]["false_positives"] == 2


def test_the_same_seed_writes_the_same_text(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for seed in (1, 1, 2):
        froc(**files, resamples=50, seed=seed)
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] != written[2]


def test_the_figures_of_luna16_are_written(luna16: Files, capsys: pytest.CaptureFixture[str]) -> None:
    golden = json.loads((DATA / "golden.json").read_text())
    froc(**luna16, limit=10.0, resamples=20, json=True)
    written = _json(capsys)
    assert written["partial_auc"]["value"] == pytest.approx(golden["pauc10_linear"], abs=1e-9)
    assert written["cpm"] == pytest.approx(golden["cpm"], abs=1e-9)
    np.testing.assert_allclose(written["curve"]["sensitivity"], golden["sens"], rtol=0, atol=1e-12)


def test_a_bad_line_is_named(files: Files) -> None:
    files["marks"].write_text(MARKS + "a,0,0,0,high\n")
    with pytest.raises(UsageError, match=r"marks\.csv, line 7, column probability: 'high' is not a finite number"):
        froc(**files)


def test_a_missing_file_is_not_found(files: Files, tmp_path: Path) -> None:
    files["marks"] = tmp_path / "no.csv"
    with pytest.raises(NotFoundError, match=r"no\.csv: no such file; check the path"):
        froc(**files)


def test_an_impossible_limit_is_refused(files: Files) -> None:
    with pytest.raises(EvaluationError, match=r"the limit is -3\.0; give a positive finite number"):
        froc(**files, limit=-3.0)


def test_cases_without_lesions_are_refused(files: Files) -> None:
    files["lesions"].write_text(LESIONS.splitlines()[0])
    with pytest.raises(EvaluationError, match="none of the 4 cases has a lesion"):
        froc(**files)


def test_nothing_is_written_when_the_input_is_bad(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EvaluationError):
        froc(**files, resamples=0, json=True)
    assert capsys.readouterr().out == ""
