"""Exports: golden files, and reading them back with the libraries that others would use."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from optuna.distributions import json_to_distribution

from bohpo.errors import UsageError
from bohpo.space import CategoricalParameter, Space, to_distribution
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


# -- text stays text, numbers stay numbers ---------------------------------------------------------------------------

TREACHEROUS = (
    "1e-3", "1e3", "1_000", "0x10", "0o7", "0b1", "12:30", "1:2:3", "2024-01-01", "2024-01-01T10:00:00Z", ".5", "1.",
    "+1", "-1", "-", "--- a", ".inf", "-.inf", ".nan", "nan", "NaN", "inf", "Infinity", "yes", "No", "on", "OFF", "y",
    "n", "true", "False", "null", "Null", "None", "~", "", " ", " a", "a ", "a: b", "a:", "a #b", "#a", "[a]", "{a}",
    "{}", "a, b", "*a", "&a", "!a", "!!int 3", "|", ">", "%a", "@a", "`a`", "'a'", '"a"', "\\", "a\\", "a\nb", "a\r\nb",
    "\r", "\t", "a\tb", "\x07", "\x7f", "\x85", "\u2028", "\ufeff", "é 日本 🧠", "<<", "=", "=1+1", "=cmd()",
    "+cmd()", "@SUM(A1)", "'", "''=", "a,b", 'a"b', "${x}", "${", "$", "\\${x}", "\\\\${x}", "a ${oc.env:HOME} b",
    "${oc.decode:1}", "???", "????", "a???", "${a}\n", "{", "}", "x" * 5000, "word " * 1000,
)  # fmt: skip
"""Text that one reader or another takes for something else."""

NUMBERS: tuple[Scalar, ...] = (0.1, 1e-05, 1e16, 5e-324, 1.7976931348623157e308, -0.0, 1.0, 1, -3, 10**15, True, False)


def resolved(text: str) -> dict[str, Any]:
    container = OmegaConf.to_container(OmegaConf.create(text), resolve=True, throw_on_missing=True)
    assert isinstance(container, dict)
    return {str(name): value for name, value in container["trainer"].items()}


def composed(text: str) -> dict[str, Any]:
    """Read a Hydra export as Hydra does: as a file of a configuration's folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "best.yaml").write_text(text, encoding="utf-8", newline="")
        with initialize_config_dir(folder, version_base=None):
            container = OmegaConf.to_container(compose("best"), resolve=True)
    assert isinstance(container, dict)
    return {str(name): value for name, value in container["trainer"].items()}


VALUE_READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "toml": lambda text: tomllib.loads(text)["fixed"],
    "yaml": lambda text: yaml.safe_load(text)["fixed"],
    "json": lambda text: json.loads(text)["fixed"],
    "hydra": resolved,
}


def same(first: object, second: object) -> bool:
    """Return whether two values are the same, bit for bit: 1, 1.0 and True are three."""
    return type(first) is type(second) and repr(first) == repr(second)


def check_values(view: CampaignView, format: str, read: Callable[[str], dict[str, Any]], values: Any) -> None:
    bare = replace(view.trials[0], configuration={})
    found = read(written(view, format, trial=bare, fixed=values))
    assert list(found) == list(values)
    for name, value in values.items():
        assert same(found[name], value), (name, value, found[name])


@pytest.mark.parametrize("format", VALUE_READERS)
def test_treacherous_text_and_numbers_read_back_as_what_they_were(short_view: CampaignView, format: str) -> None:
    values = {f"v{index}": value for index, value in enumerate((*TREACHEROUS, *NUMBERS))}
    check_values(short_view, format, VALUE_READERS[format], values)


def test_hydra_itself_composes_treacherous_text_as_what_it_was(short_view: CampaignView) -> None:
    values = {f"v{index}": value for index, value in enumerate((*TREACHEROUS, *NUMBERS))}
    check_values(short_view, "hydra", composed, values)


@pytest.mark.parametrize("format", VALUE_READERS)
def test_treacherous_names_stay_text(short_view: CampaignView, format: str) -> None:
    names = [*TREACHEROUS, "é", "a.b"]
    allowed = [name for name in names if re.fullmatch(r"[^\W\d][\w.-]{0,63}", name)]
    check_values(short_view, format, VALUE_READERS[format], dict.fromkeys(allowed if format == "toml" else names, 1))


@pytest.mark.parametrize("format", VALUE_READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(
        st.from_regex(r"[^\W\d][\w.-]{0,20}", fullmatch=True),
        st.one_of(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
            st.text(alphabet="${}\\'\"?:.-+e01yno#~ \n", max_size=10),
            st.sampled_from(TREACHEROUS),
            st.integers(-(2**62), 2**62),
            st.booleans(),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        max_size=5,
    )
)
def test_any_value_reads_back_as_what_it_was(
    short_view: CampaignView, format: str, values: dict[str, str | int | float | bool]
) -> None:
    check_values(short_view, format, VALUE_READERS[format], values)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.sampled_from(TREACHEROUS), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
    )
)
def test_a_table_keeps_text_and_hands_no_formula_to_a_spreadsheet(short_view: CampaignView, text: str) -> None:
    failed = replace(short_view.trials[1], reason=text)
    view = replace(short_view, trials=(short_view.trials[0], failed))
    rows = list(csv.reader(io.StringIO(written(view, "csv", provenance={"note": text}), newline="")))
    assert len(rows) == 3, "one line for each trial"
    for cell in (rows[2][rows[0].index("reason")], rows[1][rows[0].index("provenance_note")]):
        assert cell.removeprefix("'") == text or cell == text
        is_number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", cell, re.IGNORECASE)
        assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.one_of(st.sampled_from(TREACHEROUS), st.floats(1e-9, 1e9), st.integers(2, 10**6), st.booleans()))
def test_optuna_reads_a_choice_as_what_it_was(short_view: CampaignView, choice: Scalar) -> None:
    view = replace(short_view, space=Space((CategoricalParameter("p", (choice, "another")),)))
    data = json.loads(written(view, "optuna", trial=replace(view.trials[0], configuration={"p": choice})))
    assert same(data["params"]["p"], choice)
    assert same(json_to_distribution(data["distributions"]["p"]).choices[0], choice)  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", ["json", "optuna"])
def test_what_json_cannot_hold_is_refused_with_a_format_that_can(short_view: CampaignView, format: str) -> None:
    infinite = replace(short_view.trials[0], configuration={"lr": float("inf")})
    with pytest.raises(UsageError, match="export as toml or yaml"):
        written(short_view, format, trial=infinite)


def test_values_that_are_none_are_none_in_yaml_json_and_hydra(short_view: CampaignView) -> None:
    for format in ("yaml", "json", "hydra"):
        check_values(short_view, format, VALUE_READERS[format], {"mask": None, "none": "None", "null": "null"})
