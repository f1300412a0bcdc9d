"""The live view on a terminal."""

from __future__ import annotations

import dataclasses
import io

from rich.console import Console

from bohpo.cli.live import draw
from bohpo.store import CampaignState
from bohpo.views.campaign import CampaignView
from tests.views.conftest import a_campaign_view


def drawn(view: CampaignView) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(draw(view))
    return console.export_text()


def test_why_a_driver_has_stopped_a_campaign_is_drawn() -> None:
    view, reason = a_campaign_view(), "5 trials in a row failed alike, the last with raised: KeyError: 'lr'"
    stopped = dataclasses.replace(view.campaign, state=CampaignState.STOPPED, stop_reason=reason)
    assert f"stopped: {reason}" in drawn(dataclasses.replace(view, campaign=stopped))
    assert "stopped" not in drawn(view)
