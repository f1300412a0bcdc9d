"""What the optimizer's model says of a campaign: which parameters matter, and which trial it expects to be the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bohpo.trial import Observation, Trial, TrialState
from bohpo.views import wording
from bohpo.views.campaign import QUANTILE_95, CampaignView

if TYPE_CHECKING:
    from bohpo.optimizer import History
    from bohpo.optimizer.explain import Expected, Importance

FEWEST_TRIALS = 3
"""Below that, intervals reach from nothing to everything."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the model expects of a completed trial.

    Attributes:
        trial: The trial.
        mean: Posterior mean of its objective without noise.
        sd: Posterior standard deviation of the same.
    """

    trial: Trial
    mean: float
    sd: float

    @property
    def words(self) -> str:
        """The mean with its 95% interval."""
        return f"{wording.number(self.mean)} ± {QUANTILE_95 * self.sd:.2g}"


@dataclass(frozen=True, slots=True)
class Insight:
    """What the model says of a campaign.

    Attributes:
        importance: Of every parameter, the most important first.
        expected: The completed trial of the best posterior mean.
        observed: That of the best value.
    """

    importance: tuple[Importance, ...]
    expected: Expectation
    observed: Expectation

    @property
    def verdict(self) -> str:
        """What the model thinks of the best trial, in a sentence without a full stop."""
        if self.expected.trial.number == self.observed.trial.number:
            return f"the model agrees: it expects {self.observed.words} of this trial, and no more of another"
        return (
            f"the model expects trial {self.expected.trial.number} to be better: {self.expected.words}, "
            f"against {self.observed.words} of trial {self.observed.trial.number}"
        )


def insight(view: CampaignView) -> Insight | None:
    """Ask the model about a campaign.

    Returns:
        What it says; None with fewer than `FEWEST_TRIALS` completed trials, or where numbers run out of its hand.
    """
    complete = _complete(view)
    if len(complete) < FEWEST_TRIALS:
        return None
    from bohpo.optimizer import explain
    from bohpo.optimizer.round import NUMERICAL_ERRORS

    try:
        found = explain(view.space, history(view), maximize=view.maximize)
    except NUMERICAL_ERRORS:
        return None

    def expectation(of: Expected) -> Expectation:
        return Expectation(complete[of.index], of.mean, of.sd)

    return Insight(found.importance, expectation(found.best.expected), expectation(found.best.observed))


def silence(view: CampaignView) -> str:
    """Say why the model says nothing."""
    count = len(view.ranked)
    if count < FEWEST_TRIALS:
        return f"Not enough trials: {count} completed, the model needs {FEWEST_TRIALS}."
    return "The values are such that the model cannot be fitted to them."


def history(view: CampaignView) -> History:
    """Give the campaign as the optimizer sees it."""
    from bohpo.optimizer import History

    return History(
        completed=tuple(
            Observation(trial.configuration, trial.value or 0.0, trial.variance) for trial in _complete(view)
        ),
        failed=tuple(trial.configuration for trial in view.trials if trial.state is TrialState.FAILED),
    )


def _complete(view: CampaignView) -> list[Trial]:
    return [trial for trial in view.trials if trial.state is TrialState.COMPLETE and trial.value is not None]
