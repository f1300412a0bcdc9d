"""Hits, FROC curves, partial areas and case bootstrap of detectors; pure: no file, socket or database is opened."""

from bohpo.evaluation.area import CPM_FPS_PER_CASE, cpm, partial_area, partial_auc
from bohpo.evaluation.case import Case
from bohpo.evaluation.curve import FrocCurve, froc
from bohpo.evaluation.matching import MatchedCase, match
from bohpo.evaluation.operating import OperatingPoint, operating_points
from bohpo.evaluation.resampling import Bootstrap, bootstrap

__all__ = [
    "CPM_FPS_PER_CASE",
    "Bootstrap",
    "Case",
    "FrocCurve",
    "MatchedCase",
    "OperatingPoint",
    "bootstrap",
    "cpm",
    "froc",
    "match",
    "operating_points",
    "partial_area",
    "partial_auc",
]
