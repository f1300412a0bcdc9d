"""The job script: dask-jobqueue writes it, with bohpo's own worker as its command.

Nothing of dask runs in a job. Only this module, and so only a driver that submits, imports dask-jobqueue.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
import shlex
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from bohpo.cluster.backends.backend import Backend, JobRequest
from bohpo.cluster.commands import Printed, run_anyway
from bohpo.cluster.interpreter import with_node_interpreter
from bohpo.cluster.listing import queue_name
from bohpo.cluster.protocol import Job
from bohpo.errors import QueueError, UsageError
from bohpo.forced_exit import STOP_SIGNALS
from bohpo.processes import WALL_SECONDS
from bohpo.study import Cluster

_CONFIGURATION = "bohpo"
"""Name of a configuration of dask that nobody has, so that no file of a user's home changes a script."""

_DEFAULTS = {
    "cores": 1,
    "memory": "1 GB",
    "processes": 1,
    "python": sys.executable,
    "name": None,
    "interface": None,
    "death-timeout": None,
    "local-directory": None,
    "extra": None,
    "worker-command": "",
    "worker-extra-args": [],
    "shebang": "#!/usr/bin/env bash",
    "queue": None,
    "account": None,
    "project": None,
    "walltime": None,
    "env-extra": None,
    "job-script-prologue": [],
    "job-cpu": None,
    "job-mem": None,
    "job-extra": None,
    "job-extra-directives": [],
    "job-directives-skip": [],
    "header-skip": None,
    "log-directory": None,
    "resource-spec": None,
    "ncpus": None,
    "mem": None,
    "lsf-units": None,
    "use-stdin": True,
    "disk": None,
    "memory-per-core-property-name": "not_applicable",
    "submit-command-extra": [],
    "cancel-command-extra": [],
}

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/+@=,~-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Refusal(Exception):
    """The queue's command to submit a job left with an error; carries what it printed."""

    def __init__(self, printed: Printed) -> None:
        """Keep what it printed."""
        self.printed = printed
        super().__init__(printed.words)


class JobScript:
    """The script of one job, and its way into the queue."""

    def __init__(self, backend: Backend, settings: Cluster, job: Job) -> None:
        """Write the script.

        Raises:
            UsageError: If a path of the job cannot be written into a script, or dask-jobqueue is not installed.
        """
        self._backend = backend
        self._job = job
        self._dask_job = _dask_job(backend, settings, job)

    @property
    def text(self) -> str:
        """The script that `submit` submits, byte for byte."""
        return str(self._dask_job.job_script())

    def submit(self) -> str:
        """Submit the job, once.

        Returns:
            The queue's name for it.

        Raises:
            QueueError: If the queue refuses it or does not answer.
        """
        try:
            _finish(self._dask_job.start())
        except Refusal as refusal:
            raise _refused(self._backend, self._job, refusal) from refusal
        except ValueError as error:
            first = str(error).splitlines()[-1]
            raise QueueError(f"{self._job.name}: {self._backend.submit} printed no job id, but {first!r}") from error
        return str(self._dask_job.job_id)


def _dask_job(backend: Backend, settings: Cluster, job: Job) -> Any:
    _check(job)
    job_class = _job_class(backend)
    import dask.config

    request = JobRequest(queue_name(job.name, backend.longest_name), job.log, settings)
    options = backend.options(request)
    if isinstance(options["job_extra_directives"], list):
        options["job_extra_directives"] = [*options["job_extra_directives"], *settings.directives]
    prologue = [backend.escape(line) for line in _prologue(settings, job)]
    with dask.config.set({f"jobqueue.{_CONFIGURATION}": _DEFAULTS}):
        dask_job = job_class(
            scheduler="none",
            name=request.name,
            job_name=request.name,
            config_name=_CONFIGURATION,
            job_script_prologue=prologue,
            **options,
        )
    command = backend.escape(backend.wrap(_worker_command(settings, job)))
    dask_job._command_template = "; ".join([*prologue, command]) if backend.is_one_line else command
    return dask_job


def _refused(backend: Backend, job: Job, refusal: Refusal) -> QueueError:
    words = refusal.printed.words
    is_for_good = any(known.lower() in words.lower() for known in backend.for_good)
    remedy = "correct [cluster]; `bohpo launch --dry-run` shows the script" if is_for_good else "it is asked again"
    return QueueError(f"{job.name}: {backend.submit} refused it: {words}; {remedy}", is_for_good=is_for_good)


def _check(job: Job) -> None:
    """Refuse what a queue's directives and the shell cannot both hold."""
    if not _PLAIN_PATH.fullmatch(str(job.log)):
        problem = f"the path {str(job.log)!r} cannot be written into a job script"
        raise UsageError(f"{problem}; choose another --directory, of letters, digits and . _ / + @ = , ~ -")
    for word in (*job.command, *job.environment.values()):
        if not word.isprintable():
            raise UsageError(f"{word!r} cannot be written into a job script; choose another --directory")
    if not all(map(_NAME.fullmatch, job.environment)):
        raise UsageError(f"{sorted(job.environment)} are no names of environment variables")


def _prologue(settings: Cluster, job: Job) -> list[str]:
    """Give the lines before the worker; the wall time is counted from the job's start, the set-up lines included."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in job.environment.items()]
    wall = settings.wall_seconds
    clock = [] if wall is None else [f"export {WALL_SECONDS}=$(({wall} - ${{SECONDS:-0}}))"]
    return [*exports, *settings.setup, *clock]


def _worker_command(settings: Cluster, job: Job) -> str:
    return shlex.join([*(settings.container or ()), *with_node_interpreter(job.command, settings)])


@functools.cache
def _job_class(backend: Backend) -> Any:
    """Make the backend's job class, which runs the queue's commands as bohpo does; imports dask-jobqueue."""
    try:
        with _kept_signal_handlers():
            module = importlib.import_module(f"dask_jobqueue.{backend.job_class[0]}")
    except ImportError as error:
        raise not_installed(backend) from error
    base = getattr(module, backend.job_class[1])
    return type(base.__name__, (base,), {"_call": staticmethod(_call), "job_id_regexp": backend.job_id})


@contextlib.contextmanager
def _kept_signal_handlers() -> Iterator[None]:
    """Keep the handlers that stop the driver: dask-jobqueue's import replaces them by ones that end the process.

    Only the main thread may set handlers, so in another one the import would fail. Its request is passed over instead.
    """
    set_handler = signal.signal

    def set_in_main_thread(number: int, handler: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return set_handler(number, handler)
        return signal.getsignal(number)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    signal.signal = set_in_main_thread  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = set_handler
        for number, handler in before.items():
            set_in_main_thread(number, handler)


def not_installed(backend: Backend) -> UsageError:
    """Give the error for a Python without dask-jobqueue."""
    return UsageError(f"cluster.backend: {backend.name!r} needs dask-jobqueue; pip install 'bohpo[cluster]'")


async def _call(command: Sequence[str], *, shell: bool = False) -> str:
    """Run a command in place of dask-jobqueue, which has no time limit and for LSF no ear for what is complained of."""
    if shell:
        command = ("/bin/sh", "-c", " ".join(command).removesuffix(" 2> /dev/null"))
    printed = run_anyway(command)
    if printed.exit_code:
        raise Refusal(printed)
    return printed.out


def _finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits, as dask-jobqueue's do with `_call`: no event loop is needed, or in the way."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("dask-jobqueue waits for something")
