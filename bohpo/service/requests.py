"""What somebody asks to have launched: read, held against what is permitted, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bohpo.durable import write_atomically
from bohpo.errors import Mistake, StudyError, UsageError
from bohpo.service.checking import examined
from bohpo.service.drivers import Launch, digest_of
from bohpo.service.security.permission import Permission, text_of
from bohpo.service.settings import Settings
from bohpo.study import Settled, Study

SENT = "study.toml"
"""What a study that was sent is called in messages, and its file."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A launch as it was asked for.

    Attributes:
        study: Text of a study, or None where `file` names one.
        file: Id of a study file, or None.
        name: Name of the campaign; the study's by default.
        trials: Trials to run in all, instead of the study's.
        workers: Jobs at a time, instead of the study's.
        cluster: Where jobs run, instead of as the study says.
    """

    study: str | None
    file: str | None
    name: str | None = None
    trials: int | None = None
    workers: int | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What was asked for, read.

    Attributes:
        source: What the study is called in messages.
        path: Its file; one that was sent is there from the launch on.
        text: Its text.
        study: The study with the flags, or None where it has mistakes.
        settled: The same with all that holds for its cluster, or None where it has mistakes.
        mistakes: All of them.
    """

    source: str
    path: Path
    text: str
    study: Study | None
    settled: Settled | None
    mistakes: tuple[Mistake, ...] = ()


def read(wanted: Wanted, settings: Settings, permission: Permission) -> Read:
    """Read what was asked for, and find all mistakes.

    Raises:
        UsageError: If there is neither a text nor a file, or both.
        NotFoundError: If there is no such file.
    """
    if (wanted.study is None) == (wanted.file is None):
        raise UsageError("send either `study`, the text of a study, or `file`, the id of one that is listed")
    if wanted.file is not None:
        known = permission.file(wanted.file)
        source, path, text = known.file, known.path, text_of(known)
    else:
        text = wanted.study or ""
        source, path = SENT, settings.own_directory / "launches" / digest_of({"study": text})[:32] / SENT
    try:
        study = _with_flags(Study.parse(text, source=source, directory=path.parent), wanted)
        mistakes = () if wanted.file is not None else permission.mistakes(study)
        more, settled = examined(study, backend=wanted.cluster)
    except StudyError as error:
        return Read(source, path, text, None, None, error.mistakes)
    if mistakes or more:
        return Read(source, path, text, None, None, (*mistakes, *more))
    return Read(source, path, text, study, settled)


def prepared(wanted: Wanted, asked: Read) -> Launch:
    """Make a launch of what was read; a study that was sent is written down.

    Raises:
        StudyError: If it has mistakes; names all of them.
    """
    if asked.study is None:
        raise StudyError(asked.source, asked.mistakes)
    if wanted.file is None:
        asked.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(asked.path, asked.text.encode())
    name = asked.study.name if wanted.name is None else wanted.name
    return Launch(asked.path, name, wanted.trials, wanted.workers, wanted.cluster)


def _with_flags(study: Study, wanted: Wanted) -> Study:
    if wanted.trials is not None:
        study = study.with_budget(trials=wanted.trials)
    if wanted.workers is not None:
        study = study.with_jobs(wanted.workers)
    return study
