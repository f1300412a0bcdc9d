"""A process that proposes for a study that others propose for too; `python -m tests.optimizer.proposer URL`.

Every line that it reads is a command, every line that it writes the answer: `ask` gives a new trial's parameters,
`tell` completes that trial.
"""

from __future__ import annotations

import json
import sys

import optuna

from bohpo.optimizer import BayesianSampler

STUDY = "shared"


def suggest(trial: optuna.Trial) -> None:
    """Suggest one of 60 configurations."""
    trial.suggest_int("layers", 1, 5)
    trial.suggest_categorical("activation", ["relu", "elu", "gelu", "tanh"])
    trial.suggest_int("batch", 8, 24, step=8)


def value(trial: optuna.Trial) -> float:
    """Give the value of a trial; least, 3, at two layers, the batch of 8 and a name of three letters."""
    layers, activation, batch = trial.params["layers"], trial.params["activation"], trial.params["batch"]
    return float((layers - 2) ** 2 + len(activation) + (batch - 8) / 8)


def answer(what: object) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(url: str) -> None:
    """Obey the commands on standard input."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name=STUDY, storage=url, sampler=BayesianSampler(seed=0))
    answer("ready")
    trial: optuna.Trial | None = None
    for command in sys.stdin:
        if command.strip() == "ask":
            trial = study.ask()
            suggest(trial)
            answer(trial.params)
        elif trial is not None:
            study.tell(trial, value(trial))
            answer("told")


if __name__ == "__main__":
    main(*sys.argv[1:])
