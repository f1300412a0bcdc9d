"""The study: which trainer, which hyperparameters, which score, how much budget, which cluster."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, ValidationError, ValidationInfo, model_validator

from bohpo.errors import Mistake, NotFoundError, StudyError
from bohpo.space import Space
from bohpo.study.cluster import Cluster
from bohpo.study.contradictions import contradictions
from bohpo.study.entry import find_working_directory
from bohpo.study.python_values import home_of, to_plain
from bohpo.study.tables import (
    Budget,
    CommandLine,
    Entry,
    Objective,
    OptimizerTable,
    Parallel,
    ParameterTable,
    Table,
    TomlScalar,
    Training,
)
from bohpo.study.toml import write_toml
from bohpo.study.toml_reader import TomlError, parse_toml, read_toml_text, unreadable_values
from bohpo.study.translation import translate_all

NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a study and a campaign may be called: it names a folder, and jobs in a queue."""


class Study(Table):
    """A study file, checked.

    `Study(name=..., trainer=..., objective=..., space=...)` builds one from Python values, laid out as the file is.

    Attributes:
        name: What a campaign is called where it is given no other name.
        trainer: `module:function`, or None where there is a command.
        command: External command, or None where there is a trainer.
        feasible: `module:function` that says whether a configuration can be trained at all, or None.
        evaluator: `module:function` that scores a model, where it is not `evaluate` of the trainer's module.
        evaluate_command: External command that scores a model.
        objective: What is optimized.
        budget: When enough has been tried.
        parallel: How much runs at a time.
        optimizer: How configurations are proposed.
        training: What every training is told beside its configuration.
        parameters: The [space] as it is written; `space` is what it means.
        fixed: Handed to the trainer unsearched.
        cluster: Where jobs run.
        provenance: Where an exported study came from; without effect.
    """

    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    trainer: Entry | None = None
    command: CommandLine | None = None
    feasible: Entry | None = None
    evaluator: Entry | None = None
    evaluate_command: CommandLine | None = None
    objective: Objective
    budget: Budget = Budget()
    parallel: Parallel = Parallel()
    optimizer: OptimizerTable = OptimizerTable()
    training: Training = Training()
    parameters: dict[str, ParameterTable] = Field(default={}, alias="space")
    fixed: dict[str, TomlScalar] = Field(default={})
    cluster: Cluster = Cluster()
    provenance: dict[str, TomlScalar] = Field(default={})

    _source: str = PrivateAttr(default="study.toml")
    _directory: Path = PrivateAttr(default=Path())
    _text: str = PrivateAttr(default="")
    _fitting_jobs: int | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, path: Path | str) -> Study:
        """Read a study file.

        Raises:
            NotFoundError: If there is no such file.
            StudyError: If the file has mistakes; it names all of them.
        """
        path = Path(path)
        try:
            text = read_toml_text(path)
        except TomlError as error:
            raise StudyError(str(path), (error.mistake,)) from error
        except OSError as error:
            raise NotFoundError(f"{path}: {error.strerror}; `bohpo new NAME` writes a study to begin with") from error
        return cls.parse(text, source=str(path), directory=path.resolve().parent)

    @classmethod
    def parse(cls, text: str, *, source: str = "study.toml", directory: Path | None = None) -> Study:
        """Read a study from TOML.

        Args:
            text: TOML.
            source: What to call it in messages; its stem is the study's name where the text gives none.
            directory: Folder to look for the trainer in before the current one.

        Raises:
            StudyError: If there are mistakes; it names all of them.
        """
        try:
            data = parse_toml(text)
        except TomlError as error:
            raise StudyError(source, (error.mistake,)) from error
        return cls.from_data(data, source=source, directory=directory, text=text)

    @classmethod
    def from_data(
        cls, data: Mapping[str, Any], *, source: str = "study.toml", directory: Path | None = None, text: str = ""
    ) -> Study:
        """Build a study from a dictionary laid out as the file is; `parse` explains the rest.

        Numbers and paths may be of any kind, and `trainer` a function that another process can import.

        Raises:
            StudyError: If there are mistakes; it names all of them.
        """
        origin = {"source": source, "directory": directory, "text": text}
        return cls.model_validate({"name": _name_of(source), **data}, context=origin)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, build: ModelWrapValidatorHandler[Study], info: ValidationInfo) -> Study:
        """Build a study, from a file or by its constructor, or raise `StudyError` with all that is wrong with it."""
        if not isinstance(data, Mapping):
            return build(data)
        origin = info.context or {}
        source = origin.get("source", "study")
        plain, mistakes = to_plain({"name": data.get("name"), "objective": {}, **data})
        if unreadable := unreadable_values(plain):
            raise StudyError(source, _in_order_of_file(mistakes + unreadable, plain))
        mistakes += contradictions(plain)
        try:
            study = build(plain)
        except ValidationError as error:
            mistakes = translate_all(error, cls) + mistakes
        if mistakes:
            raise StudyError(source, _in_order_of_file(mistakes, plain))
        study._source = source
        study._directory = (origin.get("directory") or home_of(data.get("trainer")) or Path()).resolve()
        study._text = origin.get("text") or study.to_toml()
        return study

    @cached_property
    def space(self) -> Space:
        """The search space."""
        return Space(tuple(table.parameter(name) for name, table in self.parameters.items()))

    @property
    def text(self) -> str:
        """The TOML that this study was read from, or that reads back as the same where it was built in Python."""
        return self._text

    @property
    def source(self) -> str:
        """What the study is called in messages: its file."""
        return self._source

    @property
    def directory(self) -> Path:
        """Folder of the study file, absolute."""
        return self._directory

    @property
    def hash(self) -> str:
        """SHA-256 of what the study means; its name, provenance and cluster, comments and order do not count."""
        meaning = self.model_dump(by_alias=True, exclude={"name", "provenance", "cluster"})
        meaning["cluster"] = {"backend": "local"}  # where it runs changes no result; older studies keep their hash
        if self.feasible is None:  # studies that were launched before there was such a key keep their hash
            del meaning["feasible"]
        del meaning["budget"]["max_failures"]  # when to give up changes no result
        if self.training.processes == 1:  # likewise
            del meaning["training"]["processes"]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    @property
    def working_directory(self) -> Path:
        """Where trainers run, absolute: the study file's folder if the trainer is found there, else the current one."""
        return find_working_directory(self.trainer, self.command, self.feasible, (self._directory, Path.cwd()))

    @property
    def evaluation_entry(self) -> str:
        """`module:function` that scores a model, or empty where a command has to."""
        if self.evaluator or self.evaluate_command or not self.trainer:
            return self.evaluator or ""
        return self.trainer.partition(":")[0] + ":evaluate"

    @property
    def jobs(self) -> int:
        """Jobs at a time; where the study says "auto", the number that `with_fitting_jobs` was given."""
        if not isinstance(self.parallel.jobs, str):
            return self.parallel.jobs
        if self._fitting_jobs is None:
            problem = '"auto" is a number only on the host that runs the jobs'
            raise StudyError(self._source, (Mistake("parallel.jobs", problem, "write a number"),))
        return self._fitting_jobs

    @property
    def threads(self) -> int:
        """CPU threads of each job: local jobs that name no number share this machine's cores equally."""
        named = self.parallel.threads or self.cluster.cpus
        if self.cluster.backend != "local":
            return named or 1
        return named or max(1, len(os.sched_getaffinity(0)) // self.jobs)

    def with_budget(self, *, trials: int | None = None, hours: float | None = None) -> Study:
        """Give the same study with more or less to spend; None leaves a figure as it is.

        Raises:
            StudyError: If the study makes no sense with it.
        """
        return self._with("budget", trials=trials, hours=hours)

    def with_jobs(self, jobs: int) -> Study:
        """Give the same study with `jobs` jobs at a time.

        Raises:
            StudyError: If it is less than one.
        """
        return self._with("parallel", jobs=jobs)

    def with_backend(self, backend: str) -> Study:
        """Give the same study on another cluster.

        Raises:
            StudyError: If there is no such backend.
        """
        return self._with("cluster", backend=backend)

    def on(self, cluster: Cluster) -> Study:
        """Give the same study, its text included, on a cluster whose settings were looked up elsewhere, too."""
        return self.model_copy(update={"cluster": cluster})

    def with_fitting_jobs(self, jobs: int) -> Study:
        """Return the same study, its text included, with the number of jobs that `parallel.jobs = "auto"` means."""
        study = self.model_copy()
        study._fitting_jobs = jobs
        return study

    def as_written(self) -> Study:
        """Return this study, or the checked one of a copy that was changed unchecked (`model_copy`), with its own text.

        Raises:
            StudyError: If the changed copy has mistakes.
        """
        written = type(self).parse(self._text, source=self._source, directory=self._directory)
        if written._data() == self._data():
            return self
        return type(self).from_data(self._data(), source=self._source, directory=self._directory)

    def to_toml(self) -> str:
        """Write the study as TOML that reads back as the same."""
        return write_toml(self._data())

    def _data(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)

    def _with(self, table: str, **values: float | str | None) -> Study:
        data = self._data()
        data[table] = {**data.get(table, {}), **{key: value for key, value in values.items() if value is not None}}
        return type(self).from_data(data, source=self._source, directory=self._directory)


def _name_of(source: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(source).stem).lstrip("._-")[:64] or "study"


def _in_order_of_file(mistakes: list[Mistake], data: Mapping[str, Any]) -> tuple[Mistake, ...]:
    tables = list(data)
    rank = {key: (index, -1) for index, key in enumerate(tables)}
    for index, key in enumerate(tables):
        if isinstance(data[key], Mapping):
            rank |= {f"{key}.{name}": (index, place) for place, name in enumerate(data[key])}

    def place(mistake: Mistake) -> tuple[int, int]:
        path = re.split(r"[.\[]", mistake.key)
        return rank.get(".".join(path[:2]), rank.get(path[0], (len(tables), 0)))

    return tuple(sorted((_on_one_line(mistake) for mistake in mistakes), key=place))


def _on_one_line(mistake: Mistake) -> Mistake:
    parts = (mistake.key, mistake.problem, mistake.remedy)
    return Mistake(*(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", part) for part in parts))
