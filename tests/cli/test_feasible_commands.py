"""A study that says what is feasible, from its check to the launch of its export, as a user runs it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.cli.test_campaign_commands import answer, bohpo, write_study


def write_constrained_study(folder: Path, function: str, fixed: str) -> None:
    write_study(folder, trials=3)
    study = folder / "study.toml"
    study.write_text(f'feasible = "specimens:{function}"\n' + study.read_text() + fixed + "\n")


def test_an_exported_configuration_keeps_its_function_and_trains_again(tmp_path: Path) -> None:
    write_constrained_study(tmp_path, "below_limit", "limit = 0.2")
    assert 0 < answer(tmp_path, "check", "study.toml", "--json")["feasible"]["share"] < 0.4
    launched = answer(tmp_path, "launch", "study.toml", "--json")
    done = bohpo(tmp_path, "export", "specimen", "--format", "toml", "--output", "best.toml")
    assert done.returncode == 0, done.stderr
    exported = tomllib.loads((tmp_path / "best.toml").read_text())
    assert exported["feasible"] == "specimens:below_limit"
    assert exported["fixed"]["x"] < exported["fixed"]["limit"] == 0.2
    again = answer(tmp_path, "launch", "best.toml", "--json")
    assert again["best"]["value"] == launched["best"]["value"]


def test_a_function_that_fails_is_named_with_exit_code_2_and_resume_goes_on(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    write_constrained_study(tmp_path, "failing_on_request", f'switch = "{switch}"')
    switch.touch()
    for words in (("check", "study.toml"), ("launch", "study.toml"), ("resume", "specimen")):
        done = bohpo(tmp_path, *words)
        assert done.returncode == 2, done.stderr
        assert "feasible: specimens:failing_on_request raised ZeroDivisionError: no network" in done.stderr
        assert "Traceback" not in done.stderr
    switch.unlink()
    assert answer(tmp_path, "resume", "specimen", "--json")["campaign"] == "specimen"
    assert answer(tmp_path, "status", "specimen", "--json")["trials"]["complete"] == 3
