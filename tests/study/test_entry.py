"""Trainers are found, and missed, without running them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bohpo.study import Study, check_entry

EXPLODES = "raise SystemExit('imported')\n"


def study_in(directory: Path, *lines: str) -> Study:
    text = "\n".join([*lines, "[objective]", 'direction = "minimize"', "[budget]", "trials = 1"])
    return Study.parse(text, directory=directory)


def complaints(directory: Path, *lines: str) -> list[str]:
    return [str(mistake) for mistake in check_entry(study_in(directory, *lines))]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.fixture
def folder(tmp_path: Path, elsewhere: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.mark.parametrize(
    "source",
    [
        "def train(config, context): ...",
        "class train: ...",
        "train = len",
        "train, other = len, max",
        "train: object = len",
        "from x import train",
        "from x import other as train",
        "from x import *",
        "import train",
        "def __getattr__(name): ...",
        "if True:\n    pass\nelse:\n    def train(): ...",
        "try:\n    from x import train\nexcept ImportError:\n    pass",
        "try:\n    pass\nexcept ImportError:\n    def train(): ...",
    ],
)
def test_a_function_is_found_however_it_is_bound(folder: Path, source: str) -> None:
    (folder / "my_trainer.py").write_text(source + "\n" + EXPLODES)
    assert complaints(folder, 'trainer = "my_trainer:train"') == []


def test_no_package_around_a_module_is_imported(folder: Path) -> None:
    package = folder / "exploding_package" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text(EXPLODES)
    (package / "__init__.py").write_text(EXPLODES)
    (package / "leaf.py").write_text("def train(): ...\n" + EXPLODES)
    assert complaints(folder, 'trainer = "exploding_package.inner.leaf:train"') == []
    assert "exploding_package" not in sys.modules


def test_a_misspelt_module_is_guessed(folder: Path) -> None:
    (folder / "my_trainer.py").write_text("def train(): ...")
    assert complaints(folder, 'trainer = "my_trainr:train"') == [
        "trainer: there is no module 'my_trainr'; did you mean 'my_trainer'?"
    ]
    assert complaints(folder, 'trainer = "quite.different:train"') == [
        f"trainer: there is no module 'quite.different'; put it into {folder}, or install it"
    ]


def test_a_misspelt_function_is_guessed(folder: Path) -> None:
    (folder / "my_trainer.py").write_text("def train(): ...")
    assert complaints(folder, 'trainer = "my_trainer:trian"') == [
        "trainer: module 'my_trainer' has no 'trian'; did you mean 'train'?"
    ]
    assert complaints(folder, 'trainer = "my_trainer:fit"') == [
        f"trainer: module 'my_trainer' has no 'fit'; define it in {folder / 'my_trainer.py'}"
    ]


def test_a_module_that_is_not_python_is_reported(folder: Path) -> None:
    (folder / "my_trainer.py").write_text("def train(:")
    (complaint,) = complaints(folder, 'trainer = "my_trainer:train"')
    assert complaint.startswith(f"trainer: {folder / 'my_trainer.py'} is not valid Python: invalid syntax")


def test_an_installed_module_is_found_and_run_in_the_current_directory(folder: Path, elsewhere: Path) -> None:
    assert complaints(folder, 'trainer = "json.decoder:JSONDecoder"') == []
    assert complaints(folder, 'trainer = "json.decoder:JSONDecodre"') == [
        "trainer: module 'json.decoder' has no 'JSONDecodre'; did you mean 'JSONDecoder'?"
    ]
    assert len(complaints(folder, 'trainer = "json.nothing.deeper:train"')) == 1
    assert study_in(folder, 'trainer = "json.decoder:JSONDecoder"').working_directory == elsewhere


def test_a_folder_that_is_no_package_is_no_module(folder: Path) -> None:
    (folder / "only_a_folder").mkdir()
    assert complaints(folder, 'trainer = "only_a_folder:train"')[0].startswith("trainer: there is no module")


def test_the_study_files_folder_comes_before_the_current_directory(folder: Path, elsewhere: Path) -> None:
    entry = 'trainer = "my_trainer:train"'
    (elsewhere / "my_trainer.py").write_text("def train(): ...")
    assert study_in(folder, entry).working_directory == elsewhere
    (folder / "my_trainer.py").write_text("def train(): ...")
    assert study_in(folder, entry).working_directory == folder


def test_a_command_runs_where_its_script_is(folder: Path, elsewhere: Path) -> None:
    (folder / "train.sh").write_text("exit 0")
    assert study_in(folder, 'command = ["sh", "train.sh"]').working_directory == folder
    assert complaints(folder, 'command = ["sh", "train.sh"]') == []
    assert study_in(folder, 'command = ["sh", "-c", "exit 0"]').working_directory == elsewhere


def test_a_command_that_cannot_be_run_is_reported(folder: Path) -> None:
    (folder / "train.sh").write_text("exit 0")
    assert complaints(folder, 'command = ["no-such-program-anywhere"]') == [
        "command: 'no-such-program-anywhere' is not found; install it, or write its path"
    ]
    assert complaints(folder, 'command = ["./train.sh"]') == [
        f"command: './train.sh' is not executable; chmod +x {folder / 'train.sh'}"
    ]
    (folder / "train.sh").chmod(0o755)
    assert complaints(folder, 'command = ["./train.sh"]') == []
    assert complaints(folder, 'command = ["./train.sh"]', 'evaluate_command = ["sh", "tran.sh"]') == [
        "evaluate_command: there is no file 'tran.sh'; did you mean 'train.sh'?"
    ]


def test_a_function_that_says_what_is_feasible_is_looked_for_where_the_trainer_is(folder: Path) -> None:
    (folder / "my_trainer.py").write_text("def train(): ...\ndef fits(): ...\n" + EXPLODES)
    trainer = 'trainer = "my_trainer:train"'
    assert complaints(folder, trainer, 'feasible = "my_trainer:fits"') == []
    assert complaints(folder, trainer, 'feasible = "my_trainer:fit"') == [
        "feasible: module 'my_trainer' has no 'fit'; did you mean 'fits'?"
    ]
    assert complaints(folder, 'trainer = "my_trainer:trian"', 'feasible = "my_trainr:fits"') == [
        "trainer: module 'my_trainer' has no 'trian'; did you mean 'train'?",
        "feasible: there is no module 'my_trainr'; did you mean 'my_trainer'?",
    ]


def test_a_command_without_a_file_runs_where_its_function_is(folder: Path, elsewhere: Path) -> None:
    command, feasible = 'command = ["sh", "-c", "exit 0"]', 'feasible = "my_limits:fits"'
    (elsewhere / "my_limits.py").write_text("def fits(): ...")
    assert study_in(folder, command, feasible).working_directory == elsewhere
    (folder / "my_limits.py").write_text("def fits(): ...")
    assert study_in(folder, command, feasible).working_directory == folder
    (elsewhere / "train.sh").write_text("exit 0")
    assert study_in(folder, 'command = ["sh", "train.sh"]', feasible).working_directory == elsewhere
