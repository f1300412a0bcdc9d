"""What the live view draws of a campaign without a result, and of one that was stopped."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from bohpo.cli.live import draw
from bohpo.space import Space
from bohpo.store.records import Campaign, CampaignState
from bohpo.trial import Proposal, Trial, TrialState
from bohpo.views import CampaignView
from tests.views.conftest import a_campaign_view


def seen(view: CampaignView) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=200)
    console.print(draw(view))
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    return Campaign("short", "", "", request.path.parent, budget_trials=4)


def failed(reasons: Sequence[str], campaign: Campaign) -> CampaignView:
    trials = [
        Trial(number, str(number), {}, TrialState.FAILED, Proposal({}, "startup"), reason=reason)
        for number, reason in enumerate(reasons)
    ]
    return CampaignView(campaign, Space(()), "score", True, 1, tuple(trials), now=10.0)


def test_the_common_reason_stands_in_the_place_of_the_best_in_red(campaign: Campaign) -> None:
    text = seen(failed(["no data", "no data", "other"], campaign))
    assert "\x1b[31mall 3 trials failed: no data (2 of 3)\x1b[0m" in text
    assert "bohpo logs short 0" in text


def test_before_the_first_trial_has_ended_there_is_no_result_yet(campaign: Campaign) -> None:
    view = failed(["no data"], campaign)
    waiting = replace(view.trials[0], state=TrialState.PENDING, reason="")
    text = seen(replace(view, trials=(waiting,)))
    assert "no result yet" in text
    assert "failed" not in text


def test_why_a_driver_has_stopped_a_campaign_is_seen() -> None:
    view, reason = a_campaign_view(), "5 trials in a row failed alike, the last with raised: KeyError: 'lr'"
    stopped = replace(view.campaign, state=CampaignState.STOPPED, stop_reason=reason)
    assert f"stopped: {reason}" in seen(replace(view, campaign=stopped))
    assert "stopped" not in seen(view)
