"""What every export tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bohpo.trial import Configuration, Scalar, Trial
from bohpo.views.campaign import CampaignView


@dataclass(frozen=True, slots=True)
class Exported:
    """A completed trial, and what its training was like.

    Attributes:
        view: The campaign.
        trial: The trial.
        value: Its score.
        fixed: What the trainer was handed unsearched.
        seed: Seed of its training.
        threads: CPU threads of its training.
        origin: Versions, git commit and the like.
    """

    view: CampaignView
    trial: Trial
    value: float
    fixed: Configuration
    seed: int
    threads: int
    origin: Mapping[str, str]

    @property
    def handed_over(self) -> dict[str, Scalar]:
        """All that the trainer is handed as its configuration: the fixed values and the trial's parameters."""
        return {**self.fixed, **self.trial.configuration}

    @property
    def score(self) -> dict[str, str | float]:
        """The objective, with its 95% interval where its variance was measured."""
        known: dict[str, str | float] = {"metric": self.view.metric, "value": self.value}
        interval = self.view.interval(self.value, self.trial.variance)
        if interval is not None:
            known |= {"interval_low": round(interval[0], 6), "interval_high": round(interval[1], 6)}
        return known

    @property
    def provenance(self) -> dict[str, str | int | float]:
        """Where the configuration comes from: study, campaign, trial, score, seed, commit and versions."""
        own: dict[str, str | int | float] = {
            "campaign": self.view.campaign.name,
            "trial": self.trial.number,
            "study_hash": self.view.campaign.study_hash,
            **self.score,
            "seed": self.seed,
            "threads": self.threads,
        }
        return {**own, **{name: value for name, value in self.origin.items() if name not in own}}
