"""Configurations as nested documents: YAML, JSON, Hydra's YAML and Optuna's parameters."""

from __future__ import annotations

import json as json_format
from types import ModuleType
from typing import Any

from bohpo.errors import UsageError
from bohpo.space import to_distribution
from bohpo.views.export.exported import Exported


def yaml(exported: Exported) -> str:
    """Write parameters, fixed values, seed, score and provenance as YAML."""
    return _dump_yaml(_document(exported))


def json(exported: Exported) -> str:
    """Write parameters, fixed values, seed, score and provenance as JSON."""
    return _dump_json(_document(exported))


def hydra(exported: Exported) -> str:
    """Write a Hydra configuration that puts all that the trainer is handed under `trainer`.

    Source:
        Hydra 1.3, "Packages"; OmegaConf 2.3, escaped interpolations.
    """
    handed = {
        name: value.replace("${", r"\${") if isinstance(value, str) else value
        for name, value in exported.handed_over.items()
    }
    return "# @package _global_\n" + _dump_yaml(
        {"trainer": handed, "seed": exported.seed, "provenance": exported.provenance}
    )


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
    return json_format.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _dump_yaml(data: dict[str, Any]) -> str:
    return str(_yaml().safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000))


def _yaml() -> ModuleType:
    try:
        import yaml as package
    except ImportError as error:
        raise UsageError("YAML needs a package that is not installed: `pip install bohpo[yaml]`") from error
    return package
