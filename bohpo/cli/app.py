"""The `bohpo` command: its sub-commands by name, imported when called, and how errors leave it."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from bohpo.cli.output import say, write_any_text
from bohpo.errors import BohpoError, StudyError
from bohpo.forced_exit import forced_exit_on_third_signal

_GROUPS = {
    "Studies": {
        "new": ("bohpo.cli.new:new", "Write a study and a trainer to start from."),
        "check": ("bohpo.cli.check:check", "Check a study file; report all its mistakes at once."),
        "try": ("bohpo.cli.tryout:try_study", "Run one short training of a study; nothing is recorded."),
        "simulate": ("bohpo.cli.simulate:simulate", "Tell what a campaign would take, before the queue is used."),
        "launch": ("bohpo.cli.launch:launch", "Run a study as a campaign."),
    },
    "Campaigns": {
        "ls": ("bohpo.cli.look:ls", "List the campaigns."),
        "status": ("bohpo.cli.look:status", "Show where a campaign stands."),
        "watch": ("bohpo.cli.watch:watch", "Follow a campaign live."),
        "logs": ("bohpo.cli.look:logs", "Print what a trial's trainer printed."),
        "trial": ("bohpo.cli.look:trial", "Show a trial: configuration, outcome, attempts, and why it was proposed."),
        "stop": ("bohpo.cli.launch:stop", "Stop a campaign; `resume` goes on with it."),
        "resume": ("bohpo.cli.launch:resume", "Go on with a campaign, after a stop or a crash."),
    },
    "Results": {
        "best": ("bohpo.cli.look:best", "Show the best trial."),
        "export": ("bohpo.cli.results:export", "Write the best configuration with its provenance."),
        "evaluate": ("bohpo.cli.results:evaluate", "Score the best trial's model on the held-out test cases, once."),
        "report": ("bohpo.cli.results:report", "Write a campaign's report, one HTML file."),
        "froc": ("bohpo.cli.froc:froc", "Score any detector's marks: FROC curve, partial AUC, CPM."),
    },
    "Service": {
        "serve": ("bohpo.cli.serve:serve", "Show all campaigns in the browser and over HTTP."),
        "token": ("bohpo.cli.serve:token", "Say who may use the service."),
    },
    "Upkeep": {
        "db": ("bohpo.cli.upkeep:db", "Look after the database."),
        "trainer": ("bohpo.cli.trainer:trainer", "Look after trainers and their data."),
        "doctor": ("bohpo.cli.doctor:doctor", "Check that this machine can run campaigns."),
    },
}


def make_app() -> App:
    """Make the application; no command's module is imported before it is called."""
    app = App(
        name="bohpo",
        help="Asynchronous parallel Bayesian hyperparameter search for medical-imaging networks.",
        version=lambda: importlib.metadata.version("bohpo"),
        help_on_error=False,
    )
    for order, (title, commands) in enumerate(_GROUPS.items()):
        group = Group(title, sort_key=order)
        for name, (target, summary) in commands.items():
            app.command(target, name=name, help=summary, group=group)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with the exit code of `bohpo.errors`.

    Args:
        arguments: The words after `bohpo`; the process's own by default.
    """
    write_any_text()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app = make_app()
    try:
        with forced_exit_on_third_signal():
            app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
            sys.stdout.flush()
    except CycloptsError as error:
        _leave(f"{error}\nsee `bohpo --help`", 2)
    except StudyError as error:
        _leave("\n".join(f"{error.source}: {mistake}" for mistake in error.mistakes), error.exit_code)
    except BohpoError as error:
        _leave(f"bohpo: {error}", error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _leave(f"bohpo: {error.filename or 'the system'}: {error.strerror}; free space, or choose another place", 2)
    except KeyboardInterrupt:
        _leave("", 130)


def _leave(message: str, exit_code: int) -> None:
    if message:
        say(message)
    sys.exit(exit_code)
