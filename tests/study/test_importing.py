"""A study's functions are imported in a process of their own, whatever they do there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bohpo.processes import process_started
from bohpo.study import Study, import_entries, why_not_imported
from tests.campaign.test_loop import wait_until

STUDY = """
name = "small"
trainer = "mine_to_import:train"
[objective]
direction = "maximize"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
{more}
"""
BOTH = "def train(config, context): ...\ndef evaluate(config, model, context): ...\n"


def small(folder: Path, module: str = BOTH, more: str = "", first: str = "") -> Study:
    (folder / "mine_to_import.py").write_text(module)
    return Study.parse(first + STUDY.format(more=more), directory=folder)


def lines(study: Study) -> list[str]:
    return [str(mistake) for mistake in import_entries(study).mistakes]


def test_functions_that_can_be_called_have_no_mistake_and_are_not_imported_here(tmp_path: Path) -> None:
    imported = import_entries(small(tmp_path))
    assert (imported.mistakes, imported.has_evaluate) == ((), True)
    assert imported.seconds >= 0.0
    assert "mine_to_import" not in sys.modules


@pytest.mark.parametrize(
    "train",
    [
        "def train(config, context): ...",
        "def train(*words): ...",
        "def train(config, context, extra=1, *, verbose=False): ...",
        "def train(config, context, **options) -> dict: ...",
        "train = max",
        "class train:\n    def __init__(self, config, context): ...",
        "import functools\ntrain = functools.partial(lambda a, config, context: 0.5, 1)",
        "print('noise' * 100000)\ndef train(config, context): ...",
    ],
)
def test_whatever_takes_a_configuration_and_a_context_is_fine(tmp_path: Path, train: str) -> None:
    imported = import_entries(small(tmp_path, train + "\n"))
    assert (imported.mistakes, imported.has_evaluate) == ((), False)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("import absent_package\n" + BOTH, "trainer: mine_to_import:train cannot be imported: ModuleNotFoundError: No"),
        ("raise SystemExit('no GPU')\n" + BOTH, "trainer: mine_to_import:train cannot be imported: SystemExit: no GPU"),
        ("1 / 0\n" + BOTH, "trainer: mine_to_import:train cannot be imported: ZeroDivisionError: division by zero"),
        ("train = 3\n", "trainer: mine_to_import:train cannot be imported: UsageError"),
        ("def train(config): ...\n", "trainer: mine_to_import:train takes (config): too many positional arguments"),
        ("def train(): ...\n", "trainer: mine_to_import:train takes (): too many positional arguments"),
        (
            "def train(a, b, c): ...\n",
            "trainer: mine_to_import:train takes (a, b, c): missing a required argument: 'c'",
        ),
        ("def train(a, b, *, c): ...\n", "trainer: mine_to_import:train takes (a, b, *, c): missing a required"),
        ("def train(a, b) -> None: ...\n", "trainer: mine_to_import:train is declared to return NoneType; return a"),
        ("async def train(a, b): ...\n", "trainer: mine_to_import:train is declared to return a coroutine; return a"),
        (
            "import os\nos.write(2, b'dying\\n')\nos._exit(3)\n" + BOTH,
            "trainer: its import ended the process with exit code 3: dying; start nothing",
        ),
        (
            BOTH.replace("config, model, context", "config, model"),
            "trainer: mine_to_import:evaluate takes (config, model)",
        ),
    ],
)
def test_what_jobs_could_not_call_is_a_mistake(tmp_path: Path, module: str, line: str) -> None:
    assert [said for said in lines(small(tmp_path, module)) if said.startswith(line)] != []


def test_a_named_evaluator_has_to_be_there(tmp_path: Path) -> None:
    study = small(tmp_path, BOTH, first='evaluator = "mine_to_import:score"\n')
    assert lines(study) == [
        "evaluator: mine_to_import:score is absent; define score(config, model, context) in its module"
    ]


def test_an_import_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    module = (
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(started)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    imported = import_entries(small(tmp_path, module + BOTH), limit_s=3.0)
    assert [str(mistake) for mistake in imported.mistakes] == [
        "trainer: its import has not ended after 3 s; import less at the top of the module;"
        " `bohpo check --no-import` leaves it out"
    ]
    wait_until(lambda: process_started(int(started.read_text())) is None)
    assert process_started(int(started.read_text())) is None


def test_modules_beside_the_study_do_not_shadow_those_of_the_inspection(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')\n")
    (tmp_path / "inspect.py").write_text("raise RuntimeError('the wrong inspect')\n")
    assert lines(small(tmp_path)) == []


@pytest.mark.parametrize(
    ("more", "first", "reason"),
    [
        ("", "", ""),
        ('[cluster]\nbackend = "slurm"', "", ""),
        ('[cluster]\nbackend = "slurm"\nsetup = ["module load cuda"]', "", "jobs have a Python of their own"),
        ('[cluster]\nbackend = "slurm"\npython = "/opt/python"', "", "jobs have a Python of their own"),
        ('[cluster]\nbackend = "slurm"\ncontainer = ["apptainer", "exec", "x.sif"]', "", "jobs have a Python of their"),
    ],
)
def test_nothing_is_imported_here_where_jobs_have_a_python_of_their_own(
    tmp_path: Path, more: str, first: str, reason: str
) -> None:
    why = why_not_imported(small(tmp_path, BOTH, more, first))
    assert why.startswith(reason)
    assert bool(why) == bool(reason)


def test_a_command_is_not_imported() -> None:
    text = STUDY.format(more="").replace('trainer = "mine_to_import:train"', 'command = ["true"]')
    assert why_not_imported(Study.parse(text)) == "a command is not imported"
