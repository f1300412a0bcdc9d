"""What the model thinks of a campaign's best trial."""

from __future__ import annotations

from bohpo.errors import NoUsableTrialError
from bohpo.service.answers import BestAnswer, best_answer
from bohpo.views.campaign import CampaignView
from bohpo.views.insight import insight, silence


def best_of(view: CampaignView) -> BestAnswer:
    """Tell the best trial, and beside it the one that the model expects to be the best.

    Raises:
        NoUsableTrialError: If no trial has completed.
    """
    best, name = view.best, view.campaign.name
    if best is None:
        raise NoUsableTrialError(f"campaign {name!r} has no completed trial; see `bohpo status {name}`")
    said = insight(view)
    return best_answer(view, best, said, silence(view) if said is None else said.verdict)
