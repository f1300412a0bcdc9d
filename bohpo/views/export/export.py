"""The way into the exports: one trial, six formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from bohpo.errors import UsageError
from bohpo.trial import Configuration, Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.export import documents
from bohpo.views.export.exported import Exported
from bohpo.views.export.study_file import study_file
from bohpo.views.export.table import table


class Format(StrEnum):
    """What an export can be written as; see `DESCRIPTIONS`."""

    TOML = "toml"
    YAML = "yaml"
    JSON = "json"
    CSV = "csv"
    HYDRA = "hydra"
    OPTUNA = "optuna"


DESCRIPTIONS: Mapping[Format, str] = {
    Format.TOML: "a study file that trains this configuration again, by `bohpo launch`",
    Format.YAML: "parameters, fixed values, score and provenance",
    Format.JSON: "parameters, fixed values, score and provenance",
    Format.CSV: "all trials of the campaign, one row each",
    Format.HYDRA: "a Hydra configuration in the global package, values under `trainer`",
    Format.OPTUNA: "`params` for Optuna's `enqueue_trial`, and their `distributions`",
}
"""What each format is."""

WRITERS: Mapping[Format, Callable[[Exported], str]] = {
    Format.TOML: study_file,
    Format.YAML: documents.yaml,
    Format.JSON: documents.json,
    Format.CSV: table,
    Format.HYDRA: documents.hydra,
    Format.OPTUNA: documents.optuna,
}


def export(
    view: CampaignView,
    format: str,
    *,
    trial: Trial,
    fixed: Configuration,
    seed: int,
    threads: int,
    provenance: Mapping[str, str],
) -> str:
    """Write a completed trial's configuration down, with its provenance.

    Args:
        view: The campaign that the trial belongs to.
        format: One of `Format`.
        trial: A completed trial.
        fixed: What the trainer was handed unsearched.
        seed: Seed of the trial's training.
        threads: CPU threads of the trial's training; sums of floats depend on it.
        provenance: Versions, git commit and the like.

    Returns:
        A complete file, ending in a newline.

    Raises:
        UsageError: If there is no such format, the trial did not complete, the format cannot hold one of the values,
            or a package that it needs is missing.
    """
    if format not in list(Format):
        raise UsageError(f"there is no format {format!r}; choose {', '.join(Format)}")
    if trial.value is None:
        raise UsageError(f"trial {trial.number} is {trial.state}; export one that is complete")
    return WRITERS[Format(format)](Exported(view, trial, trial.value, fixed, seed, threads, provenance))
