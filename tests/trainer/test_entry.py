"""A study's functions are found beside it, and what lies beside it takes the place of no module of Python's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_campaign_commands import bohpo, write_study

SHADOWS = ("random", "json", "logging", "signal", "typing", "queue", "sitecustomize", "bohpo", "types", "select")

LOAD = """
import sys
from bohpo.trainer.entry import load_entry
print(load_entry(sys.argv[1], sys.argv[2], is_guest=len(sys.argv) > 3)())
"""


def load(folder: Path, entry: str, *more: str) -> str:
    command = (sys.executable, "-P", "-c", LOAD, entry, str(folder), *more)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_modules_beside_a_study_keep_no_worker_from_starting(tmp_path: Path) -> None:
    write_study(tmp_path, trials=2)
    study = tmp_path / "study.toml"
    study.write_text('feasible = "limits:fits"\n' + study.read_text())
    (tmp_path / "limits.py").write_text("def fits(config): return True\n")
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was taken for the real one')\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BOHPO_")}
    command = (str(Path(sys.executable).with_name("bohpo")), "launch", "study.toml")
    launched = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    log = tmp_path / "campaigns/specimen/trials/0/attempt-1/worker.log"
    assert launched.returncode == 0, (launched.stderr, log.read_text() if log.exists() else "")


def test_ranks_and_evaluators_are_not_disturbed_either(tmp_path: Path) -> None:
    write_study(tmp_path, "in_ranks", trials=1)
    study = tmp_path / "study.toml"
    study.write_text(study.read_text() + "[training]\nprocesses = 2\n")
    (tmp_path / "socket.py").write_text("raise SystemExit('taken for the real one')\n")
    (tmp_path / "random.py").write_text("raise SystemExit('taken for the real one')\n")
    command = (str(Path(sys.executable).with_name("bohpo")), "launch", "study.toml")
    launched = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert launched.returncode == 0, launched.stderr


@pytest.mark.parametrize("name", ["train", "utils", "test", "random", "json", "types", "numpy", "yaml"])
def test_a_trainer_is_found_beside_its_study_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("import random\ndef train(): return ('mine', random.Random(1).random() < 1)\n")
    assert load(tmp_path, f"{name}:train") == "('mine', True)"
    assert load(tmp_path, f"{name}:train", "guest") == "('mine', True)"


def test_a_package_beside_its_study_is_found_with_its_modules(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test/__init__.py").touch()
    (tmp_path / "test/inner.py").write_text("from . import other\ndef train(): return other.VALUE\n")
    (tmp_path / "test/other.py").write_text("VALUE = 'mine'\n")
    assert load(tmp_path, "test.inner:train") == "mine"


def test_what_a_trainer_imports_beside_it_wins_over_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("VALUE = 'mine'\n")
    (tmp_path / "train.py").write_text("import yaml\ndef train(): return getattr(yaml, 'VALUE', 'installed')\n")
    assert load(tmp_path, "train:train") == "mine"
    assert load(tmp_path, "train:train", "guest") == "installed"


def test_the_real_random_is_imported_after_the_study_was(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text("raise SystemExit('taken for the real one')\n")
    (tmp_path / "train.py").write_text("def train():\n    import statistics\n    return statistics.mean([1, 3])\n")
    assert load(tmp_path, "train:train") == "2"


def test_modules_of_one_name_beside_two_studies_are_told_apart(tmp_path: Path) -> None:
    code = LOAD + "print(load_entry(sys.argv[1], sys.argv[4])())\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.py").write_text(f"def train(): return {name!r}\n")
    command = (sys.executable, "-P", "-c", code, "train:train", str(tmp_path / "a"), "guest", str(tmp_path / "b"))
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "a\nb\n"


def test_a_module_that_is_broken_says_why(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("raise ValueError('broken')\n")
    assert load(tmp_path, "train:train") == "ValueError: broken"


def test_an_absent_function_and_module_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    assert load(tmp_path, "train:train").endswith("train has no function 'train'; define it or name another")
    assert load(tmp_path, "nowhere:train").endswith("No module named 'nowhere'")


def test_check_finds_the_trainer_that_a_worker_finds(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "random.py").write_text((tmp_path / "specimens.py").read_text())
    study = tmp_path / "study.toml"
    study.write_text(study.read_text().replace("specimens:", "random:"))
    assert bohpo(tmp_path, "check", "study.toml", PYTHONSAFEPATH="1").returncode == 0
