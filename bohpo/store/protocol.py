"""The store as the campaign's loop and the views know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bohpo.space import Space
from bohpo.store.records import (
    Announcement,
    Campaign,
    CampaignState,
    Changes,
    Evaluation,
    Event,
    Lease,
    Owner,
    StopRequest,
    Summary,
)
from bohpo.trial import Attempt, Curve, Outcome, Proposal, Trial


class Store(Protocol):
    """What happened, durably. Every method that writes commits before it returns, in one transaction.

    Every method may raise `StoreError` when the database cannot be reached; each that takes a lease raises
    `LeaseError`, and has written nothing, when the lease was taken over. An announcement is appended to the campaign's
    history in the same transaction, and only with what it announces.
    """

    def create_campaign(
        self,
        name: str,
        *,
        study_text: str,
        study_hash: str,
        directory: Path,
        space: Space,
        maximize: bool,
        metric: str,
        budget_trials: int | None,
        provenance: Mapping[str, str],
    ) -> Campaign:
        """Begin a campaign.

        Raises:
            UsageError: If a campaign (or an Optuna study) of this name exists.
        """
        ...

    def campaigns(self) -> list[Campaign]:
        """List all campaigns, the latest first."""
        ...

    def summaries(self) -> list[Summary]:
        """Sum up all campaigns, the latest first, without reading their trials."""
        ...

    def campaign(self, name: str) -> Campaign:
        """Give a campaign by name.

        Raises:
            NotFoundError: If there is none; the message names close matches.
        """
        ...

    @property
    def identity(self) -> str:
        """What tells this database from its copies; empty if that is unknown."""
        ...

    @property
    def path(self) -> Path | None:
        """The file of the database, without symbolic links; None if it is no file."""
        ...

    def holds_campaign(self, identity: str, created: float) -> bool:
        """Check whether another database, of this identity, still has the campaign that was launched at this moment.

        Returns:
            True where that cannot be found out.
        """
        ...

    def relocate(self, lease: Lease, campaign: Campaign) -> Campaign:
        """Record the folder, the working directory and the incarnation of a campaign.

        Attempts that are alive have no job any more if the incarnation is another one than before.
        """
        ...

    def acquire_lease(self, name: str, owner: Owner, seconds: float) -> Lease:
        """Become the one driver of a campaign; a lease that has expired or whose owner is known dead is taken over.

        Raises:
            LeaseError: If another driver holds the lease; names it, and since when.
        """
        ...

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Hold the lease for another `seconds` from now."""
        ...

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back; harmless when it was taken over."""
        ...

    def lease(self, name: str) -> Lease | None:
        """Give the lease of a campaign if one is held by an owner that is not known dead and it has not expired."""
        ...

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask the driver to stop; needs no lease. `StopRequest.NONE` takes the request back."""
        ...

    def set_budget(self, name: str, trials: int) -> None:
        """Change the number of trials to run in all; needs no lease."""
        ...

    def set_state(self, lease: Lease, state: CampaignState) -> None:
        """Record where the campaign stands; `ended` is set with FINISHED and cleared with ACTIVE."""
        ...

    def add_trial(
        self, lease: Lease, uid: str, proposal: Proposal, *, announcement: Callable[[int], Announcement] | None = None
    ) -> int:
        """Record a proposal as a pending trial, whole, in one transaction.

        Args:
            lease: The driver's lease.
            uid: Identity of the proposal. A second call with the same one changes nothing and gives the same number.
            proposal: What to train and why; distributions come from the campaign's space.
            announcement: What to tell of it, given the trial's number.

        Returns:
            The trial's number, 0, 1, ... within the campaign.
        """
        ...

    def save_attempt(self, lease: Lease, attempt: Attempt, *, announcement: Announcement | None = None) -> None:
        """Record an attempt, or its new state; keyed by trial and number."""
        ...

    def complete_trial(
        self,
        lease: Lease,
        number: int,
        value: float,
        outcome: Outcome,
        reports: Sequence[tuple[int, float]] = (),
        *,
        attempt: Attempt | None = None,
        announcement: Announcement | None = None,
    ) -> bool:
        """Record the outcome of a trial; the first one wins.

        Args:
            lease: The driver's lease.
            number: Number of the trial.
            value: The objective's figure in `outcome`.
            outcome: All that the trainer gave.
            reports: Intermediate values as (step, value); kept as Optuna's intermediate values.
            attempt: The attempt that came to it, as it ended, to be recorded with it.
            announcement: What to tell of it.

        Returns:
            Whether it was recorded; False, and nothing was written, if the trial had ended before.
        """
        ...

    def fail_trial(
        self,
        lease: Lease,
        number: int,
        reason: str,
        *,
        attempt: Attempt | None = None,
        announcement: Announcement | None = None,
    ) -> bool:
        """Record that a trial will have no outcome; as for `complete_trial`. Returns whether it was pending."""
        ...

    def trials(self, name: str) -> list[Trial]:
        """Give all trials of a campaign with their attempts, by number."""
        ...

    def changes(self, name: str, since: int = 0) -> Changes:
        """Give the trials that changed after a revision, by number; see `bohpo.store.reader` for who keeps them."""
        ...

    def trial(self, name: str, number: int) -> Trial:
        """Give one trial.

        Raises:
            NotFoundError: If there is none of this number.
        """
        ...

    def curves(self, name: str, number: int) -> Mapping[str, Curve]:
        """Give the curves of a completed trial; empty where it gave none."""
        ...

    def add_event(self, lease: Lease, kind: str, message: str, trial: int | None = None) -> None:
        """Append to the campaign's history."""
        ...

    def events(self, name: str, after: int = 0) -> list[Event]:
        """Give the events with a number above `after`, in order."""
        ...

    def driver_spans(self, name: str) -> list[tuple[float, float | None]]:
        """Return when drivers were at work, in order: start and end, None for one that is at work."""
        ...

    def add_evaluation(self, name: str, evaluation: Evaluation) -> None:
        """Record a scoring on the test cases; needs no lease."""
        ...

    def evaluations(self, name: str) -> list[Evaluation]:
        """Give the scorings on the test cases, in order."""
        ...

    def close(self) -> None:
        """Give back the connections."""
        ...
