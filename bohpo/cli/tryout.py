"""`bohpo try`: one short training of a study, by the worker that campaigns use; nothing is recorded."""

from __future__ import annotations

import contextlib
import json as json_text
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bohpo.campaign.launch import make_cluster
from bohpo.campaign.tryout import TryoutRun
from bohpo.campaign.tryout_checks import Check, Result, judge
from bohpo.cli.output import emit, say, table
from bohpo.cli.place import HERE, Place
from bohpo.cluster.host import settle_on_host
from bohpo.errors import StudyError, TryoutError, UsageError
from bohpo.space.checks import did_you_mean
from bohpo.study import (
    Study,
    check_entry,
    feasible_configuration,
    import_entries,
    load_feasibility,
    settle,
    why_not_imported,
)
from bohpo.trial import Scalar


def try_study(
    study: Path,
    /,
    *,
    config: list[str] | None = None,
    minutes: float = 10.0,
    job: bool = False,
    keep: bool = False,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Run one short training of a study, stop it, resume it and score its model; nothing is recorded.

    Args:
        study: Study file, TOML.
        config: A value to train with, key=value, of [space] or [fixed]; by default the centre of the space.
        minutes: Minutes that it may take, waiting in a queue included.
        job: Run it as jobs of the study's cluster, instead of processes of this machine.
        keep: Keep the folder with its files and logs.
        json: Print one JSON object.
        place: Where campaigns are kept; jobs of a queue get a folder beside them.

    Raises:
        NotFoundError: If there is no such file.
        StudyError: If the study has mistakes, or this host too few GPUs for one job.
        UsageError: If a value cannot be trained with.
        TryoutError: If a check failed.
    """
    if not 0 < minutes < float("inf"):
        raise UsageError(f"--minutes {minutes:g}: give a positive number of minutes")
    loaded = Study.load(study)
    if mistakes := check_entry(loaded):
        raise StudyError(str(study), mistakes)
    on_host = settle_on_host(settle(loaded, backend=None if job else "local"), at_a_time=1)
    settled = _one_job_at_a_time(on_host.study)
    settled, configuration = _configured(settled, config or [])
    with _ended_by_signals(), _folder(place, keep=keep, shared=settled.cluster.backend != "local") as folder:
        checks = _try(settled, configuration, folder, 60.0 * minutes)
    passed = all(check.result is not Result.FAIL for check in checks)
    if json:
        told = [{"name": c.name, "result": c.result.value, "detail": c.detail, "remedy": c.remedy} for c in checks]
        handed = {**settled.fixed, **configuration}
        kept = str(folder) if keep else None
        emit({"study": settled.name, "passed": passed, "configuration": handed, "checks": told, "directory": kept})
    else:
        table(("check", "result", "detail", "remedy"), [(c.name, c.result, c.detail, c.remedy) for c in checks])
    if not passed:
        raise TryoutError(f"{study}: {sum(c.result is Result.FAIL for c in checks)} of {len(checks)} checks failed")


def _one_job_at_a_time(study: Study) -> Study:
    return study.on(study.cluster.model_copy(update={"attempts_per_job": 1}))


def _try(study: Study, configuration: Mapping[str, Scalar], folder: Path, seconds: float) -> list[Check]:
    skipped = why_not_imported(study)
    evaluates = bool(study.evaluation_entry or study.evaluate_command)
    checks = [Check("import", Result.UNSEEN, skipped)] if skipped else []
    if not skipped:
        imported = import_entries(study, limit_s=seconds)
        evaluates = imported.has_evaluate
        if imported.mistakes:
            return [Check("import", Result.FAIL, mistake.problem, mistake.remedy) for mistake in imported.mistakes]
        checks = [Check("import", Result.OK, f"in {imported.seconds:.1f} s; it can be called as jobs do")]
    with contextlib.closing(make_cluster(study, folder)) as cluster:
        seen = TryoutRun(study, configuration, folder, cluster, say).run(seconds, evaluates=evaluates)
    return [*checks, *judge(seen, evaluates=evaluates)]


@contextlib.contextmanager
def _folder(place: Place, *, keep: bool, shared: bool) -> Iterator[Path]:
    """Make a folder for the tryout's files, where jobs of a queue see it; remove it at the end unless kept."""
    home = place.directory.resolve()
    above = next(parent for parent in (home, *home.parents) if parent.is_dir()) if shared else None
    folder = Path(tempfile.mkdtemp(dir=above, prefix="bohpo-try-"))
    try:
        yield folder
    finally:
        if keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End by SIGTERM and SIGHUP as by Ctrl-C: jobs are ended and the folder is removed."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _configured(study: Study, words: list[str]) -> tuple[Study, dict[str, Scalar]]:
    """Return the study with the fixed values that were asked for, and the configuration to train with."""
    with contextlib.redirect_stdout(sys.stderr):  # what the study's own code prints is no part of the answer
        feasibility = load_feasibility(study)
        given = dict(_parsed(study, word) for word in words)
        fixed = {name: value for name, value in given.items() if name in study.fixed}
        searched = {name: value for name, value in given.items() if name not in fixed}
        study = study.model_copy(update={"fixed": {**study.fixed, **fixed}})
        if not searched:
            return study, dict(feasible_configuration(study, feasibility))
        values = {parameter.name: parameter.default for parameter in study.space.parameters} | searched
        configuration = study.space.activate(values)
        for name in searched:
            if name not in configuration:
                raise UsageError(f"--config {name}: is not active with these values; leave it out")
        if feasibility is not None and not feasibility(configuration):
            raise UsageError(f"--config: {study.feasible} says that this cannot be trained; choose other values")
    return study, configuration


def _parsed(study: Study, word: str) -> tuple[str, Scalar]:
    name, equals, text = word.partition("=")
    known = (*study.space.names, *study.fixed)
    if not equals or name not in known:
        near = did_you_mean(name, known, f"the study has {', '.join(known) or 'no values'}")
        raise UsageError(f"--config {word}: write key=value; {near}" if not equals else f"--config {word}: {near}")
    if name in study.fixed:
        return name, _fixed_value(study.fixed[name], text)
    parameter = study.space[name]
    for value in (_literal(text), text):
        if parameter.contains(value):
            return name, parameter.canonical(value)
    raise UsageError(f"--config {word}: {name} takes {parameter.domain}")


def _fixed_value(known: Scalar, text: str) -> Scalar:
    return text if isinstance(known, str) else _literal(text)


def _literal(text: str) -> Scalar:
    """Return text as the number or truth value that it spells; else as it is."""
    try:
        value = json_text.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text
