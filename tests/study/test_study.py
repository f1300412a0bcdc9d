"""What a study file means, and how it is told all that is wrong with it."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError, StudyError
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter
from bohpo.study import Study

COMPLETE = """
name = "aneurysm-mra"
trainer = "trainers.aneurysm:train"
evaluator = "trainers.aneurysm:score"

[objective]
metric = "partial_auc"
direction = "maximize"
bounds = [0, inf]

[budget]
trials = 50
hours = 24
attempt_seconds = 3600
silence_seconds = 60.5
keep_models = 0
max_failures = 7

[parallel]
jobs = 8
threads = 2

[optimizer]
method = "random"
startup_completed = 5
seed = 7

[space]
momentum = { type = "float", low = 0.5, high = 0.99, when = { optimizer = "sgd" } }
lr = { type = "float", low = 1e-4, high = 0.3, log = true }
drop = { type = "float", low = 0, high = 1, step = 0.25 }
levels = { type = "int", low = 2, high = 5 }
width = { type = "int", low = 8, high = 64, log = true, when = { optimizer = ["sgd"], levels = [2, 3] } }
optimizer = { type = "categorical", choices = ["adamw", "sgd"] }
loss = { type = "constant", value = "focal", when = { optimizer = "adamw" } }

[fixed]
data = "phantom:tiny"
limit = 3.0

[cluster]
backend = "slurm"

[provenance]
campaign = "other"
trial = 3
"""

SMALL = """
trainer = "my_trainer:train"
[objective]
direction = "minimize"
[space]
x = { type = "float", low = 0, high = 1 }
"""

EIGHT = """
trainer = "trainers.aneurysm:train"

[objective]
direction = "up"

[budget]
trails = 20

[parallel]
jobs = "eight"

[space]
lr = { type = "float", low = -1e-4, high = 0.3, log = true }
depth = { type = "int", low = 5, high = 2 }
optimizer = { type = "categorical", choices = ["adamw", "sgd"] }
momentum = { type = "float", low = 0.5, high = 0.99, when = { optimiser = ["sgd"] } }
decay = { type = "float", low = 0.5, high = 0.99, when = { optimizer = ["sgd", "adam"] } }

[fixed]
lr = 0.1
"""

EIGHT_LINES = """
objective.direction: "up" is unknown; write one of maximize, minimize
budget.trails: there is no such key; did you mean 'trials'?
parallel.jobs: "eight" is not a whole number; write one without quotes or a decimal point, or "auto"
space.lr.low: low = -0.0001 has no logarithm; make low positive, or drop log
space.depth.low: low = 5 is above high = 2; swap them
space.momentum.when.optimiser: there is no parameter 'optimiser'; did you mean 'optimizer'?
space.decay.when.optimizer: 'optimizer' is never 'adam'; it takes 'adamw', 'sgd'
fixed.lr: is searched in [space], too; keep it in one of the two
"""


def mistakes_of(text: str) -> list[str]:
    with pytest.raises(StudyError) as refused:
        Study.parse(text)
    return [str(mistake) for mistake in refused.value.mistakes]


def test_every_key_of_a_study_is_read() -> None:
    study = Study.parse(COMPLETE)
    assert (study.name, study.trainer, study.command) == ("aneurysm-mra", "trainers.aneurysm:train", None)
    assert study.evaluation_entry == "trainers.aneurysm:score"
    assert (study.objective.metric, study.objective.maximize) == ("partial_auc", True)
    assert (study.objective.bounds, study.objective.limits) == ((0.0, math.inf), (0.0, None))
    assert study.budget.model_dump() == {
        "trials": 50, "hours": 24.0, "attempt_seconds": 3600.0, "silence_seconds": 60.5, "keep_models": 0,
        "max_failures": 7,
    }  # fmt: skip
    assert (study.parallel.jobs, study.threads) == (8, 2)
    assert study.optimizer.model_dump() == {"method": "random", "startup_completed": 5, "seed": 7}
    assert study.fixed == {"data": "phantom:tiny", "limit": 3.0}
    assert (study.cluster.backend, study.provenance["trial"]) == ("slurm", 3)
    assert study.text == COMPLETE


def test_the_space_is_what_the_parameters_say() -> None:
    assert Study.parse(COMPLETE).space.parameters == (
        FloatParameter("lr", 1e-4, 0.3, log=True),
        FloatParameter("drop", 0.0, 1.0, step=0.25),
        IntParameter("levels", 2, 5),
        CategoricalParameter("optimizer", ("adamw", "sgd")),
        FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
        IntParameter("width", 8, 64, log=True, when={"optimizer": ("sgd",), "levels": (2, 3)}),
        CategoricalParameter("loss", ("focal",), when={"optimizer": ("adamw",)}),
    )


def test_what_is_left_out_has_a_default() -> None:
    study = Study.parse(SMALL, source="studies/my study.toml")
    assert study.name == "my-study"
    assert (study.objective.metric, study.objective.limits) == ("value", (None, None))
    assert (study.budget.most_trials, study.budget.hours) == (50, None)
    assert (study.budget.attempt_seconds, study.budget.silence_seconds, study.budget.keep_models) == (86400, None, 3)
    assert (study.parallel.jobs, study.cluster.backend) == (1, "local")
    assert (study.optimizer.method, study.optimizer.startup_completed, study.optimizer.seed) == ("gp", 3, 0)
    assert study.evaluation_entry == "my_trainer:evaluate"
    assert study.threads >= 1


def test_hours_alone_set_no_number_of_trials() -> None:
    assert Study.parse(SMALL + "[budget]\nhours = 1.5").budget.most_trials is None


def test_a_command_stands_for_a_trainer() -> None:
    study = Study.parse(SMALL.replace('trainer = "my_trainer:train"', 'command = ["python3", "train.py"]'))
    assert (study.command, study.trainer, study.evaluation_entry) == (("python3", "train.py"), None, "")


def test_eight_mistakes_are_eight_lines() -> None:
    assert mistakes_of(EIGHT) == EIGHT_LINES.strip().splitlines()


@pytest.mark.parametrize(
    ("addition", "line"),
    [
        ('nmae = "x"', "nmae: there is no such key; did you mean 'name'?"),
        ("zzz = 1", "zzz: there is no such key; the keys are name, trainer, command, feasible, evaluator,"),
        ('name = "a b"', 'name: "a b" is malformed; use up to 64 letters, digits, dots, dashes and underscores'),
        ('command = ["a"]', "command: there is a trainer, too; keep one of the two"),
        ("evaluate_command = []", "evaluate_command: [] is empty; list at least one, or leave the key out"),
        ('evaluate_command = ["a", ""]', 'evaluate_command[1]: "" is blank; write a word, or leave it out'),
        ('evaluate_command = "a"', 'evaluate_command: "a" is not a list; write it in [ ]'),
        ('feasible = "a.b"', 'feasible: "a.b" is malformed; write it as "module:function"'),
        ("feasible = true", "feasible: true is not text; write text in quotes"),
        ('feasable = "a:b"', "feasable: there is no such key; did you mean 'feasible'?"),
        ('evaluator = "a.b"', 'evaluator: "a.b" is malformed; write it as "module:function"'),
        ("objective.bounds = [1, 0]", "objective.bounds: 1 is not below 0; write [least, greatest], -inf or inf for"),
        ("objective.bounds = [nan, 0]", "objective.bounds: nan is not below 0; write [least, greatest], -inf or inf"),
        ("objective.bounds = [0]", "objective.bounds[1]: is missing; add it"),
        ("objective.bounds = [0, 1, 2]", "objective.bounds: [0, 1, 2] is too long; write two numbers"),
        ('objective.metric = ""', 'objective.metric: "" is empty; write a name, or leave the key out'),
        ("budget.trials = 0", "budget.trials: 0 is out of range; write a number >= 1"),
        ("budget.trials = true", "budget.trials: true is not a whole number; write one without quotes or a decimal"),
        ("budget.hours = 0", "budget.hours: 0 is out of range; write a number > 0"),
        ("budget.max_failures = -1", "budget.max_failures: -1 is out of range; write a number >= 0"),
        ("budget.hours = inf", "budget.hours: inf is not finite; write a finite number"),
        ("budget = 3", "budget: 3 is not a table; write its keys below a [header]"),
        ('optimizer.method = "gpp"', "optimizer.method: \"gpp\" is unknown; did you mean 'gp'?"),
        ("optimizer.seed = 4294967296", "optimizer.seed: 4294967296 is out of range; write a number < 4294967296"),
        ('cluster.backend = "slrum"', "cluster.backend: \"slrum\" is unknown; did you mean 'slurm'?"),
        ('cluster.que = "gpu"', "cluster.que: there is no such key; did you mean 'queue'?"),
        ('cluster.queue = "gpu;x"', "cluster.queue: \"gpu;x\" is malformed; use up to 64 letters, digits, dots"),
        ('cluster.wall_time = "24:00"', "cluster.wall_time: \"24:00\" is no wall time; write hours"),
        ('cluster.wall_time = 3600', "cluster.wall_time: 3600 is not text; write text in quotes"),
        ('cluster.memory = "much"', "cluster.memory: \"much\" is no amount of memory; write it as"),
        ('cluster.gpus = -1', "cluster.gpus: -1 is out of range; write a number >= 0"),
        ('cluster.setup = ["a\\nb"]', "cluster.setup[0]: \"a\\nb\" is no line of plain text; write"),
        ('cluster.attempts_per_job = 0', "cluster.attempts_per_job: 0 is no number of attempts; write"),
        ("fixed.a = [1]", "fixed.a: [1] is no single value; write text, a finite number, true or false"),
        ("fixed.a = nan", "fixed.a: nan is no single value; write text, a finite number, true or false"),
        ("fixed.a = 2026-01-01", "fixed.a: datetime.date(2026, 1, 1) is no single value; write text, a finite"),
        ('fixed."a\\nb" = 1', 'fixed."a\\nb": "a\\nb" is no name for a parameter; use up to 64 letters, digits, _ . -'),
        ("space = 3", "space: 3 is not a table; write it in { }"),
        ("space.x = 3", "space.x: 3 is not a table; write it as { type = \"float\", low = 0.0, high = 1.0 }"),
        ("space.x.low = 1", "space.x.type: is missing; write one of float, int, categorical, constant"),
        ('space.x.type = "flaot"', "space.x.type: \"flaot\" is unknown; did you mean 'float'?"),
        ('space.x = { type = "float", low = 1 }', "space.x.high: is missing; write the greatest value"),
        ('space.x = { type = "int", low = 1, high = 2.0 }', "space.x.high: 2.0 is not a whole number; write one"),
        ('space.x = { type = "int", low = 1, high = 2, lgo = 1 }', "space.x.lgo: there is no such key; did you mean"),
        ('space.x = { type = "int", low = 1, high = 2, log = 1 }', "space.x.log: 1 is neither true nor false; write"),
        ('space.x = { type = "categorical", choices = [] }', "space.x.choices: there are no choices; list at least"),
        ('space.x = { type = "categorical", choices = [[1]] }', "space.x.choices[0]: [1] is no single value; write"),
        ('space.x = { type = "constant", value = 1, when = 3 }', "space.x.when: 3 is not a table; write it in { }"),
        ('space.x = { type = "constant", value = 1, when.y = {} }', "space.x.when.y[0]: {} is no single value; write"),
        ('space.x = { type = "constant", value = 1, when.x = 1 }', "space.x.when: the conditions go in a circle: x"),
        ("space = {}", "space: there is no parameter to search; add one, or set budget.trials = 1 to train once"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_key_problem_and_remedy(addition: str, line: str) -> None:
    lines = SMALL.strip().splitlines()
    first, objective, space = [lines[0]], [f"objective.{lines[2]}"], [f"space.{lines[4]}"]
    if addition.startswith("space"):
        space = []
    found = mistakes_of("\n".join([*first, *objective, *space, addition]))
    assert len(found) == 1
    assert found[0].startswith(line)


def test_an_empty_file_is_told_all_that_it_lacks() -> None:
    assert mistakes_of("") == [
        "objective.direction: is missing; write \"maximize\" or \"minimize\"",
        'trainer: is missing; write trainer = "module:function", or command = ["program"]',
        "space: there is no parameter to search; add one, or set budget.trials = 1 to train once",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 2", "line 2, column 5: Invalid value; correct the TOML there"),
        ("a = 1\na = 2\n", "line 2, column 6: Cannot overwrite a value; correct the TOML there"),
        ("a = [1", "end of document: Unclosed array; correct the TOML there"),
        ("a = " + "[" * 5000, "line 1: there are more than 32 brackets within each other; flatten it"),
    ],
)
def test_a_syntax_error_names_line_and_column(text: str, line: str) -> None:
    assert mistakes_of(text) == [line]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nothing.toml: No such file or directory; `bohpo new NAME` writes"):
        Study.load(tmp_path / "nothing.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(StudyError, match="byte 8: the file is not UTF-8 text; save it as UTF-8"):
        Study.load(tmp_path / "study.toml")


def test_a_mistake_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(EIGHT)
    with pytest.raises(StudyError) as refused:
        Study.load(tmp_path / "study.toml")
    assert refused.value.source == str(tmp_path / "study.toml")


def test_an_exported_configuration_trains_once() -> None:
    study = Study.parse(SMALL.partition("[space]")[0] + "[budget]\ntrials = 1\n[fixed]\nx = 0.5")
    assert study.space.default == {}
    with pytest.raises(StudyError, match="space: there is no parameter to search"):
        study.with_budget(trials=2)


def test_the_hash_is_of_the_meaning() -> None:
    study = Study.parse(COMPLETE)
    reordered = COMPLETE.replace("trials = 50\nhours = 24", "hours = 24.0  # a day\ntrials = 50")
    renamed = COMPLETE.replace("aneurysm-mra", "other").partition("[provenance]")[0]
    assert {Study.parse(reordered).hash, Study.parse(renamed).hash} == {study.hash}
    assert Study.parse(SMALL).hash == Study.parse(SMALL + "[parallel]\njobs = 1").hash
    assert Study.parse(COMPLETE.replace("0.3,", "0.4,")).hash != study.hash
    assert Study.parse(COMPLETE.replace("limit = 3.0", "limit = 3")).hash != study.hash


def test_a_study_that_says_what_is_feasible_is_another_one_and_others_keep_their_hash() -> None:
    assert Study.parse('feasible = "my_trainer:fits"\n' + SMALL).hash != Study.parse(SMALL).hash
    before_there_was_such_a_key = "238b8294d9fb160f7c2c805561221d28676deae414ddb01434446aed64d2b973"
    assert Study.parse(SMALL).hash == before_there_was_such_a_key


def test_what_says_what_is_feasible_is_written_and_kept_with_another_budget() -> None:
    study = Study.parse('feasible = "my_trainer:fits"\n' + SMALL)
    assert study.to_toml().splitlines()[:3] == [
        'name = "study"',
        'trainer = "my_trainer:train"',
        'feasible = "my_trainer:fits"',
    ]
    assert study.with_budget(trials=3).feasible == Study.parse(study.to_toml()).feasible == "my_trainer:fits"


def test_when_to_give_up_changes_no_result_and_no_hash() -> None:
    assert Study.parse(SMALL + "[budget]\nmax_failures = 3").hash == Study.parse(SMALL).hash
    assert Study.parse(SMALL).budget.max_failures is None


def test_another_budget_leaves_the_rest_alone() -> None:
    study = Study.parse(COMPLETE, source="a.toml", directory=Path("/"))
    longer = study.with_budget(trials=80)
    assert (longer.budget.trials, longer.budget.hours, longer.budget.attempt_seconds) == (80, 24.0, 3600.0)
    assert (longer.source, longer.directory, longer.space) == ("a.toml", Path("/"), study.space)
    assert Study.parse(longer.text).hash == longer.hash != study.hash
    assert longer.with_budget(trials=50).hash == study.hash
    with pytest.raises(StudyError, match=r"budget.trials: 0 is out of range; write a number >= 1"):
        study.with_budget(trials=0)


def test_another_number_of_jobs_leaves_the_rest_alone() -> None:
    study = Study.parse(COMPLETE).with_jobs(3)
    assert (study.parallel.jobs, study.threads) == (3, 2)


def test_a_study_is_written_as_it_is_read() -> None:
    written = Study.parse(COMPLETE).to_toml()
    assert Study.parse(written).hash == Study.parse(COMPLETE).hash
    assert Study.parse(written).provenance == {"campaign": "other", "trial": 3}
    assert "lr = { type = \"float\", low = 0.0001, high = 0.3, log = true }" in written.splitlines()  # fmt: skip
    assert Study.parse(written).to_toml() == written


def test_pydantic_waits_until_a_study_is_read() -> None:
    script = "import sys, bohpo; print('pydantic' in sys.modules); bohpo.Study; print('pydantic' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "True"]
