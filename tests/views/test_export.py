"""Exports: golden files, and reading them back with the libraries that others would use."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import json_to_distribution

from bohpo.errors import UsageError
from bohpo.space import to_distribution
from bohpo.study import Study
from bohpo.trial import Scalar
from bohpo.views import CampaignView, Format, export

GOLDEN = Path(__file__).parent / "golden"
FIXED: dict[str, Scalar] = {"data": "folder/with ${braces}", "epochs": 3}
ORIGIN = {"git_commit": "1cdfbec", "version_bohpo": "0.1.0", "version_torch": "2.13.0"}
HANDED = {**FIXED, "lr": 1e-05, "optimizer": "adamw", "mirror": True}


def written(view: CampaignView, format: str, **changes: Any) -> str:
    keys: dict[str, Any] = {
        "trial": view.trials[0],
        "fixed": FIXED,
        "seed": 17,
        "threads": 2,
        "provenance": ORIGIN,
        **changes,
    }
    return export(view, format, **keys)


@pytest.mark.parametrize("format", list(Format))
def test_an_export_equals_its_golden_file(short_view: CampaignView, format: Format) -> None:
    """`BOHPO_REWRITE_GOLDEN=1 pytest tests/views` writes them anew; look at the difference before committing it."""
    golden = GOLDEN / f"best.{format}"
    if os.environ.get("BOHPO_REWRITE_GOLDEN"):
        golden.write_text(written(short_view, format), encoding="utf-8")
    assert written(short_view, format) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", [Format.TOML, Format.YAML, Format.JSON])
def test_a_document_reads_back_with_its_provenance(short_view: CampaignView, format: Format) -> None:
    readers: dict[Format, Callable[[str], Any]] = {
        Format.TOML: tomllib.loads,
        Format.YAML: yaml.safe_load,
        Format.JSON: json.loads,
    }
    provenance = readers[format](written(short_view, format))["provenance"]
    assert provenance == {
        "campaign": "short",
        "trial": 0,
        "study_hash": "c0ffee",
        "metric": "partial_auc",
        "value": 0.6,
        "interval_low": 0.404,
        "interval_high": 0.75,
        "seed": 17,
        "threads": 2,
        **ORIGIN,
    }


def test_the_toml_is_a_study_that_trains_this_configuration_once(short_view: CampaignView) -> None:
    study = Study.parse(written(short_view, "toml"))
    original = Study.parse(short_view.campaign.study_text)
    assert dict(study.fixed) == HANDED
    assert (study.command, study.objective, study.cluster) == (original.command, original.objective, original.cluster)
    assert (len(study.space), study.budget.most_trials, study.parallel.jobs, study.threads) == (0, 1, 1, 2)
    assert study.budget.attempt_seconds == 3600.0


def test_the_toml_of_an_export_can_be_exported_again(short_view: CampaignView) -> None:
    text = written(short_view, "toml")
    again = replace(short_view, campaign=replace(short_view.campaign, name="short-trial-0", study_text=text))
    trial = replace(short_view.trials[0], configuration={})
    study = Study.parse(written(again, "toml", trial=trial, fixed=tomllib.loads(text)["fixed"]))
    assert dict(study.fixed) == HANDED
    assert study.name == "short-trial-0-trial-0"


def test_a_long_campaign_name_still_makes_a_studys_name(short_view: CampaignView) -> None:
    named = replace(short_view, campaign=replace(short_view.campaign, name="é x" * 40))
    assert Study.parse(written(named, "toml")).name.endswith("-trial-0")


@pytest.mark.parametrize("format", [Format.YAML, Format.JSON])
def test_yaml_and_json_hold_the_same_values(short_view: CampaignView, format: Format) -> None:
    text = written(short_view, format)
    data = yaml.safe_load(text) if format is Format.YAML else json.loads(text)
    assert data["parameters"] == dict(short_view.trials[0].configuration)
    assert (data["fixed"], data["seed"]) == (FIXED, 17)


def test_the_table_has_a_row_for_every_trial_and_loses_nothing(short_view: CampaignView) -> None:
    rows = list(csv.DictReader(io.StringIO(written(short_view, "csv"))))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row["state"] for row in rows] == ["complete", "failed", "complete", "pending", "pending"]
    assert [float(row["params_lr"]) for row in rows] == [t.configuration["lr"] for t in short_view.trials]
    assert [row["params_momentum"] for row in rows] == ["", "0.9", "0.5", "", ""]
    assert rows[1]["reason"] == short_view.trials[1].reason
    assert [row["seed"] for row in rows] == ["17", "", "", "", ""]
    assert {row["provenance_git_commit"] for row in rows} == {"1cdfbec"}


def test_hydra_gets_all_that_the_trainer_is_handed_in_the_global_package(short_view: CampaignView) -> None:
    text = written(short_view, "hydra")
    assert text.startswith("# @package _global_\n")
    assert yaml.safe_load(text)["trainer"] == {**HANDED, "data": r"folder/with \${braces}"}


def test_optuna_can_enqueue_the_export(short_view: CampaignView) -> None:
    data = json.loads(written(short_view, "optuna", trial=short_view.trials[2]))
    distributions = {name: json_to_distribution(text) for name, text in data["distributions"].items()}
    assert distributions == {name: to_distribution(short_view.space[name]) for name in short_view.space.names}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=data["direction"])
    study.enqueue_trial(data["params"], user_attrs=data["user_attrs"])
    assert study.ask(distributions).params == dict(short_view.trials[2].configuration)


def test_the_toml_has_the_trainings_seed_beside_one_that_the_trainer_is_handed(short_view: CampaignView) -> None:
    study = Study.parse(written(short_view, "toml", fixed={"seed": 3}))
    assert (study.fixed["seed"], study.training.seed) == (3, 17)


def test_a_trial_without_an_outcome_is_refused(short_view: CampaignView) -> None:
    with pytest.raises(UsageError, match="trial 1 is failed; export one that is complete"):
        written(short_view, "json", trial=short_view.trials[1])


def test_an_unknown_format_is_refused_with_the_known_ones(short_view: CampaignView) -> None:
    with pytest.raises(UsageError, match="no format 'xml'; choose toml, yaml, json, csv, hydra, optuna"):
        written(short_view, "xml")


def test_a_value_that_toml_cannot_hold_is_refused(short_view: CampaignView) -> None:
    with pytest.raises(UsageError, match="mask has no value, which TOML cannot hold; export as json or yaml"):
        written(short_view, "toml", fixed={"mask": None})


@pytest.mark.parametrize("format", [Format.YAML, Format.HYDRA])
def test_without_pyyaml_the_remedy_is_named(
    short_view: CampaignView, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(UsageError, match=r"pip install bohpo\[yaml\]"):
        written(short_view, format)
