"""Numbers, durations and values as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bohpo.trial import Scalar, Trial, TrialState
from bohpo.views.campaign import is_running

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

PROPOSERS = {
    "startup": "start-up: spread over the space",
    "model": "model",
    "fallback": "fallback, as the model failed: spread over the space",
    "user": "user",
}
"""Who proposed a trial, in words."""

MODEL_VIEWS = {
    "trends": "in view of trends: every parameter has an effect of its own",
    "bowl": "in view of a bowl: the middle of a range beats its ends",
    "plain": "without a view",
}
"""How the model saw the trials, in words; see `bohpo.optimizer.recipe`."""


def number(value: float) -> str:
    """Write a figure to four significant digits, in full where it is a whole number."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4g}"


def scalar(value: Scalar) -> str:
    """Write a parameter's value, floats to four significant digits."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return number(value) if isinstance(value, int | float) else value


def gpus(devices: Sequence[str]) -> str:
    """Name the GPUs of an attempt, such as "GPU 0, 1"; a UUID says itself what it is. Empty where none are known."""
    named = ", ".join(devices)
    return named if not devices or not all(map(str.isdecimal, devices)) else f"GPU {named}"


def duration(seconds: float) -> str:
    """Write a time span in its one or two largest units, cut rather than rounded."""
    if seconds < 10:
        return f"{int(10 * seconds) / 10:.1f} s"
    if seconds < MINUTE_S:
        return f"{int(seconds)} s"
    if seconds < 10 * MINUTE_S:
        return f"{int(seconds) // MINUTE_S} min {int(seconds) % MINUTE_S:02d} s"
    if seconds < HOUR_S:
        return f"{int(seconds) // MINUTE_S} min"
    if seconds < 2 * DAY_S:
        return f"{int(seconds) // HOUR_S} h {int(seconds) % HOUR_S // MINUTE_S:02d} min"
    return f"{int(seconds) // DAY_S} d {int(seconds) % DAY_S // HOUR_S} h"


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage."""
    digits = 1 if 0.9 <= share < 0.9995 else 0
    return f"{100 * share:.{digits}f} %"


def moment(seconds: float) -> str:
    """Write a moment, given in seconds since the epoch, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def interval(edges: tuple[float, float] | None) -> str:
    """Write an interval to the digits of its edges; empty where there is none."""
    return "" if edges is None else f"{edges[0]:.3f} to {edges[1]:.3f}"


def standing(trial: Trial) -> str:
    """Say where a trial stands: complete, failed, running or queued."""
    if trial.state is not TrialState.PENDING:
        return trial.state.value
    return "running" if is_running(trial) else "queued"


def proposed_by(source: str, view: str | None) -> str:
    """Say who proposed a trial, and how the model saw the trials before it."""
    by = PROPOSERS.get(source, source)
    return by if view is None else f"{by}, {MODEL_VIEWS.get(view, view)}"
