"""`bohpo launch --dry-run`: what would be run, and the job script of the first trial."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from bohpo.cli.output import emit, say


def say_what_would_run(plan: Mapping[str, Any], *, json: bool) -> None:
    """Print what a launch would run.

    Where jobs go to a queue, stdout is the job script of the first trial and nothing else.

    Args:
        plan: As `bohpo.service.plan.plan_of` gives it.
        json: Print one JSON object instead.
    """
    if json:
        emit(dict(plan))
        return
    script = plan["job_script"]
    for notice in plan.get("notices", ()):
        say(f"{notice['level']}: {notice['key']}: {notice['problem']}; {notice['remedy']}")
    for key, value in plan.items():
        if key not in ("job_script", "notices") and (key != "gpus_of_jobs" or value is not None):
            print(f"{key}: {value}") if script is None else say(f"{key}: {value}")
    if script is not None:
        sys.stdout.write(script)
