"""A study file that trains one configuration again."""

from __future__ import annotations

import re
from typing import Any

from bohpo.errors import UsageError
from bohpo.views.export.exported import Exported

RENEWED = ("name", "optimizer", "space", "fixed", "budget", "parallel", "training", "provenance")
"""Keys that the file does not take over from the study as they are."""


def study_file(exported: Exported) -> str:
    """Write a study of one trial without anything to search: the same trainer, objective and cluster, the same seed.

    Raises:
        UsageError: If a value cannot be written in TOML.
    """
    from bohpo.study import Study
    from bohpo.study.toml_reader import parse_toml

    missing = [name for name, value in exported.handed_over.items() if value is None]
    if missing:
        raise UsageError(f"{missing[0]} has no value, which TOML cannot hold; export as json or yaml")
    study = parse_toml(exported.view.campaign.study_text)
    limits = {key: limit for key, limit in study.get("budget", {}).items() if key.endswith("_seconds")}
    data: dict[str, Any] = {
        "name": _name(exported),
        **{key: value for key, value in study.items() if key not in RENEWED},
        "budget": {"trials": 1, **limits},
        "parallel": {"jobs": 1, "threads": exported.threads},
        "training": {"seed": exported.seed},
        "space": {},
        "fixed": exported.handed_over,
        "provenance": exported.provenance,
    }
    return Study.from_data(data).to_toml()


def _name(exported: Exported) -> str:
    ending = f"-trial-{exported.trial.number}"
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", exported.view.campaign.name).lstrip("-._") or "study"
    return name[: 64 - len(ending)] + ending
