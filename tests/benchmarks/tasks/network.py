"""The search for a detection network, made up: conditional, noisy, and failing where training diverges or memory ends.

The score is 0.9 * exp(-loss). The loss is a sum of terms that are zero at one configuration, so the best one is known;
each term ties several parameters together, so none of them can be set alone.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Configuration
from tests.benchmarks.tasks.task import SyntheticTask, number


class Network(SyntheticTask):
    """Seventeen parameters, four of them active under one choice each."""

    space = Space(
        (
            CategoricalParameter("optimizer", ("adamw", "sgd")),
            FloatParameter("learning_rate", 1e-5, 1.0, log=True),
            FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
            FloatParameter("weight_decay", 1e-6, 1e-1, log=True),
            IntParameter("batch", 1, 32, log=True),
            IntParameter("patch_edge", 32, 96, step=16),
            IntParameter("channels", 8, 64, log=True),
            IntParameter("stages", 2, 6),
            CategoricalParameter("block", ("plain", "residual", "dense")),
            IntParameter("growth", 4, 32, when={"block": ("dense",)}),
            CategoricalParameter("normalization", ("none", "batch", "instance")),
            FloatParameter("dropout", 0.0, 0.6),
            FloatParameter("augmentation", 0.0, 1.0),
            FloatParameter("foreground", 0.02, 0.98),
            CategoricalParameter("loss", ("cross_entropy", "focal", "tversky")),
            FloatParameter("focus", 0.0, 5.0, when={"loss": ("focal",)}),
            FloatParameter("asymmetry", 0.2, 0.9, when={"loss": ("tversky",)}),
        )
    )
    noise_sd = 0.02
    memory_limit: ClassVar[float] = 700.0
    best_score: ClassVar[float] = 0.9

    @property
    def optimum(self) -> Configuration:
        """Give the configuration at which every term of the loss is zero."""
        return {
            "optimizer": "adamw",
            "learning_rate": 2e-3,
            "weight_decay": 1e-4,
            "batch": 8,
            "patch_edge": 64,
            "channels": 32,
            "stages": 4,
            "block": "residual",
            "normalization": "instance",
            "dropout": 0.1,
            "augmentation": 0.6,
            "foreground": 0.4,
            "loss": "tversky",
            "asymmetry": 0.68,
        }

    def score(self, parameters: Configuration) -> float:
        """Give the noise-free score, nan where training diverges or runs out of memory."""
        if diverges(parameters) or memory(parameters) > self.memory_limit:
            return math.nan
        loss = _step_loss(parameters) + _shape_loss(parameters) + _capacity_loss(parameters)
        loss += _balance_loss(parameters) + _normalization_loss(parameters)
        return self.best_score * math.exp(-loss)

    def evaluate(self, parameters: Configuration, rng: np.random.Generator) -> tuple[float, float]:
        """Train once; the score stays in [0, 1]."""
        score, seconds = super().evaluate(parameters, rng)
        return float(np.clip(score, 0.0, 1.0)), seconds

    def seconds(self, parameters: Configuration, rng: np.random.Generator) -> float:
        """Draw the duration: what needs memory takes time, what diverges ends early, what does not fit at once."""
        needed = memory(parameters)
        if needed > self.memory_limit:
            return 20.0 + 40.0 * float(rng.random())
        whole = 60.0 * (3.0 + 0.25 * math.pow(needed, 0.75)) * float(rng.lognormal(0.0, 0.15))
        return whole * float(rng.uniform(0.02, 0.3)) if diverges(parameters) else whole


def memory(parameters: Configuration) -> float:
    """Give the memory that a training needs, in a unit of its own."""
    growth = number(parameters, "growth") / 12.0 if parameters["block"] == "dense" else 0.0
    features = number(parameters, "channels") * (1.0 + 0.3 * (parameters["block"] == "residual") + growth)
    voxels = number(parameters, "batch") * (number(parameters, "patch_edge") / 64.0) ** 3
    return voxels * features * (1.0 + 0.1 * number(parameters, "stages"))


def effective_step(parameters: Configuration) -> float:
    """Give the decimal logarithm of the learning rate as the weights feel it."""
    step = math.log10(number(parameters, "learning_rate")) - 0.5 * math.log10(number(parameters, "batch") / 8.0)
    if parameters["optimizer"] == "sgd":
        step -= math.log10(1.0 - number(parameters, "momentum")) + 2.2
    return step


def diverges(parameters: Configuration) -> bool:
    """Whether the training ends in nan: deeper networks sooner, normalised and residual ones later."""
    limit = -1.3 - 0.12 * number(parameters, "stages")
    limit += 0.5 * (parameters["normalization"] != "none") + 0.4 * (parameters["block"] != "plain")
    return effective_step(parameters) > limit


def _step_loss(parameters: Configuration) -> float:
    """The best step shrinks with the depth; SGD and missing normalisation make the ridge narrower."""
    ideal = math.log10(2e-3) - 0.1 * (number(parameters, "stages") - 4.0)
    width = 0.6 if parameters["optimizer"] == "adamw" else 0.45
    width *= 0.8 if parameters["normalization"] == "none" else 1.0
    handicap = 0.0 if parameters["optimizer"] == "adamw" else 0.02
    return handicap + 0.5 * ((effective_step(parameters) - ideal) / width) ** 2


def _shape_loss(parameters: Configuration) -> float:
    """A deeper network needs a larger patch; too shallow a one sees too little whatever the patch."""
    stages = number(parameters, "stages")
    mismatch = math.log2(number(parameters, "patch_edge") / 64.0) - 0.3 * (stages - 4.0)
    return 0.8 * mismatch**2 + 0.15 * max(0.0, 4.0 - stages) ** 2


def _capacity_loss(parameters: Configuration) -> float:
    """Too small a network learns too little; too large a one needs regularisation, and that has its price."""
    capacity = math.log2(number(parameters, "channels")) + 0.5 * number(parameters, "stages")
    match parameters["block"]:
        case "residual":
            capacity += 0.8
        case "dense":
            capacity += 0.06 * number(parameters, "growth") - 0.2
    dropout, augmentation = number(parameters, "dropout"), number(parameters, "augmentation")
    regularisation = 2.0 * dropout + 1.5 * augmentation + 0.4 * (math.log10(number(parameters, "weight_decay")) + 6.0)
    too_small = max(0.0, 7.4 - capacity)
    too_large = max(0.0, capacity - 6.0 - regularisation)
    too_much = max(0.0, regularisation - 2.4)
    return 0.08 * too_small**2 + 0.15 * too_large + 0.12 * too_much**2 + 1.5 * max(0.0, dropout - 0.2) ** 2


def _balance_loss(parameters: Configuration) -> float:
    """How many lesions a batch shows and how the loss weighs them have to fit each other."""
    foreground = number(parameters, "foreground")
    balance = math.log(foreground / (1.0 - foreground))
    handicap = 0.12
    match parameters["loss"]:
        case "focal":
            focus = number(parameters, "focus")
            balance, handicap = balance + 0.35 * focus, 0.04 + 0.015 * (focus - 2.0) ** 2
        case "tversky":
            balance, handicap = balance + 5.0 * (number(parameters, "asymmetry") - 0.5), 0.0
    ideal = math.log(0.4 / 0.6) + 5.0 * 0.18
    return handicap + 0.1 * (balance - ideal) ** 2


def _normalization_loss(parameters: Configuration) -> float:
    """Statistics of small batches are noise; without normalisation depth hurts, more so without shortcuts."""
    match parameters["normalization"]:
        case "batch":
            return 0.02 + 0.12 * max(0.0, math.log2(8.0 / number(parameters, "batch")))
        case "none":
            return 0.1 + 0.04 * number(parameters, "stages") * (2.0 if parameters["block"] == "plain" else 1.0)
        case _:
            return 0.05 if parameters["block"] == "plain" else 0.0
