"""Why a campaign has no result: the reason that most of its failed trials share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bohpo.alike import common_text
from bohpo.trial import Trial, TrialState

LONGEST_REASON = 300
"""Characters of a reason that are shown; trainers raise errors of any length."""


@dataclass(frozen=True, slots=True)
class CommonFailure:
    """What a campaign without a completed trial says of its failures.

    Attributes:
        failed: Trials that failed.
        alike: Those that failed for the common reason.
        trial: The first of these.
        reason: Its reason, in one line.
        has_ended: Whether all trials that there are have failed.
    """

    failed: int
    alike: int
    trial: int
    reason: str
    has_ended: bool

    @property
    def message(self) -> str:
        """What to tell a reader, without the remedy."""
        share = "" if self.alike == self.failed else f" ({self.alike} of {self.failed})"
        if self.failed == 1:
            return f"no result yet, 1 trial failed: {self.reason}"
        start = f"all {self.failed} trials failed" if self.has_ended else f"no result yet, {self.failed} trials failed"
        return f"{start}: {self.reason}{share}"


def find_common_failure(trials: Sequence[Trial]) -> CommonFailure | None:
    """Return why a campaign has no completed trial; None if it has one, or if none failed.

    Reasons that are alike, as `bohpo.alike` compares them, are one: the driver stops a campaign by the same rule.
    """
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if not failed or any(trial.state is TrialState.COMPLETE for trial in trials):
        return None
    kinds = [common_text(trial) for trial in failed]
    kind, alike = Counter(kinds).most_common(1)[0]
    first = failed[kinds.index(kind)]
    return CommonFailure(len(failed), alike, first.number, _one_line(first.reason), len(failed) == len(trials))


def remedy(campaign: str, failure: CommonFailure) -> str:
    """Return the command that shows more of a common failure."""
    return f"bohpo logs {campaign} {failure.trial}"


def _one_line(reason: str) -> str:
    line = " ".join(reason.split()) or "no reason was recorded"
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."
