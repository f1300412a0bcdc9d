"""What the optimizer is made of, part by part.

The model has two views of the trials:

| view   | expects                                                                    | good where              |
| ------ | -------------------------------------------------------------------------- | ----------------------- |
| trends | every parameter to have an effect of its own; looks closely at good scores | optima lie at the edges |
| bowl   | the middle of a range to be better than its ends, until the data say no    | ranges were chosen well |

Where there are few numeric parameters trends alone propose. Where there are many, nearly all of the space is corners,
and people choose ranges around what they expect: there the views take turns. Each sees what the other has proposed as
pending, so what one of them overlooks the other finds. Trends are not asked for before there are as many results as
parameters: fewer show none, and their continuation leads into corners.

The defaults are what was best on tuning tasks; every part can be left out, to measure what it is worth.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """How a model sees the trials.

    Attributes:
        name: For people.
        sd_weight: Weight of the standard deviation in the acquisition where little is running; see `Recipe.sd_weight`.
        trend: Whether the covariance has a part for main effects, see `bohpo.optimizer.covariance`.
        bowl: Whether the prior mean is a bowl, see `bohpo.optimizer.fit`.
        compress: Whether scores below the median are drawn together logarithmically.
        w_strength: Of the prior of the inverse squared lengthscales: the greater, the nearer to 1.
        choice_w: Inverse squared lengthscale that is expected between choices, or None for no such prior.
    """

    name: str
    sd_weight: float
    trend: bool = False
    bowl: bool = False
    compress: bool = False
    w_strength: float = 0.1
    choice_w: float | None = None


TRENDS = View("trends", 1.8, trend=True, compress=True, w_strength=0.3, choice_w=0.3)
BOWL = View("bowl", 1.4, bowl=True)

FEW_NUMBERS = 8
"""With more numeric parameters there are many: a cube's corners hold nearly all of its volume."""

CROWDING = 1.0
"""How much a proposal heeds how many trials are running for each result."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of the optimizer.

    Attributes:
        trends_view: Propose by the view that expects trends.
        bowl_view: Take turns with the view that expects a bowl where there are many numeric parameters.
        compress: Let the view of trends draw low scores together.
        explore: Go where the model is uncertain, not only where it hopes for most.
        pending: Condition the standard deviation on what is running.
        crowding: Explore the more, the more is running for each result.
        failures: Take what failed as the worst value seen.
        measured_noise: Use the variances that trainers measure.
        centre_first: Begin at the centre of the space.
        draw_in: Draw later points of a long start towards the centre.
        spray: Look around the best points, beside all over the space.
        climb: Improve the best candidates along the gradient and from neighbour to neighbour.
        refit_always: Fit anew after every result, also when there are hundreds.
    """

    trends_view: bool = True
    bowl_view: bool = True
    compress: bool = True
    explore: bool = True
    pending: bool = True
    crowding: bool = True
    failures: bool = True
    measured_noise: bool = True
    centre_first: bool = True
    draw_in: bool = True
    spray: bool = True
    climb: bool = True
    refit_always: bool = False

    @property
    def views(self) -> tuple[View, ...]:
        """The views that take turns where there are many numeric parameters."""
        chosen = [view for view, kept in ((TRENDS, self.trends_view), (BOWL, self.bowl_view)) if kept]
        chosen = chosen or [dataclasses.replace(TRENDS, name="plain", trend=False)]
        return tuple(dataclasses.replace(view, compress=view.compress and self.compress) for view in chosen)

    def view(self, index: int, results: int, *, dimension: int, numeric: int) -> View:
        """Give the view that proposes.

        Args:
            index: Of the trial.
            results: How many trials have completed or failed; fewer than there are parameters show no trends.
            dimension: How many parameters there are.
            numeric: How many of them are numeric.
        """
        views = self.views
        if numeric <= FEW_NUMBERS:
            return views[0]
        return views[index % len(views)] if results >= dimension else views[-1]

    def sd_weight(self, view: View, results: int, pending: int) -> float:
        """Give the weight of the standard deviation in the acquisition.

        What is running has taken the best bets already, and the next proposal will not hear of it: it had better look
        elsewhere. The more is running for each result, the greater the weight.

        Args:
            view: That proposes.
            results: How many trials have completed or failed.
            pending: How many trials are running.
        """
        crowd = pending / max(results, 1) if self.crowding else 0.0
        return view.sd_weight * math.sqrt(1.0 + CROWDING * crowd) if self.explore else 0.0
