"""Configurations as nested documents: YAML, JSON, Hydra's YAML and Optuna's parameters."""

from __future__ import annotations

import json as json_format
from typing import Any

from bohpo.errors import UsageError
from bohpo.space import to_distribution
from bohpo.views.export.exported import Exported
from bohpo.views.export.yaml_text import escape_interpolations, write_yaml


def yaml(exported: Exported) -> str:
    """Write parameters, fixed values, seed, score and provenance as YAML."""
    return write_yaml(_document(exported))


def json(exported: Exported) -> str:
    """Write parameters, fixed values, seed, score and provenance as JSON."""
    return _dump_json(_document(exported))


def hydra(exported: Exported) -> str:
    """Write a Hydra configuration that puts all that the trainer is handed under `trainer`.

    Source:
        Hydra 1.3, "Packages".
    """
    data = {"trainer": exported.handed_over, "seed": exported.seed, "provenance": exported.provenance}
    return "# @package _global_\n" + write_yaml(escape_interpolations(data))


def optuna(exported: Exported) -> str:
    """Write the parameters for Optuna's `study.enqueue_trial(data["params"])`.

    Each of `distributions` is a string that `optuna.distributions.json_to_distribution` reads.
    """
    from optuna.distributions import distribution_to_json

    space = exported.view.space
    return _dump_json(
        {
            "direction": "maximize" if exported.view.maximize else "minimize",
            "params": dict(exported.trial.configuration),
            "distributions": {
                name: distribution_to_json(to_distribution(space[name])) for name in exported.trial.configuration
            },
            "user_attrs": exported.provenance,
        }
    )


def _document(exported: Exported) -> dict[str, Any]:
    return {
        "parameters": dict(exported.trial.configuration),
        "fixed": dict(exported.fixed),
        "seed": exported.seed,
        "score": exported.score,
        "provenance": exported.provenance,
    }


def _dump_json(data: dict[str, Any]) -> str:
    try:
        return json_format.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    except ValueError as error:
        raise UsageError("a value is infinite or no number, which JSON cannot hold; export as toml or yaml") from error
