"""The samplers that are raced, by name: bohpo, its variants with a part left out, and its peers."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from bohpo.errors import UsageError
from bohpo.optimizer import BayesianSampler, Recipe
from bohpo.space.checks import did_you_mean
from tests.benchmarks.ax_sampler import AxSampler, import_ax, whole_space
from tests.benchmarks.tasks import Task

BOHPO, AX = "bohpo", "ax"

PEERS: Mapping[str, Callable[[int], BaseSampler]] = {
    "gp": lambda seed: GPSampler(seed=seed, warn_independent_sampling=False),
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}
"""Optuna's own, as they come; only GPSampler's talk of conditional parameters is switched off."""

_WITHOUT = " without "


_SWITCHES = [field.name for field in dataclasses.fields(Recipe) if getattr(Recipe(), field.name) is True]

ABLATIONS: Mapping[str, Recipe] = {
    **{switch: Recipe(**{switch: False}) for switch in _SWITCHES},
    "refit_schedule": Recipe(refit_always=True),
}
"""Part of the recipe -> the recipe without it: every switch that is on by itself, and what is no such switch."""


def without(part: str) -> str:
    """Name the variant of bohpo without a part of its recipe.

    Raises:
        UsageError: If the recipe has no such part.
    """
    if part not in ABLATIONS:
        remedy = did_you_mean(part, ABLATIONS, f"there are {', '.join(ABLATIONS)}")
        raise UsageError(f"the recipe has no part {part!r}; {remedy}")
    return f"{BOHPO}{_WITHOUT}{part}"


def make_sampler(name: str, seed: int, task: Task) -> BaseSampler:
    """Make a sampler.

    Args:
        name: `bohpo`, `ax`, one of `PEERS`, a name that `without` gave, or `module:Class` of one that takes a seed.
        seed: Of all that is random in it.
        task: What it is for; only Ax has to know the search space ahead.

    Raises:
        UsageError: If there is no such sampler.
    """
    if name == BOHPO:
        return BayesianSampler(seed=seed)
    if name.startswith(BOHPO + _WITHOUT):
        return BayesianSampler(seed=seed, recipe=ABLATIONS[name.removeprefix(BOHPO + _WITHOUT)])
    if name in PEERS:
        return PEERS[name](seed)
    if name == AX:
        return AxSampler(whole_space(task), seed)
    sampler: BaseSampler = _outsider(name)(seed=seed)
    return sampler


def sampler_names(wanted: str, parts: str = "") -> list[str]:
    """Give the names of the samplers that are asked for.

    Args:
        wanted: Names, comma-separated.
        parts: Parts of the recipe, comma-separated; each adds the variant of bohpo without it.

    Raises:
        UsageError: If there is no such sampler or part.
    """
    names = [name for name in wanted.split(",") if name]
    for name in names:
        if name == AX:
            import_ax()
        elif name not in (BOHPO, *PEERS):
            _outsider(name)
    return list(dict.fromkeys([*names, *(without(part) for part in parts.split(",") if part)]))


def _outsider(name: str) -> Callable[..., Any]:
    module, colon, attribute = name.partition(":")
    known = [BOHPO, *PEERS, AX]
    if not colon:
        remedy = did_you_mean(name, known, f"there are {', '.join(known)}; others are given as module:Class")
        raise UsageError(f"there is no sampler {name!r}; {remedy}")
    try:
        factory: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"there is no sampler {name!r}: {error}; is its folder on PYTHONPATH?") from error
    return factory
