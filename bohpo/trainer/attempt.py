"""An attempt on disk: what the driver, the worker and the trainer tell each other.

`<campaign>/trials/<number>/attempt-<k>/` holds

| file            | written by        | what                                                                        |
| --------------- | ----------------- | --------------------------------------------------------------------------- |
| attempt.json    | driver            | the `AttemptSpec`: what to run, for how long, with which seed               |
| config.json     | driver            | the configuration, fixed parameters included; `BOHPO_CONFIG` names it       |
| progress.jsonl  | trainer           | `{"step": 1, "value": 0.3, "time": ...}` a line, growing                    |
| log.txt         | worker            | what the trainer printed, capped                                            |
| worker.log      | worker, its shell | what went wrong around the trainer; empty as a rule                         |
| heartbeat       | worker            | touched every few seconds while the attempt runs                            |
| devices.json    | worker            | the GPUs of its job, as a list of ids; only where it has some               |
| checkpoint/     | trainer           | atomic, checksummed, the last two kept                                      |
| model/          | trainer           | what `evaluate` needs; kept for the best trials                             |
| outcome.json    | trainer           | the `Outcome`, atomic                                                       |
| ended.json      | worker            | how the attempt ended and why; the last thing that is written               |
| closed          | driver            | made before the attempt is recorded as preempted or lost: no worker begins  |

An external command, in any language, finds these in its environment:

| variable          | what                                                                                      |
| ----------------- | ----------------------------------------------------------------------------------------- |
| BOHPO_DIRECTORY   | the folder                                                                                |
| BOHPO_CONFIG      | config.json                                                                               |
| BOHPO_SEED        | seed of the training                                                                      |
| BOHPO_THREADS     | CPU threads that it may use                                                               |
| BOHPO_CHECKPOINT  | folder to save checkpoints in                                                             |
| BOHPO_RESUME_FROM | checkpoint folders of earlier attempts, latest first, separated by colons; may be empty   |
| BOHPO_MODEL       | folder to save the model in; for an evaluation, the model to score                        |

It leaves with exit code 71 where memory ran out. On SIGTERM it has 20 s to save a checkpoint and leave with exit code
75. The signal goes to the command's own process, not to its children, which may be loading data for it: a shell script
starts the training by `exec`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.durable import read_json, write_json
from bohpo.regular_files import UnusableFileError, read_regular
from bohpo.trainer.progress import ProgressReader

NOT_OURS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnusableFileError)
"""What reading `attempt.json` raises where the folder is not the attempt's; other errors say nothing of that."""

STOPPED_EXIT_CODE = 75
"""Exit code by which a trainer says: stopped early with a checkpoint, run me again (EX_TEMPFAIL of sysexits.h)."""

OUT_OF_MEMORY_EXIT_CODE = 71
"""Exit code by which a trainer says: memory ran out, and would again (EX_OSERR of sysexits.h)."""


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """What a worker needs to run one attempt.

    Attributes:
        campaign: Name of the campaign.
        trial: Number of the trial.
        number: 1 for the first attempt, and so on.
        uid: Identity of the trial, which tells its files from those that another database's trial left here.
        entry: `module:function` of a Python trainer, or empty.
        command: External command, or empty.
        working_directory: Where the trainer runs; also the first place where Python looks for its module.
        metric: Metric of the outcome that must be there.
        bounds: Least and greatest value that the metric may have, None for open.
        seed: Seed of the training.
        threads: CPU threads that the trainer may use, all its processes together.
        processes: Processes that a Python trainer is run as, one per GPU, see `bohpo.trainer.ranks`.
        deadline_seconds: Seconds after which the attempt is killed, or None.
        silence_seconds: Seconds without a report after which the attempt is killed, or None.
        log_bytes: Length at which the log is cut.
        earlier_checkpoints: Checkpoint directories of earlier attempts, latest first.
        model: Model directory that an evaluation scores, or empty for a training.
    """

    campaign: str
    trial: int
    number: int
    uid: str = ""
    entry: str = ""
    command: tuple[str, ...] = ()
    working_directory: str = "."
    metric: str = "value"
    bounds: tuple[float | None, float | None] = (None, None)
    seed: int = 0
    threads: int = 1
    processes: int = 1
    deadline_seconds: float | None = None
    silence_seconds: float | None = None
    log_bytes: int = 10_000_000
    earlier_checkpoints: tuple[str, ...] = ()
    model: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the spec as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AttemptSpec:
        """Take a spec from `to_json`'s dictionary."""
        tuples = {key: tuple(data[key]) for key in ("command", "bounds", "earlier_checkpoints")}
        return cls(**{**data, **tuples})


@dataclass(frozen=True, slots=True)
class AttemptDirectory:
    """The files of one attempt."""

    path: Path

    @property
    def spec(self) -> Path:
        """What to run."""
        return self.path / "attempt.json"

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.path / "config.json"

    @property
    def progress(self) -> Path:
        """What the trainer reports while it runs."""
        return self.path / "progress.jsonl"

    @property
    def log(self) -> Path:
        """What the trainer printed."""
        return self.path / "log.txt"

    @property
    def worker_log(self) -> Path:
        """What the worker and the shell around it printed."""
        return self.path / "worker.log"

    @property
    def closed(self) -> Path:
        """Bars workers that begin late: another attempt takes over."""
        return self.path / "closed"

    @property
    def devices(self) -> Path:
        """The GPUs of the job."""
        return self.path / "devices.json"

    @property
    def heartbeat(self) -> Path:
        """Touched by the worker while the attempt runs."""
        return self.path / "heartbeat"

    @property
    def checkpoint(self) -> Path:
        """The trainer's checkpoints."""
        return self.path / "checkpoint"

    @property
    def model(self) -> Path:
        """What an evaluation needs of the training."""
        return self.path / "model"

    @property
    def outcome(self) -> Path:
        """What the training came to."""
        return self.path / "outcome.json"

    @property
    def ended(self) -> Path:
        """How the attempt ended."""
        return self.path / "ended.json"

    def prepare(self, spec: AttemptSpec, configuration: dict[str, Any]) -> None:
        """Write what the worker reads; harmless when repeated. Files of another trial are moved aside."""
        self.make_folder(spec)
        write_json(self.spec, spec.to_json())
        write_json(self.config, configuration)

    def make_folder(self, spec: AttemptSpec) -> None:
        """Make the folder unless it is this trial's; move aside whatever else lies at its path or its trial's."""
        if os.path.lexists(self.path.parent) and not self.path.parent.is_dir():
            move_aside(self.path.parent)
        if os.path.lexists(self.path) and not self.belongs_to(spec.uid):
            move_aside(self.path)
        self.path.mkdir(parents=True, exist_ok=True)

    def belongs_to(self, uid: str) -> bool:
        """Return whether the files are of the trial of this identity.

        Raises:
            OSError: If the file system does not give them, which says nothing of whose they are.
        """
        return self._read_identity()[:1] == (uid,)

    def is_of(self, spec: AttemptSpec) -> bool:
        """Return whether the files are of this very attempt, not of another one at its trial, or of a copied one.

        Raises:
            OSError: As for `belongs_to`.
        """
        return self._read_identity() == (spec.uid, spec.number)

    def _read_identity(self) -> tuple[str, int] | tuple[()]:
        try:
            spec = self.read_spec()
        except (*NOT_OURS, ValueError, KeyError, TypeError):
            return ()
        return spec.uid, spec.number

    def read_spec(self) -> AttemptSpec:
        """Read what `prepare` wrote."""
        return AttemptSpec.from_json(json.loads(read_regular(self.spec)))

    def read_configuration(self) -> dict[str, Any]:
        """Read the configuration."""
        return dict(json.loads(read_regular(self.config)))

    def read_progress(self) -> list[tuple[int, float]]:
        """Return the reports so far as (step, value); of many, some thousands, as `ProgressReader` thins them out."""
        return ProgressReader(self.progress).read()

    def read_ended(self) -> dict[str, Any] | None:
        """Read how the attempt ended, or None while it runs."""
        return read_json(self.ended)


def move_aside(path: Path) -> None:
    """Rename what lies at a path, so that something else can take its place."""
    path.rename(path.with_name(f"{path.name}.aside-{uuid.uuid4().hex[:8]}"))
