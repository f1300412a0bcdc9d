"""Scores of detectors and classifiers with their uncertainty; pure: no file, socket or database is opened."""

from bohpo.evaluation.area import CPM_FPS_PER_CASE, cpm, partial_area, partial_auc
from bohpo.evaluation.case import Case
from bohpo.evaluation.curve import FrocCurve, froc
from bohpo.evaluation.matching import MatchedCase, match
from bohpo.evaluation.operating import OperatingInterval, OperatingPoint, operating_intervals, operating_points
from bohpo.evaluation.resampling import Bootstrap, bootstrap
from bohpo.evaluation.roc import (
    RocBootstrap,
    RocCurve,
    RocInterval,
    ScoredCase,
    bootstrap_roc,
    roc,
    roc_operating_intervals,
)

__all__ = [
    "CPM_FPS_PER_CASE",
    "Bootstrap",
    "Case",
    "FrocCurve",
    "MatchedCase",
    "OperatingInterval",
    "OperatingPoint",
    "RocBootstrap",
    "RocCurve",
    "RocInterval",
    "ScoredCase",
    "bootstrap",
    "bootstrap_roc",
    "cpm",
    "froc",
    "match",
    "operating_intervals",
    "operating_points",
    "partial_area",
    "partial_auc",
    "roc",
    "roc_operating_intervals",
]
