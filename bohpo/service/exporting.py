"""Exports: what `bohpo export` writes."""

from __future__ import annotations

from bohpo.campaign.attempts import training_seed
from bohpo.errors import NoUsableTrialError
from bohpo.study import Study
from bohpo.trial import Trial
from bohpo.views.campaign import CampaignView


def exported(view: CampaignView, study: Study, format: str, trial: Trial | None) -> tuple[str, Trial]:
    """Write a completed trial down with its provenance.

    Args:
        view: The campaign.
        study: What it runs.
        format: One of `bohpo.views.export.Format`.
        trial: Which trial; the best one where it is None.

    Returns:
        The file's content, and the trial that it is of.

    Raises:
        NoUsableTrialError: If no trial has completed.
        UsageError: If the trial or the format will not do; see `bohpo.views.export.export`.
    """
    from bohpo.views.export import export

    chosen = view.best if trial is None else trial
    if chosen is None:
        raise NoUsableTrialError(f"campaign {view.campaign.name!r} has no completed trial to export")
    text = export(
        view,
        format,
        trial=chosen,
        fixed=study.fixed,
        seed=training_seed(study, chosen.number),
        threads=study.with_fitting_jobs(view.jobs).threads,
        provenance=view.campaign.provenance,
    )
    return text, chosen
