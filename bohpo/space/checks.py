"""What may be wrong with a parameter, as `Mistake`s by key, so that a study file can report all of them at once."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal

from bohpo.errors import Mistake, SpaceError
from bohpo.trial import Scalar

SIGNIFICANT_DIGITS = 12
"""Floats are kept to so many digits: readable in a study file, and encoding there and back loses nothing."""

LARGEST_FLOAT = 1e100
"""Up to here, and down to its inverse, the rounding errors of a logarithm stay below the digits that are kept."""

LARGEST_INT = 10**12
"""Up to here the logarithms of neighbouring whole numbers are told apart."""

MOST_STEPS = 100_000
"""A grid with more values than this is a continuous parameter in all but name."""

MOST_MISTAKES = 100
"""Mistakes of one kind that are reported at once."""

LONGEST_WORD = 100
"""Characters of a word that is compared with others."""

MOST_COMPARED = 300
"""Words that one is compared with."""

_NARROWEST = 1e-9


def refuse(mistakes: Iterable[Mistake]) -> None:
    """Raise a `SpaceError` that names all of the mistakes, if there are any."""
    lines = [str(mistake) for mistake in first_mistakes(mistakes)]
    if lines:
        raise SpaceError("\n".join(lines))


def first_mistakes(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes, of very many the first ones: looking for the remedy of each takes time."""
    waiting = iter(mistakes)
    first = list(itertools.islice(waiting, MOST_MISTAKES))
    if next(waiting, None) is None:
        return first
    return [*first, Mistake(first[-1].key, f"there are more than {MOST_MISTAKES} mistakes", "correct these first")]


def nearest_words(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the known words that are nearest to `word`, at most `most`; none where none is near.

    Comparing two words takes time that grows with the product of their lengths; long ones are not compared.
    """
    if len(word) > LONGEST_WORD:
        return []
    compared = itertools.islice((other for other in known if len(other) <= LONGEST_WORD), MOST_COMPARED)
    return difflib.get_close_matches(word, list(compared), n=most)


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Suggest the known word that is nearest to `word`, or `otherwise` where none is near."""
    near = nearest_words(word, known)
    return f"did you mean {near[0]!r}?" if near else otherwise


def float_mistakes(name: str, low: float, high: float, *, log: bool, step: float | None) -> list[Mistake]:
    """List what is wrong with the interval and the grid of a float parameter."""
    mistakes = _bounds_mistakes(name, low, high, log=log, largest=LARGEST_FLOAT)
    scale = max(abs(low), abs(high))
    if mistakes:
        return mistakes
    if 0 < scale < 1 / LARGEST_FLOAT or 0 < high - low < _NARROWEST * scale:
        mistakes.append(Mistake(f"{name}.high", f"high = {high} is too near low = {low} to tell apart", "widen them"))
    elif step is not None:
        mistakes += _step_mistakes(name, low, high, log=log, step=step)
    return mistakes


def int_mistakes(name: str, low: int, high: int, *, log: bool, step: int) -> list[Mistake]:
    """List what is wrong with the interval and the grid of an int parameter."""
    mistakes = _bounds_mistakes(name, low, high, log=log, largest=LARGEST_INT)
    if step < 1:
        mistakes.append(Mistake(f"{name}.step", f"step = {step} is not positive", "make it at least 1"))
    if log and step != 1:
        mistakes.append(Mistake(f"{name}.step", "step and log exclude each other", "drop one of the two"))
    return mistakes


def choices_mistakes(name: str, choices: Sequence[Scalar]) -> list[Mistake]:
    """List what is wrong with the choices of a categorical parameter."""
    key = f"{name}.choices"
    if not choices:
        return [Mistake(key, "there are no choices", "list at least one")]
    mistakes = []
    first: dict[Hashable, Scalar] = {}
    for choice in choices:
        # Optuna's database compares with ==, for which 1, 1.0 and true are one choice; its users' lists have no hash
        hashed = choice if isinstance(choice, Hashable) else repr(choice)
        if isinstance(choice, float) and not math.isfinite(choice):
            mistakes.append(Mistake(key, f"{choice} is no finite number", "leave it out"))
        elif hashed in first:
            mistakes.append(Mistake(key, f"{choice!r} is the same choice as {first[hashed]!r}", "list it once"))
        else:
            first[hashed] = choice
    return first_mistakes(mistakes)


def rounded(value: float, scale: float) -> float:
    """Round to the digits that count at the size of the interval."""
    if scale == 0:
        return 0.0
    return round(value, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(scale))) + 0.0


def _bounds_mistakes(name: str, low: float, high: float, *, log: bool, largest: float) -> list[Mistake]:
    mistakes = [
        Mistake(f"{name}.{key}", f"{key} = {bound} is out of range", f"stay within -{largest:g} and {largest:g}")
        for key, bound in (("low", low), ("high", high))
        if not abs(bound) <= largest
    ]
    if low > high:
        mistakes.append(Mistake(f"{name}.low", f"low = {low} is above high = {high}", "swap them"))
    if log and low <= 0:
        mistakes.append(Mistake(f"{name}.low", f"low = {low} has no logarithm", "make low positive, or drop log"))
    return mistakes


def _step_mistakes(name: str, low: float, high: float, *, log: bool, step: float) -> list[Mistake]:
    key, scale = f"{name}.step", max(abs(low), abs(high), abs(step))
    if log:
        return [Mistake(key, "step and log exclude each other", "drop one of the two")]
    if not 0 < step <= LARGEST_FLOAT:
        return [Mistake(key, f"step = {step} is not positive and finite", "make it positive, or drop it")]
    if (Decimal(repr(high)) - Decimal(repr(low))) / Decimal(repr(step)) >= MOST_STEPS:
        return [Mistake(key, f"step = {step} makes more than {MOST_STEPS} values", "make it larger, or drop it")]
    if rounded(low, scale) != low or rounded(step, scale) != step:
        # a grid of longer decimals is not the grid that Optuna computes from the same bounds
        return [Mistake(key, f"low = {low} or step = {step} has over {SIGNIFICANT_DIGITS} digits", "round them")]
    return []
