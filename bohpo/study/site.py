"""What a site and the environment say of the cluster, put together with what a study says.

A later one holds against an earlier one, key by key:

| from                                  | what                                                        |
| ------------------------------------- | ----------------------------------------------------------- |
| default                               | `bohpo.study.cluster.Cluster`                               |
| `~/.config/bohpo/site.toml`           | this user's cluster, a table [cluster]                      |
| `bohpo.toml` in the current directory | this project's                                              |
| `bohpo.toml` beside the study         | the same, nearer                                            |
| the study's [cluster]                 | what this study needs                                       |
| `BOHPO_CLUSTER_QUEUE` and so on       | this shell's; lists as lines, a command as the shell has it |
| a flag                                | `--cluster`                                                 |
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from bohpo.errors import Mistake, StudyError
from bohpo.study.cluster import Cluster
from bohpo.study.study import Study
from bohpo.study.tables import AUTO, Table
from bohpo.study.toml_reader import TomlError, parse_toml, read_toml_text
from bohpo.study.translation import translate_all

PREFIX = "BOHPO_CLUSTER_"

_FLAGS = "command line"
_NUMBERS = ("cpus", "gpus", "nodes", "attempts_per_job")
_SHARE = re.compile(r"\d{0,9}\.\d{1,9}")
_LINES = ("setup", "directives")
_FOREIGN = {
    "slurm": ("resources",),
    "lsf": ("resources",),
    "htcondor": ("queue", "nodes", "resources"),
}
"""Keys that have no meaning for a queue."""


class SiteFile(Table):
    """A site file.

    Attributes:
        cluster: Settings of the cluster for all studies that do not say otherwise.
        serve: What the administrator says of the service, which is the service's to check.
    """

    cluster: Cluster = Field(default=Cluster())
    serve: dict[str, Any] = Field(default={})


@dataclass(frozen=True, slots=True)
class Settled:
    """A study with all that holds for its cluster.

    Attributes:
        study: The study on the cluster as it was put together; its text is as it was.
        sources: Where each setting that is no default comes from, in words.
    """

    study: Study
    sources: Mapping[str, str]


def settle(study: Study, *, environment: Mapping[str, str] | None = None, backend: str | None = None) -> Settled:
    """Put together what holds for a study's cluster; done again, it changes nothing.

    Args:
        study: The study as its file has it.
        environment: Environment variables; this process's by default.
        backend: What a flag says, or None.

    Raises:
        StudyError: If a site file or an environment variable has mistakes; it names all of one of them.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, settings in _layers(study, environment, backend):
        merged |= settings
        sources |= dict.fromkeys(settings, source)
    if merged.get("backend", "local") != "local" and "cpus" not in merged and study.parallel.threads:
        merged["cpus"], sources["cpus"] = study.parallel.threads, "parallel.threads"
    if mistakes := [*_contradictions(merged), *_jobs_mistakes(study, merged)]:
        raise StudyError(sources.get(mistakes[0].key.removeprefix("cluster."), study.source), tuple(mistakes))
    return Settled(study.on(Cluster.model_validate(merged)), sources)


def _layers(
    study: Study, environment: Mapping[str, str], backend: str | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in _site_files(study, environment):
        yield str(path), _read(path)
    yield study.source, study.cluster.model_dump(exclude_unset=True)
    yield "environment", _from_environment(environment)
    if backend is not None:
        yield _FLAGS, _validated({"backend": backend}, _FLAGS)


def _site_files(study: Study, environment: Mapping[str, str]) -> list[Path]:
    configuration = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = [configuration / "bohpo" / "site.toml", Path.cwd() / "bohpo.toml", study.directory / "bohpo.toml"]
    return [path for path in dict.fromkeys(places) if path.is_file()]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = parse_toml(read_toml_text(path))
    except TomlError as error:
        raise StudyError(str(path), (error.mistake,)) from error
    except OSError as error:
        raise StudyError(str(path), (Mistake("file", f"{error.strerror}", "make it readable"),)) from error
    try:
        return SiteFile.model_validate(data).cluster.model_dump(exclude_unset=True)
    except ValidationError as error:
        raise StudyError(str(path), tuple(translate_all(error, SiteFile))) from error


def _from_environment(environment: Mapping[str, str]) -> Mapping[str, Any]:
    given = {name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)}
    return _validated({name.lower(): _parsed(name.lower(), value) for name, value in given.items()}, "environment")


def _parsed(key: str, value: str) -> object:
    if key in _NUMBERS and value.isascii() and value.isdigit():
        return int(value)
    if key == "gpus" and _SHARE.fullmatch(value):
        return float(value)
    if key in _LINES:
        return [line for line in value.splitlines() if line.strip()]
    if key == "container":
        return _words(value)
    return value


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:  # an open quote; the whole is refused, or is what was meant
        return [value]


def _validated(settings: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    try:
        return SiteFile.model_validate({"cluster": settings}).cluster.model_dump(exclude_unset=True)
    except ValidationError as error:
        mistakes = translate_all(error, SiteFile)
        raise StudyError(source, tuple(_named_after(source, mistake) for mistake in mistakes)) from error


def _named_after(source: str, mistake: Mistake) -> Mistake:
    key = mistake.key.removeprefix("cluster.")
    return Mistake("--cluster" if source == _FLAGS else PREFIX + key.upper(), mistake.problem, mistake.remedy)


def _contradictions(settings: Mapping[str, Any]) -> list[Mistake]:
    """List what is wrong between settings that may come from different places."""
    backend = settings.get("backend", "local")
    mistakes = [
        Mistake(f"cluster.{key}", f"{backend} has no such thing", "use the other keys, or cluster.directives")
        for key in _FOREIGN.get(backend, ())
        if key in settings
    ]
    gpus = settings.get("gpus", 0)
    if backend != "local" and 0 < gpus < 1:
        remedy = 'write a whole number; with backend = "local" several jobs share a GPU'
        mistakes.append(Mistake("cluster.gpus", f"{backend} gives a job whole GPUs, not {gpus:g} of one", remedy))
    if backend == "htcondor" and any("#" in line for line in settings.get("setup", ())):
        problem = "htcondor makes one line of all, of which # would hide the rest"
        mistakes.append(Mistake("cluster.setup", problem, "leave the comments out"))
    if backend != "local" and settings.get("attempts_per_job") == "until-walltime" and "wall_time" not in settings:
        problem = "there is no wall time to take attempts until"
        mistakes.append(Mistake("cluster.attempts_per_job", problem, "set cluster.wall_time, or write a number"))
    return mistakes


def _jobs_mistakes(study: Study, settings: Mapping[str, Any]) -> list[Mistake]:
    backend = settings.get("backend", "local")
    if backend == "local" or study.parallel.jobs != AUTO:
        return []
    problem = f'"{AUTO}" counts what fits this host, and the jobs of {backend} run elsewhere'
    return [Mistake("parallel.jobs", problem, "write a number, or launch with --workers")]
