"""The figures of the LUNA16 challenge's own script on 80 scans, reproduced."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bohpo.cli.luna16_csv import read_cases
from bohpo.evaluation import Case, FrocCurve, bootstrap, cpm, froc, match, partial_area, partial_auc

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "froc_luna16"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the LUNA16 figures are not beside the repository")


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    """The 80 scans."""
    excluded = DATA / "annotations_excluded.csv"
    return read_cases(DATA / "seriesuids.csv", DATA / "annotations.csv", DATA / "submission.csv", excluded)


@pytest.fixture(scope="module")
def curve(cases: tuple[Case, ...]) -> FrocCurve:
    """Our curve of them."""
    return froc(cases)


@pytest.fixture(scope="module")
def golden() -> Mapping[str, Any]:
    """What LUNA16's script made of them."""
    figures: dict[str, Any] = json.loads((DATA / "golden.json").read_text())
    return figures


def test_the_curve_is_that_of_luna16(curve: FrocCurve, golden: Mapping[str, Any]) -> None:
    np.testing.assert_allclose(curve.fps_per_case, golden["fps"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.sensitivity, golden["sens"], rtol=0, atol=1e-12)


def test_the_points_that_luna16_wrote_are_on_the_curve(curve: FrocCurve) -> None:
    # The script leaves out two points of 93 that lie on a straight line between their neighbours.
    written = np.loadtxt(DATA / "froc_submission.txt", delimiter=",")
    kept = np.isin(np.round(curve.thresholds, 9), written[:, 2])
    ours = np.column_stack([curve.fps_per_case, curve.sensitivity, curve.thresholds])[kept]
    assert len(ours) == 91
    np.testing.assert_allclose(ours, written, rtol=0, atol=1e-9)


def test_the_scores_are_those_of_luna16(curve: FrocCurve, golden: Mapping[str, Any]) -> None:
    assert cpm(curve) == pytest.approx(golden["cpm"], abs=1e-9)
    assert partial_auc(curve, 3.0) == pytest.approx(golden["pauc3_linear"], abs=1e-9)
    assert partial_auc(curve, 10.0) == pytest.approx(golden["pauc10_linear"], abs=1e-9)
    assert partial_area(curve, 3.0) == pytest.approx(3 * golden["pauc3_linear"], abs=1e-9)


def test_the_scores_are_those_that_were_published(curve: FrocCurve) -> None:
    assert f"{cpm(curve):.8f} {partial_auc(curve, 3.0):.8f} {partial_auc(curve, 10.0):.8f}" == (
        "0.55458221 0.58356918 0.69234670"
    )


def test_every_mark_is_accounted_for_as_by_luna16(cases: tuple[Case, ...]) -> None:
    # CADAnalysis.txt: 79 hits, 27 misses, 451 false positives, 141 marks on excluded findings, 27 double detections.
    matched = [match(case) for case in cases]
    lesion_scores = np.concatenate([case.lesion_scores for case in matched])
    assert np.isfinite(lesion_scores).sum() == 79
    assert np.isneginf(lesion_scores).sum() == 27
    assert sum(len(case.false_positive_scores) for case in matched) == 451
    assert sum(case.marks_on_excluded for case in matched) == 141
    assert sum(case.marks_on_lesions for case in matched) == 79 + 27


def test_the_scores_of_lesions_and_false_positives_are_those_of_luna16(cases: tuple[Case, ...]) -> None:
    written = np.loadtxt(DATA / "froc_gt_prob_vectors_submission.csv", delimiter=",")
    matched = [match(case) for case in cases]
    hits = np.concatenate([case.lesion_scores[np.isfinite(case.lesion_scores)] for case in matched])
    false_positives = np.concatenate([case.false_positive_scores for case in matched])
    detected = written[(written[:, 0] == 1) & (written[:, 1] > 0), 1]
    np.testing.assert_allclose(np.sort(hits), np.sort(detected), rtol=0, atol=5e-10)
    np.testing.assert_allclose(np.sort(false_positives), np.sort(written[written[:, 0] == 0, 1]), rtol=0, atol=5e-10)


def test_the_interval_is_near_the_one_measured_before(cases: tuple[Case, ...]) -> None:
    # 0.50 to 0.67 was measured with another implementation; 1000 resamples leave an error of some 0.005 at each end.
    result = bootstrap(cases, 3.0)
    assert result.low == pytest.approx(0.50, abs=0.015)
    assert result.high == pytest.approx(0.67, abs=0.015)
    assert result.variance == pytest.approx(((result.high - result.low) / 3.92) ** 2, rel=0.15)
