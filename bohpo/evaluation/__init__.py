"""Scores of detectors and classifiers with their uncertainty; pure: no file, socket or database is opened."""

from bohpo.evaluation.area import CPM_FPS_PER_CASE, cpm, partial_area, partial_auc
from bohpo.evaluation.case import Case
from bohpo.evaluation.curve import FrocCurve, froc
from bohpo.evaluation.matching import MatchedCase, match
from bohpo.evaluation.operating import OperatingInterval, OperatingPoint, operating_intervals, operating_points
from bohpo.evaluation.patient_names import Patients, find_patients
from bohpo.evaluation.resampling import Bootstrap, bootstrap
from bohpo.evaluation.roc import RocCurve, ScoredCase, roc
from bohpo.evaluation.roc_intervals import RocBootstrap, RocInterval, bootstrap_roc, roc_operating_intervals
from bohpo.evaluation.small_samples import (
    FEWEST_LESIONS,
    describe_few,
    effective_count,
    expected_half_width,
    rate_interval,
    score_interval,
    smoothed_variance,
)

__all__ = [
    "CPM_FPS_PER_CASE",
    "FEWEST_LESIONS",
    "Bootstrap",
    "Case",
    "FrocCurve",
    "MatchedCase",
    "OperatingInterval",
    "OperatingPoint",
    "Patients",
    "RocBootstrap",
    "RocCurve",
    "RocInterval",
    "ScoredCase",
    "bootstrap",
    "bootstrap_roc",
    "cpm",
    "describe_few",
    "effective_count",
    "expected_half_width",
    "find_patients",
    "froc",
    "match",
    "operating_intervals",
    "operating_points",
    "partial_area",
    "partial_auc",
    "rate_interval",
    "roc",
    "roc_operating_intervals",
    "score_interval",
    "smoothed_variance",
]
