"""What the figures are called, and how each is read: the same words in the report and on the pages."""

from __future__ import annotations

from dataclasses import dataclass

from bohpo.views.figures.style import MOST_LINES

BEST_ONLY = f" (the best {MOST_LINES} where there are more)"


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written around a figure.

    Attributes:
        title: Above it.
        text: Below it: how it is read.
    """

    title: str
    text: str


CAPTIONS = {
    "progress": Caption(
        "Progress",
        "Each point is a trial, in the order of proposal; its bar is the 95 % interval of the score. The line is the "
        "best so far. Crosses at the bottom are failed trials, ticks are trials without an outcome yet.",
    ),
    "froc": Caption(
        "FROC of the best trial",
        "Sensitivity against false positives per case, as the detector's threshold falls from left to right: higher is "
        "better. The band is the 95 % bootstrap interval; rings are operating points; thin lines are the next best "
        "trials; the score is the mean height up to the dotted line.",
    ),
    "roc": Caption(
        "ROC of the best trial",
        "Share of the abnormal cases that are found, against the share of the normal ones that are taken for abnormal, "
        "as the threshold falls from left to right: higher is better, the dotted line is what guessing gives. The band "
        "is the 95 % bootstrap interval; thin lines are the next best trials; the score is the area under the curve.",
    ),
    "importance": Caption(
        "Which parameters matter",
        "The share of the score's variance over the space that goes with each parameter (total Sobol' indices of "
        "the Gaussian process). What two parameters do together counts for both, so the shares may add up to more "
        "than 100 %. The lines are 90 % intervals: what the trials leave open.",
    ),
    "parallel": Caption(
        "All configurations",
        f"Each line is a completed trial{BEST_ONLY}, from its value of the first parameter to that of the last; "
        "the better the score, the stronger the colour, and the best is thick. A line dips to “not used” where a "
        "parameter does not apply to it.",
    ),
    "slices": Caption(
        "One parameter at a time",
        "{metric} of the completed trials against each parameter; the best trial has a ring. "
        "Points of one choice are spread sideways so that they do not hide each other.",
    ),
    "pair": Caption(
        "Two parameters at a time",
        "Each point is a completed trial: the better its rank, the stronger its colour; the best has a ring. The "
        "ground is what the model expects there while all other parameters are as in the best trial.",
    ),
    "timeline": Caption(
        "What the slots did",
        "One row per slot, one bar per attempt with its trial's number; thin grey bars are time in the queue. Where "
        "the trainer says how long it trained, the lower edge marks its start-up and its scoring. White space between "
        "bars is time in which a slot had nothing to run. In shaded columns the campaign was paused.",
    ),
    "learning": Caption(
        "How the trainings went",
        f"What the trainer reported while it ran, one line per trial{BEST_ONLY}; the better the final score, the "
        "stronger the colour. Dotted red lines failed.",
    ),
    "learning-of-one": Caption("How the training went", "What the trainer reported while it ran."),
    "froc-of-one": Caption(
        "FROC",
        "Sensitivity against false positives per case, as the detector's threshold falls from left to right. The band "
        "is the 95 % bootstrap interval; rings are operating points; the score is the mean height up to the dotted "
        "line.",
    ),
    "roc-of-one": Caption(
        "ROC",
        "Share of the abnormal cases that are found, against the share of the normal ones that are taken for abnormal. "
        "The band is the 95 % bootstrap interval; the dotted line is what guessing gives.",
    ),
    "compared": Caption(
        "Best so far",
        "The best value of each campaign, after so many completed trials, or so much time since its launch.",
    ),
}
"""Name of a figure -> its caption."""
