"""The function of a study that says which configurations can be trained."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from bohpo.errors import StudyError
from bohpo.study import Feasibility, Study, Tried, load_feasibility, try_feasibility

NUMBERS = itertools.count()

SPACE = """
[space]
levels = { type = "int", low = 1, high = 4 }
edge = { type = "categorical", choices = [8, 16] }
drop = { type = "float", low = 0.0, high = 1.0, when = { edge = 16 } }
"""


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def study_with(folder: Path, source: str, *, space: str = SPACE, fixed: str = "") -> Study:
    """Give a study whose function is `answer` of a module of its own."""
    module = f"feasibility_{next(NUMBERS)}"
    (folder / f"{module}.py").write_text(source)
    text = f'command = ["true"]\nfeasible = "{module}:answer"\n[objective]\ndirection = "minimize"\n{space}{fixed}'
    return Study.parse(text, source="constrained.toml", directory=folder)


def loaded(study: Study) -> Feasibility:
    feasibility = load_feasibility(study)
    assert feasibility is not None
    return feasibility


def complaint(study: Study) -> str:
    with pytest.raises(StudyError) as refused:
        try_feasibility(study, loaded(study))
    assert refused.value.source == "constrained.toml"
    (mistake,) = refused.value.mistakes
    assert mistake.key == "feasible"
    return str(mistake).replace(study.feasible or "", "it")


def test_a_study_without_a_function_has_none(tmp_path: Path) -> None:
    text = study_with(tmp_path, "").text
    assert load_feasibility(Study.parse(text.replace("feasible =", "# feasible ="))) is None


def test_the_function_gets_what_the_trainer_gets_and_cannot_change_it(tmp_path: Path) -> None:
    source = "def answer(config):\n    seen = dict(config)\n    config.clear()\n    return seen == {wanted}\n"
    wanted = {"data": "phantom", "voxels": 3, "levels": 2, "edge": 8}
    study = study_with(
        tmp_path, source.replace("{wanted}", repr(wanted)), fixed='[fixed]\ndata = "phantom"\nvoxels = 3\n'
    )
    feasibility, configuration = loaded(study), {"levels": 2, "edge": 8}
    assert feasibility(configuration) is True
    assert feasibility(configuration) is True
    assert feasibility({**configuration, "levels": 3}) is False


def test_the_share_is_of_configurations_all_over_the_space(tmp_path: Path) -> None:
    study = study_with(
        tmp_path, "def answer(config): return config['edge'] >= 2 ** config['levels'] and 'drop' in config"
    )
    tried = try_feasibility(study, loaded(study))
    assert (tried.drawn, tried.centre_is_feasible) == (200, False)
    assert tried.share == pytest.approx(0.5, abs=0.12)  # three standard deviations
    assert tried == try_feasibility(study, loaded(study))


def test_a_rare_feasible_configuration_is_found(tmp_path: Path) -> None:
    space = '[space]\nx = { type = "float", low = 0.0, high = 1.0 }\n'
    study = study_with(tmp_path, "def answer(config): return config['x'] > 0.9985", space=space)
    tried = try_feasibility(study, loaded(study))
    assert tried.drawn == 1000
    assert 0 < tried.feasible < 8


def test_a_study_of_one_configuration_asks_for_that_one(tmp_path: Path) -> None:
    study = study_with(
        tmp_path, "def answer(config): return config['x'] == 3", space="[budget]\ntrials = 1\n[fixed]\nx = 3\n"
    )
    assert try_feasibility(study, loaded(study)) == Tried(drawn=200, feasible=200, centre_is_feasible=True)


def test_a_space_without_a_feasible_configuration_is_refused(tmp_path: Path) -> None:
    study = study_with(tmp_path, "def answer(config): return False")
    assert complaint(study) == (
        "feasible: it finds none of 1001 configurations feasible; widen the space, or correct the function"
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return config['lr'] < 1", "it raised KeyError: 'lr'"),
        ("raise ValueError('two\\nlines')", "it raised ValueError: two lines"),
        ("assert False", "it raised AssertionError"),
        ("return None", "it returned None, a NoneType"),
        ("return 1", "it returned 1, a int"),
    ],
)
def test_a_function_that_gives_no_bool_is_named_with_configuration_and_cause(
    tmp_path: Path, body: str, problem: str
) -> None:
    study = study_with(tmp_path, f"def answer(config): {body}")
    assert complaint(study).startswith(f'feasible: {problem}, for {{"levels": 3, "edge": 8}}; ')


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit('a script')", "SystemExit: a script"),
        ("answer = 3", "UsageError: "),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_the_cause(tmp_path: Path, source: str, cause: str) -> None:
    study = study_with(tmp_path, source)
    with pytest.raises(StudyError) as refused:
        load_feasibility(study)
    assert f"feasible: {study.feasible} cannot be imported: {cause}" in str(refused.value)
