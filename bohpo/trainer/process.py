"""The trainer's process: `python -m bohpo.trainer.process ATTEMPT_DIRECTORY` calls a Python trainer.

It leaves `outcome.json` and exit code 0, or `STOPPED_EXIT_CODE` after a checkpoint, or a traceback in the log, with
`OUT_OF_MEMORY_EXIT_CODE` where memory ran out. Of several processes (`bohpo.trainer.ranks`) the first one writes. What
it came to is not lost with the first error of a file system: it tries to write it for a while, then leaves as if
stopped.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from bohpo.durable import write_json
from bohpo.errors import AttemptError
from bohpo.trainer.attempt import OUT_OF_MEMORY_EXIT_CODE, STOPPED_EXIT_CODE, AttemptDirectory, AttemptSpec
from bohpo.trainer.context import Context, Stopped
from bohpo.trainer.entry import load_entry
from bohpo.trainer.returned import to_outcome
from bohpo.trial import Outcome

WRITE_PATIENCE_S = 600.0
"""How long the outcome is tried to be written where the disk is full, or a file server away."""


def call(attempt: AttemptDirectory, spec: AttemptSpec) -> Outcome:
    """Train, or evaluate where the spec names a model.

    Raises:
        AttemptError: If what the trainer returned is no outcome; `bohpo.trainer.returned` has the rule.
    """
    context = Context.for_attempt(attempt, spec)
    context.listen_for_stop()
    function = load_entry(spec.entry, spec.working_directory)
    arguments = (Path(spec.model), context) if spec.model else (context,)
    return to_outcome(function(attempt.read_configuration(), *arguments), spec.metric, spec.entry)


def leave(attempt: AttemptDirectory, outcome: Outcome) -> int:
    """Write what the trainer came to, for as long as that may help; give the exit code."""
    give_up = time.monotonic() + WRITE_PATIENCE_S
    while True:
        try:
            write_json(attempt.outcome, outcome.to_json())
        except (FileNotFoundError, IsADirectoryError, PermissionError):  # the trainer's own doing, which lasts
            raise
        except OSError as error:
            sys.stderr.write(f"outcome.json cannot be written: {error.strerror}\n")
            if time.monotonic() > give_up:
                return STOPPED_EXIT_CODE
            time.sleep(min(5.0, WRITE_PATIENCE_S))
        else:
            return 0


def main() -> None:
    """Run the attempt whose directory is the first argument."""
    attempt = AttemptDirectory(Path(sys.argv[1]))
    try:
        outcome = call(attempt, attempt.read_spec())
    except Stopped:
        sys.exit(STOPPED_EXIT_CODE)
    except (AttemptError, MemoryError, RuntimeError) as error:
        if not _tells_of_exhaustion(error):
            raise
        traceback.print_exc()
        sys.exit(OUT_OF_MEMORY_EXIT_CODE)
    if os.environ.get("RANK", "0") == "0":
        sys.exit(leave(attempt, outcome))


def _tells_of_exhaustion(error: Exception) -> bool:
    """Tell whether memory ran out: Python's, or by the name that both bohpo and torch, not imported here, give it."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


if __name__ == "__main__":
    main()
