"""Trainer of the study NAME: tells lesions from vessels by their diameter and contrast.

It runs as it is, in about a second, on invented candidates. Put your data in place of `make_candidates` and your
network in place of the logistic regression; what has to stay is the signature of `train` and what it asks of
`context`. Run it once by hand before you launch the study:

    from pathlib import Path
    from bohpo.trainer import Context
    import MODULE

    config = {"lr": 0.1, "weight_decay": 1e-3, "epochs": 10, "optimizer": "sgd", "cases": 400}
    print(MODULE.train(config, Context.in_directory(Path("by-hand"))))
"""

from __future__ import annotations

import json
import math
import random
import statistics
from pathlib import Path
from typing import Any

from bohpo.trainer import Context, Outcome, Stopped

Candidate = tuple[tuple[float, float, float], int]
"""(1, scaled diameter, scaled contrast) and whether it is a lesion."""


def train(config: dict[str, Any], context: Context) -> Outcome:
    """Train on the training cases and score on the validation cases.

    Args:
        config: The parameters that are active in this trial, and the study's fixed ones.
        context: Where to report, save and resume.
    """
    training = make_candidates(config["cases"], seed=1)
    validation = make_candidates(config["cases"], seed=2)
    momentum = config.get("momentum", 0.0)  # absent where optimizer = "sgd"

    weights, velocity, first_epoch = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0
    saved = context.checkpoint.load()  # of an earlier attempt at this trial that was interrupted
    if saved is not None:
        first_epoch, state = saved[0], json.loads(saved[1])
        weights, velocity = state["weights"], state["velocity"]

    for epoch in range(first_epoch, config["epochs"]):
        for features, label in training:
            error = probability(weights, features) - label
            for i, feature in enumerate(features):
                gradient = error * feature + config["weight_decay"] * weights[i]
                velocity[i] = momentum * velocity[i] - config["lr"] * gradient
                weights[i] += velocity[i]
        context.report(epoch + 1, score(weights, validation).value)  # shown live; a nan ends the attempt
        if context.should_stop:  # the queue or you want the machine back: save, and go on another time
            state = {"weights": weights, "velocity": velocity}
            context.checkpoint.save(epoch + 1, json.dumps(state).encode())
            raise Stopped

    # what `evaluate` needs; kept for the best trials
    (context.model / "weights.json").write_text(json.dumps(weights))
    return score(weights, validation)


def evaluate(config: dict[str, Any], model: Path, context: Context) -> Outcome:
    """Score the best trial's model on the test cases, which no training has seen; `bohpo evaluate` calls it once."""
    weights = json.loads((model / "weights.json").read_text())
    return score(weights, make_candidates(config["cases"], seed=3))


def score(weights: list[float], candidates: list[Candidate]) -> Outcome:
    """Give the mean log loss, and its variance as an estimate: the optimizer learns how far to trust the score."""
    losses, correct = [], 0
    for features, label in candidates:
        p = min(max(probability(weights, features), 1e-9), 1 - 1e-9)
        losses.append(-math.log(p if label else 1 - p))
        correct += (p > 0.5) == bool(label)
    log_loss = statistics.fmean(losses)
    return Outcome(
        value=log_loss,
        variance=statistics.variance(losses) / len(losses),
        metrics={"log_loss": log_loss, "accuracy": correct / len(candidates)},
    )


def probability(weights: list[float], features: tuple[float, float, float]) -> float:
    """Give the probability that a candidate is a lesion."""
    logit = sum(weight * feature for weight, feature in zip(weights, features, strict=True))
    return 1 / (1 + math.exp(-min(max(logit, -500.0), 500.0)))


def make_candidates(count: int, seed: int) -> list[Candidate]:
    """Invent candidates: lesions are larger and brighter than vessels, mostly."""
    dice = random.Random(seed)
    candidates: list[Candidate] = []
    for _ in range(count):
        label = dice.randint(0, 1)
        diameter_mm = dice.gauss(5.0 if label else 3.5, 1.2)
        contrast = dice.gauss(0.7 if label else 0.5, 0.2)
        candidates.append(((1.0, (diameter_mm - 4.2) / 1.4, (contrast - 0.6) / 0.2), label))
    return candidates
