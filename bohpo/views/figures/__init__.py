"""Figures of a campaign, for plotly. Each function gives a figure, or a sentence that says why there is none."""

from bohpo.views.figures.catalogue import CAPTIONS, Caption
from bohpo.views.figures.compared import compared
from bohpo.views.figures.curves import froc, roc
from bohpo.views.figures.importance import importance
from bohpo.views.figures.learning import Reports, learning_curves
from bohpo.views.figures.pair import pair
from bohpo.views.figures.parallel import parallel_coordinates
from bohpo.views.figures.progress import best_so_far
from bohpo.views.figures.slices import slices
from bohpo.views.figures.style import Drawing
from bohpo.views.figures.timeline import timeline

__all__ = [
    "CAPTIONS",
    "Caption",
    "Drawing",
    "Reports",
    "best_so_far",
    "compared",
    "froc",
    "importance",
    "learning_curves",
    "pair",
    "parallel_coordinates",
    "roc",
    "slices",
    "timeline",
]
