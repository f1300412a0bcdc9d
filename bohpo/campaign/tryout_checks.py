"""Judgement of a tryout: what was seen of a training, as a list of checks with a remedy each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bohpo.campaign.ending import read_outcome
from bohpo.campaign.supervision import STOP_GRACE_S
from bohpo.campaign.tryout import Course, Tryout
from bohpo.errors import AttemptError
from bohpo.trainer import AttemptDirectory, Checkpoint
from bohpo.trial import AttemptState

_KILLED_AFTER_S = STOP_GRACE_S - 0.5


class Result(StrEnum):
    """What came of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    UNSEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Check:
    """One property of a trainer.

    Attributes:
        name: What was looked at.
        result: What came of it.
        detail: What was seen.
        remedy: What to do about it; empty where nothing is to be done.
    """

    name: str
    result: Result
    detail: str
    remedy: str = ""


def judge(seen: Tryout, *, evaluates: bool) -> tuple[Check, ...]:
    """Judge a tryout.

    Args:
        seen: What was seen.
        evaluates: Whether the study names something that scores a model.
    """
    return tuple(_checks(seen, evaluates=evaluates))


def _checks(seen: Tryout, *, evaluates: bool) -> Iterator[Check]:
    first = seen.first
    if _failure(first) is not None:
        yield _training_failed("training", first)
        return
    yield Check("training", Result.OK, f"began; the first attempt took {first.seconds:.0f} s")
    yield _reports(first)
    yield from (_stop(first), _checkpoint(first), _resume(seen))
    if seen.second is None or _failure(seen.second) is None:
        yield _outcome(seen.last)
        yield _evaluation(seen, evaluates=evaluates)


def _failure(course: Course) -> str | None:
    """Return why an attempt ended badly; None where it completed, or stopped because it was asked to."""
    if course.ending.state is AttemptState.COMPLETED:
        return None
    if course.ending.state is AttemptState.PREEMPTED and course.ending.started is None:
        return f"its job did not begin within {course.seconds:.0f} s, and was removed from the queue"
    if course.ending.state is AttemptState.PREEMPTED:
        return None if course.stop_s is not None else "it stopped without being asked to"
    return f"{course.ending.state.value}: {course.ending.reason}"


def _training_failed(name: str, course: Course) -> Check:
    if course.ending.started is None and course.stop_s is not None:
        return Check(name, Result.FAIL, str(_failure(course)), "give it more --minutes, or ask for less in [cluster]")
    log = course.files.log if course.files.log.exists() else course.files.worker_log
    return Check(name, Result.FAIL, str(_failure(course)), f"correct it; --keep keeps its log, {log.name}")


def _reports(course: Course) -> Check:
    if not course.reports:
        detail = f"none in {course.seconds:.0f} s: no learning curve, and silence_seconds would end it"
        return Check("reports", Result.WARN, detail, "call context.report(step, value) after each epoch")
    steps = [step for step, _ in course.reports]
    detail = f"{len(steps)}, steps {steps[0]} to {steps[-1]}"
    if steps != sorted(steps):
        return Check("reports", Result.WARN, f"{detail}, not in order", "report steps in ascending order")
    return Check("reports", Result.OK, detail)


def _stop(course: Course) -> Check:
    if course.stop_s is None or course.ending.state is AttemptState.COMPLETED:
        return Check("stop", Result.UNSEEN, "the training ended before it could be stopped")
    if course.stop_s >= _KILLED_AFTER_S:
        remedy = "look at context.should_stop (a command: heed SIGTERM) more often, and raise Stopped"
        return Check("stop", Result.FAIL, f"did not stop within {STOP_GRACE_S:.0f} s and was killed", remedy)
    return Check("stop", Result.OK, f"stopped {course.stop_s:.1f} s after it was asked to")


def _checkpoint(course: Course) -> Check:
    if course.stop_s is None or course.ending.state is AttemptState.COMPLETED:
        return Check("checkpoint", Result.UNSEEN, "the training ended before it could be stopped")
    if not _has_files(course.files):
        remedy = "call context.checkpoint.save(step, state) before Stopped is raised (a command: in $BOHPO_CHECKPOINT)"
        return Check("checkpoint", Result.WARN, "saved none: a training that is stopped begins anew", remedy)
    step = _checkpoint_step(course.files)
    return Check("checkpoint", Result.OK, "saved" if step is None else f"saved after step {step}")


def _resume(seen: Tryout) -> Check:
    first, second = seen.first, seen.second
    if second is None:
        return Check("resume", Result.UNSEEN, "the training ended before it could be stopped")
    if _failure(second) is not None:
        return _training_failed("resume", second)
    if not _has_files(first.files):
        return Check("resume", Result.UNSEEN, "there was no checkpoint to go on from")
    if not second.reports:
        return Check("resume", Result.UNSEEN, "nothing was reported after the stop")
    step, saved = second.reports[0][0], _checkpoint_step(first.files)
    before = first.reports[0][0] if first.reports else 0
    began_anew = step <= before if saved is None else step < saved
    if began_anew and (saved is None or saved > before):
        detail = f"began anew at step {step}" + ("" if saved is None else f", although step {saved} was saved")
        remedy = "begin with context.checkpoint.load() (a command: the files in $BOHPO_RESUME_FROM)"
        return Check("resume", Result.FAIL, detail, remedy)
    return Check("resume", Result.OK, f"went on at step {step}" + ("" if saved is None else f" from step {saved}"))


def _outcome(course: Course) -> Check:
    if course.ending.state is not AttemptState.COMPLETED:
        detail = f"stopped after {course.seconds:.0f} s, before it ended"
        return Check("outcome", Result.UNSEEN, detail, "give it more --minutes, or less to do by --config")
    try:
        value, outcome = read_outcome(course.files, course.spec)
    except AttemptError as error:
        return Check("outcome", Result.FAIL, str(error), "correct what the trainer returns or writes")
    curves = f", curves {', '.join(outcome.curves)}" if outcome.curves else ""
    variance = "variance not measured" if outcome.variance is None else f"variance {outcome.variance:.2g}"
    return Check("outcome", Result.OK, f"{course.spec.metric} {value:.4g}, {variance}{curves}")


def _evaluation(seen: Tryout, *, evaluates: bool) -> Check:
    if not evaluates or (seen.evaluation is not None and _lacks_evaluate(seen.evaluation)):
        remedy = "define evaluate(config, model, context) beside train, or set evaluate_command"
        return Check("evaluate", Result.WARN, "nothing scores a model, so `bohpo evaluate` cannot", remedy)
    if seen.last.ending.state is not AttemptState.COMPLETED:
        return Check("evaluate", Result.UNSEEN, "the training did not end")
    if seen.evaluation is None:
        remedy = "save it in context.model (a command: in $BOHPO_MODEL)"
        return Check("evaluate", Result.WARN, "the training left no model, so `bohpo evaluate` cannot score it", remedy)
    return _scoring(seen.evaluation)


def _scoring(course: Course) -> Check:
    """Judge the scoring of the model. Its score is not shown: test cases are for the end."""
    if _failure(course) is not None:
        return _training_failed("evaluate", course)
    if course.ending.state is not AttemptState.COMPLETED:
        return Check("evaluate", Result.UNSEEN, f"stopped after {course.seconds:.0f} s, before it ended")
    return Check("evaluate", Result.OK, f"scored the model in {course.seconds:.0f} s")


def _lacks_evaluate(course: Course) -> bool:
    """Return whether the trainer's module has no `evaluate`, which is known only where a job imports it."""
    return course.spec.entry.endswith(":evaluate") and "has no function 'evaluate'" in course.ending.reason


def _has_files(files: AttemptDirectory) -> bool:
    try:
        return any(files.checkpoint.iterdir())
    except OSError:
        return False


def _checkpoint_step(files: AttemptDirectory) -> int | None:
    """Return the step of the checkpoint that the next attempt finds; None for a command's own files."""
    found = Checkpoint(files.checkpoint).load()
    return None if found is None else found[0]
