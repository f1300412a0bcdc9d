"""`bohpo export`, `evaluate` and `report`: what comes out of a campaign."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Literal, TypeAlias

from bohpo.campaign.evaluate import evaluate_best
from bohpo.campaign.home import check_home
from bohpo.campaign.launch import study_of
from bohpo.cli.output import emit, pairs, say
from bohpo.cli.place import HERE, Place
from bohpo.cli.remote import Remote
from bohpo.durable import write_atomically
from bohpo.errors import NoUsableTrialError, UsageError
from bohpo.service.exporting import exported
from bohpo.service.gather import gather, reports_of
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.caveats import describe_few_lesions

FormatName: TypeAlias = Literal["toml", "yaml", "json", "csv", "hydra", "optuna"]


def export(
    campaign: str,
    /,
    *,
    format: FormatName = "toml",
    output: Path | None = None,
    trial: int | None = None,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Write the best configuration with its provenance; TOML is a study that trains it again.

    Args:
        campaign: Name of the campaign.
        format: How to write it; csv holds all trials.
        output: File to write instead of stdout.
        trial: Which trial instead of the best one.
        json: Print where it went as one JSON object; needs --output.
        place: Where it is recorded.
    """
    if json and output is None:
        raise UsageError("--json tells where an export went; give --output, or --format json for the export itself")
    text, told = _exported(campaign, format, trial, place)
    if output is None:
        print(text, end="")
        return
    _write(output, text)
    if json:
        emit({"campaign": campaign, "trial": told, "format": format, "path": str(output)})
    else:
        say(f"trial {told} of {campaign}: {output}")


def evaluate(campaign: str, /, *, again: bool = False, json: bool = False, place: Place = HERE) -> None:
    """Score the best trial's model on the held-out test cases, once; nothing is trained.

    Args:
        campaign: Name of the campaign.
        again: Evaluate although it was done before; the record holds both.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    with place.open() as store:
        record = place.find(store, campaign)
        found = evaluate_best(study_of(record), record, store, again=again, now=time.time())
        view, count = gather(store, campaign), len(store.evaluations(campaign))
    outcome = found.outcome
    edges = view.interval(outcome.value, outcome.variance)
    few = describe_few_lesions(outcome.metrics, outcome.variance, "test")
    notes = [few] if few else []
    if json:
        emit(
            {
                "campaign": campaign,
                "trial": found.trial,
                "metric": view.metric,
                "value": outcome.value,
                "variance": outcome.variance,
                "interval": None if edges is None else list(edges),
                "metrics": dict(outcome.metrics),
                "evaluations": count,
                "notes": notes,
            }
        )
        return
    spread = f" (95% interval {wording.interval(edges)})" if edges else ""
    pairs(
        [
            (f"{view.metric} on the test cases", wording.number(outcome.value) + spread),
            ("trial", f"{found.trial}{_validation(view, found.trial)}"),
            *((f"  {name}", wording.number(figure)) for name, figure in sorted(outcome.metrics.items())),
            *(("note", note) for note in notes),
        ]
    )


def report(campaign: str, /, *, output: Path | None = None, json: bool = False, place: Place = HERE) -> None:
    """Write a campaign's report: one HTML file that needs no network.

    Args:
        campaign: Name of the campaign.
        output: File to write; report.html in the campaign's folder by default.
        json: Print where it went as one JSON object.
        place: Where it is recorded.
    """
    from bohpo.views.report import report as written

    with place.open() as store:
        view = gather(store, campaign)
        if output is None or view.campaign.directory.is_dir():
            view = dataclasses.replace(view, campaign=place.find(store, campaign))
        if output is None:
            check_home(view.campaign, store)
    reports = {trial.number: reports_of(view.campaign, trial) for trial in view.trials}
    path = output or view.campaign.directory / "report.html"
    _write(path, written(view, reports=reports))
    if json:
        emit({"campaign": campaign, "path": str(path)})
    else:
        print(path)


def _exported(campaign: str, format: FormatName, trial: int | None, place: Place) -> tuple[str, int]:
    """Give an export and the number of its trial."""
    if place.server is not None:
        remote = Remote.of(place)
        number = remote.get("campaigns", campaign)["best"] if trial is None else {"number": trial}
        if number is None:
            raise NoUsableTrialError(f"campaign {campaign!r} has no completed trial to export")
        text = remote.text("campaigns", campaign, "export", format=format, trial=number["number"])
        return text, int(number["number"])
    with place.open() as store:
        view = gather(store, campaign)
        wanted = None if trial is None else store.trial(campaign, trial)
    text, chosen = exported(view, study_of(view.campaign), format, wanted)
    return text, chosen.number


def _validation(view: CampaignView, number: int) -> str:
    value = next(trial.value for trial in view.trials if trial.number == number)
    return "" if value is None else f", {wording.number(value)} on the validation cases"


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name another file with --output") from error
