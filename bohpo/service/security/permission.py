"""What may be launched: study files in the administrator's folders, and from elsewhere only listed trainers.

Whoever may write a study may have its trainer do anything, and there are other ways to name code: a command, lines of
shell at the beginning of a job, an interpreter. So a study that somebody sends may name a listed trainer and ask the
queue for resources, nothing else; a file in a listed folder is the administrator's own word. A campaign is resumed if
its study could be launched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.clean_text import is_clean
from bohpo.errors import BohpoError, Mistake, NotFoundError, StudyError, UsageError
from bohpo.service.settings import BODY_BYTES, Settings
from bohpo.store.records import Campaign
from bohpo.study import Study

ENTRIES = ("trainer", "evaluator", "feasible")
COMMANDS = ("command", "evaluate_command")
RESOURCES = frozenset(
    ("backend", "queue", "account", "wall_time", "cpus", "memory", "gpus", "nodes", "attempts_per_job")
)
"""Keys of [cluster] that run nothing."""

CHANGED_BY_FLAGS = {"name", "budget", "parallel", "provenance"}


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A study file that may be launched.

    Attributes:
        id: Names it in addresses; made here, so that no path ever comes from outside.
        folder: The listed folder.
        file: Its name there.
    """

    id: str
    folder: Path
    file: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / self.file


class Permission:
    """Tells what the administrator lets be launched."""

    def __init__(self, settings: Settings) -> None:
        """Go by `settings`."""
        self._settings = settings

    def files(self) -> list[StudyFile]:
        """List the study files of the listed folders; links are passed over."""
        return sorted(self._files(), key=lambda known: (str(known.folder), known.file))

    def file(self, file_id: str) -> StudyFile:
        """Give the study file of an id.

        Raises:
            NotFoundError: If there is none, or there is none any more.
        """
        for known in self._files():
            if known.id == file_id:
                return known
        raise NotFoundError(f"there is no study {file_id!r}; the administrator lists folders of them in serve.studies")

    def mistakes(self, study: Study) -> tuple[Mistake, ...]:
        """List what a study that somebody sent must not name."""
        return tuple(self._mistakes(study))

    def check_resume(self, campaign: Campaign, study: Study) -> None:
        """Refuse to go on with a campaign that could not have been launched here.

        Raises:
            UsageError: If its study names what the administrator did not list.
        """
        where = Path(campaign.provenance.get("working_directory", ""))
        if not any(_same(study, known) and known.working_directory == where for known in self._studies()):
            mistakes = self.mistakes(study)
            if not mistakes and where != self._settings.working_directory.resolve():
                mistakes = (Mistake("trainer", f"it is looked for in {where}", "start the service there"),)
            if mistakes:
                told = f"{mistakes[0]}; or go on with it on its host: `bohpo resume {campaign.name}`"
                raise UsageError(f"campaign {campaign.name!r} cannot be resumed from here: {told}")

    def _mistakes(self, study: Study) -> Iterator[Mistake]:
        listed = self._settings.serve.trainers
        remedy = f"name one of: {', '.join(listed)}" if listed else "choose one of the listed study files"
        for key in ENTRIES:
            entry = getattr(study, key)
            if entry is not None and entry not in listed:
                yield Mistake(key, f"{entry!r} is not among the trainers of this service", remedy)
        for key in COMMANDS:
            if getattr(study, key) is not None:
                yield Mistake(key, "is run by study files of the listed folders only", remedy)
        for key in study.cluster.model_fields_set - RESOURCES:
            yield Mistake(f"cluster.{key}", "is for the administrator to say, in bohpo.toml", "leave it out")

    def _files(self) -> Iterator[StudyFile]:
        for folder in self._settings.studies:
            for path in folder.glob("*.toml"):
                is_own = path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(folder)
                if is_own and is_clean(str(path)) and path.name != "bohpo.toml":
                    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
                    yield StudyFile(name, folder, path.name)

    def _studies(self) -> Iterator[Study]:
        for known in self._files():
            try:
                yield Study.load(known.path)
            except BohpoError:
                continue


def text_of(known: StudyFile) -> str:
    """Read a study file.

    Raises:
        StudyError: If it is no text, or too long to be a study.
    """
    try:
        content = known.path.read_bytes()[: BODY_BYTES + 1]
        if len(content) <= BODY_BYTES:
            return content.decode()
    except OSError as error:
        raise NotFoundError(f"{known.file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        mistake = Mistake(f"byte {error.start}", "the file is not UTF-8 text", "save it as UTF-8")
        raise StudyError(known.file, (mistake,)) from error
    raise StudyError(known.file, (Mistake("file", "is too long for a study", "shorten it"),))


def _same(study: Study, known: Study) -> bool:
    """Tell whether two studies differ in nothing but what a launch may change."""
    return _meaning(study) == _meaning(known)


def _meaning(study: Study) -> dict[str, Any]:
    meaning = study.model_dump(by_alias=True, exclude=CHANGED_BY_FLAGS)
    meaning["cluster"].pop("backend", None)
    return meaning
