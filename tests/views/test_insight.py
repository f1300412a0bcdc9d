"""What the model says of a campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bohpo.optimizer import round as round_
from bohpo.space import FloatParameter, Space
from bohpo.trial import Proposal, Trial, TrialState
from bohpo.views import CampaignView, report
from bohpo.views.insight import insight, silence


def a_trial(number: int, x: float, value: float | None) -> Trial:
    state = TrialState.FAILED if value is None else TrialState.COMPLETE
    return Trial(number, f"u{number}", {"x": x}, state, Proposal({"x": x}, "model"), value)


def a_view(*trials: Trial, maximize: bool = True) -> CampaignView:
    space = Space((FloatParameter("x", 0.0, 1.0),))
    return CampaignView(campaign=None, space=space, metric="m", maximize=maximize, jobs=1, trials=trials)  # type: ignore[arg-type]


def a_lucky_view(*, maximize: bool = True) -> CampaignView:
    """Score -(x - 0.6)^2 and a little noise; trial 3 failed, and trial 6, far off, was lucky."""
    sign, wobble = (1.0 if maximize else -1.0), (0.01, -0.02, 0.015, -0.01, 0.02)
    trials = [a_trial(k, k / 20, sign * (wobble[k % 5] - 4.0 * (k / 20 - 0.6) ** 2)) for k in range(21)]
    trials[3] = a_trial(3, 0.15, None)
    trials[6] = a_trial(6, 0.3, sign * 0.05)
    return a_view(*trials, maximize=maximize)


@pytest.mark.parametrize("maximize", [True, False])
def test_a_lucky_trial_is_the_best_observed_and_another_the_best_expected(maximize: bool) -> None:
    found = insight(a_lucky_view(maximize=maximize))
    assert found is not None
    assert found.observed.trial.number == 6
    assert 10 <= found.expected.trial.number <= 14
    assert found.verdict.startswith(f"the model expects trial {found.expected.trial.number} to be better: ")
    assert found.verdict.endswith("of trial 6")


def test_failed_trials_do_not_shift_the_numbers() -> None:
    found = insight(a_view(a_trial(0, 0.5, None), a_trial(4, 0.2, 0.1), a_trial(5, 0.4, 0.9), a_trial(9, 0.6, 0.5)))
    assert found is not None
    assert found.observed.trial.number == 5


def test_the_model_may_agree_with_what_was_observed() -> None:
    found = insight(a_view(*(a_trial(k, k / 8, k / 8) for k in range(9))))
    assert found is not None
    assert found.verdict.startswith("the model agrees: it expects 1.0")


def test_before_three_trials_it_says_nothing_and_why() -> None:
    view = a_view(a_trial(0, 0.1, 0.2), a_trial(1, 0.3, 0.4), a_trial(2, 0.5, None))
    assert insight(view) is None
    assert silence(view) == "Not enough trials: 2 completed, the model needs 3."


def test_numbers_out_of_hand_are_told_instead_of_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError("no numbers")

    monkeypatch.setattr("bohpo.optimizer.explain", fail)
    view = a_lucky_view()
    assert issubclass(ArithmeticError, round_.NUMERICAL_ERRORS)
    assert insight(view) is None
    assert silence(view) == "The values are such that the model cannot be fitted to them."


def test_the_report_tells_what_the_model_thinks_of_the_best_trial(view: CampaignView) -> None:
    found = insight(view)
    assert found is not None
    assert found.verdict[1:] in report(view)
    assert "he model expects" not in report(replace(view, trials=view.trials[:2]))
