"""A campaign without a result says why: the reason that most of its trials share, and how many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bohpo.store.records import CampaignState
from bohpo.trial import TrialState
from bohpo.views import CampaignView, status
from bohpo.views.failures import LONGEST_REASON, find_common_failure
from bohpo.views.report import report

MEMORY = "raised: RuntimeError: CUDA out of memory, {} MiB wanted at 0x{:x}"


def failing(view: CampaignView, *reasons: str | None) -> CampaignView:
    """Return a view whose trials failed for these reasons; None for one that is pending."""
    trials = tuple(
        replace(
            view.trials[1],
            number=number,
            uid=str(number),
            reason=reason or "",
            state=TrialState.PENDING if reason is None else TrialState.FAILED,
        )
        for number, reason in enumerate(reasons)
    )
    return replace(view, trials=trials, campaign=replace(view.campaign, state=CampaignState.FINISHED, ended=200.0))


def test_the_reason_of_most_is_told_with_their_number(short_view: CampaignView) -> None:
    reasons = ["the disk is full", *(MEMORY.format(1000 + 7 * at, 4096 * at) for at in range(14)), "the disk is full"]
    failure = status(failing(short_view, *reasons)).failure
    assert failure is not None
    assert failure.message == f"all 16 trials failed: {MEMORY.format(1000, 0)} (14 of 16)"
    assert (failure.trial, failure.failed, failure.alike) == (1, 16, 14)


def test_reasons_are_alike_where_the_driver_says_so(short_view: CampaignView) -> None:
    view = failing(short_view, "KeyError: 'unet' of /tmp/ab/c.py", "KeyError: 'resnet' of /var/d.py", "ValueError: x")
    named = (
        replace(trial, configuration={"net": net})
        for trial, net in zip(view.trials, ("unet", "resnet", "y"), strict=True)
    )
    failure = find_common_failure(tuple(named))
    assert failure is not None
    assert failure.message == "all 3 trials failed: KeyError: 'unet' of /tmp/ab/c.py (2 of 3)"


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        (("why\nnot",), "no result yet, 1 trial failed: why not"),
        (("why", "why"), "all 2 trials failed: why"),
        (("why", None, "why"), "no result yet, 2 trials failed: why"),
        (("x" * 5000,) * 2, f"all 2 trials failed: {'x' * LONGEST_REASON} ..."),
        ((" ", " "), "all 2 trials failed: no reason was recorded"),
    ],
)
def test_the_message_says_how_many_and_stays_one_line(
    short_view: CampaignView, reasons: tuple[str | None, ...], message: str
) -> None:
    failure = find_common_failure(failing(short_view, *reasons).trials)
    assert failure is not None
    assert failure.message == message


def test_with_a_result_or_without_a_failure_there_is_nothing_to_say(short_view: CampaignView) -> None:
    assert status(short_view).failure is None
    assert status(failing(short_view, None, None)).failure is None
    assert find_common_failure(()) is None


def test_the_report_shows_the_reason_in_the_colour_of_failures(short_view: CampaignView) -> None:
    html = report(failing(short_view, "<b>no data</b>", "<b>no data</b>"))
    assert '<p class="score failed">2 failed</p>' in html
    assert "All 2 trials failed: &lt;b&gt;no data&lt;/b&gt;." in html
    assert "<code>bohpo logs short 0</code>" in html
    assert "none yet" not in html


def test_a_report_before_the_first_result_does_not_look_like_one(short_view: CampaignView) -> None:
    assert '<p class="score none">none yet</p>' in report(failing(short_view, None, None))
