"""Which trials a figure draws where there are more than a browser draws at once."""

from __future__ import annotations

from collections.abc import Sequence

from bohpo.trial import Trial
from bohpo.views.campaign import CampaignView

MOST_POINTS = 1500
"""Points of one figure that a browser draws without a pause."""


def drawn(view: CampaignView, most: int = MOST_POINTS) -> Sequence[Trial]:
    """Choose the trials to draw, by number: all, or the best, the latest and some of the others, evenly spread.

    Args:
        view: The campaign.
        most: How many at most.
    """
    if len(view.trials) <= most:
        return view.trials
    third = most // 3
    step = -(-len(view.trials) // third)
    kinds = (view.ranked[:third], view.trials[-third:], view.trials[::step])
    chosen = {trial.number: trial for kind in kinds for trial in kind}
    return [chosen[number] for number in sorted(chosen)]
