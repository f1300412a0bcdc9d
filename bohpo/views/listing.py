"""The table of trials: its columns and cells, filtered, sorted and cut into pages."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bohpo.space import CategoricalParameter
from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import QUANTILE_95, CampaignView, training_seconds

PER_PAGE = 50
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

COMPARED = re.compile(r"(.+?)(<=|>=|<|>|=)(.*)")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes:
        name: Its heading, and what one sorts and filters by.
        is_number: Whether its cells are figures.
    """

    name: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the table.

    Attributes:
        words: As people read it; empty where there is nothing.
        figure: As it sorts, where it is a figure.
    """

    words: str
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the table.

    Attributes:
        columns: Of all rows.
        rows: The trials of this page, each with its cells.
        number: 1 for the first page.
        pages: How many there are, one at least.
        found: Trials that the filter lets through.
        total: Trials in all.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Trial, tuple[Cell, ...]], ...]
    number: int
    pages: int
    found: int
    total: int


Maker = Callable[[Trial], Cell]


def columns(view: CampaignView) -> tuple[Column, ...]:
    """Give the columns of a campaign's table."""
    return tuple(column for column, _ in _layout(view))


def cells(view: CampaignView, trial: Trial) -> tuple[Cell, ...]:
    """Give the cells of a trial, as many as there are columns."""
    return tuple(make(trial) for _, make in _layout(view))


def page(
    view: CampaignView,
    *,
    words: str = "",
    sort: str = "trial",
    descending: bool = False,
    number: int = 1,
    per_page: int = PER_PAGE,
) -> Page:
    """Give a page of the table.

    Args:
        view: The campaign.
        words: What a row must hold: words, each anywhere in it, or comparisons of a column such as `lr<1e-3`.
        sort: Name of a column; an unknown one stands for `trial`. Empty cells come last.
        descending: Whether to turn the order around.
        number: 1 for the first page; numbers beyond the ends give the nearest page.
        per_page: Rows of one page.
    """
    layout = _layout(view)
    makers = {column.name: make for column, make in layout}
    kept: Sequence[Trial] = view.trials
    if words.strip():
        kept = [trial for trial in view.trials if _holds(trial, makers, words)]
    if sort == layout[0][0].name or sort not in makers:  # trials come by number
        ordered = kept[::-1] if descending else kept
    else:
        ordered = _sorted(kept, makers[sort], descending=descending)
    pages = max(1, -(-len(ordered) // per_page))
    at = min(max(number, 1), pages)
    shown = ordered[(at - 1) * per_page : at * per_page]
    rows = tuple((trial, tuple(make(trial) for _, make in layout)) for trial in shown)
    return Page(tuple(column for column, _ in layout), rows, at, pages, len(ordered), len(view.trials))


def _layout(view: CampaignView) -> list[tuple[Column, Maker]]:
    """Give the columns, each with what makes its cells: only those that are looked at are made."""
    return [
        (Column("trial", True), lambda trial: Cell(str(trial.number), trial.number)),
        (Column("state", False), lambda trial: Cell(wording.standing(trial))),
        (Column(view.metric, True), _value),
        (Column("±", True), _half_width),
        *(
            (Column(p.name, not isinstance(p, CategoricalParameter)), partial(_parameter, name=p.name))
            for p in view.space.parameters
        ),
        (Column("time", True), _seconds),
        (Column("proposed by", False), lambda trial: Cell(trial.proposal.source)),
        (Column("attempts", True), lambda trial: Cell(str(len(trial.attempts)), len(trial.attempts))),
        (Column("reason", False), lambda trial: Cell(trial.reason)),
    ]


def _value(trial: Trial) -> Cell:
    return Cell("") if trial.value is None else Cell(f"{trial.value:.4f}", trial.value)


def _half_width(trial: Trial) -> Cell:
    if trial.value is None or trial.variance is None:
        return Cell("")
    half = QUANTILE_95 * math.sqrt(trial.variance)
    return Cell(f"{half:.3f}", half)


def _seconds(trial: Trial) -> Cell:
    seconds = training_seconds(trial)
    return Cell("") if seconds is None else Cell(wording.duration(seconds), seconds)


def _parameter(trial: Trial, name: str) -> Cell:
    if name not in trial.configuration:
        return Cell("")
    value = trial.configuration[name]
    is_figure = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(wording.scalar(value), float(value) if is_figure and value is not None else None)


def _sorted(trials: Iterable[Trial], make: Maker, *, descending: bool) -> list[Trial]:
    filled: list[tuple[tuple[bool, float, str], Trial]] = []
    empty: list[Trial] = []
    for trial in trials:
        cell = make(trial)
        if cell.words:
            filled.append(((cell.figure is None, cell.figure or 0.0, cell.words.lower()), trial))
        else:
            empty.append(trial)
    return [*(trial for _, trial in sorted(filled, key=lambda pair: pair[0], reverse=descending)), *empty]


def _holds(trial: Trial, makers: Mapping[str, Maker], words: str) -> bool:
    """Tell whether a trial's row holds every word, and fulfils every comparison."""
    plain: list[str] = []
    for word in words.split():
        compared = COMPARED.fullmatch(word)
        if compared is None or compared[1] not in makers:
            plain.append(word.lower())
        elif not _fulfils(makers[compared[1]](trial), compared[2], compared[3]):
            return False
    if not plain:
        return True
    content = "\t".join(make(trial).words for make in makers.values()).lower()
    return all(word in content for word in plain)


def _fulfils(cell: Cell, comparison: str, wanted: str) -> bool:
    if comparison == "=":
        return cell.words.lower() == wanted.lower() or (cell.figure is not None and cell.figure == _number(wanted))
    limit = _number(wanted)
    return cell.figure is not None and limit is not None and COMPARISONS[comparison](cell.figure, limit)


def _number(words: str) -> float | None:
    try:
        return float(words)
    except ValueError:
        return None
