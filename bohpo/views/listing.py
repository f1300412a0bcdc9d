"""The table of trials: its columns and cells, filtered, sorted and cut into pages."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

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


def columns(view: CampaignView) -> tuple[Column, ...]:
    """Give the columns of a campaign's table."""
    return (
        Column("trial", True),
        Column("state", False),
        Column(view.metric, True),
        Column("±", True),
        *(Column(p.name, not isinstance(p, CategoricalParameter)) for p in view.space.parameters),
        Column("time", True),
        Column("proposed by", False),
        Column("attempts", True),
        Column("reason", False),
    )


def cells(view: CampaignView, trial: Trial) -> tuple[Cell, ...]:
    """Give the cells of a trial, as many as there are columns."""
    seconds = training_seconds(trial)
    half = None if trial.value is None or trial.variance is None else QUANTILE_95 * math.sqrt(trial.variance)
    return (
        Cell(str(trial.number), trial.number),
        Cell(wording.standing(trial)),
        Cell("") if trial.value is None else Cell(f"{trial.value:.4f}", trial.value),
        Cell("") if half is None else Cell(f"{half:.3f}", half),
        *(_parameter(trial, name) for name in view.space.names),
        Cell("") if seconds is None else Cell(wording.duration(seconds), seconds),
        Cell(trial.proposal.source),
        Cell(str(len(trial.attempts)), len(trial.attempts)),
        Cell(trial.reason),
    )


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
    heads = columns(view)
    names = [column.name for column in heads]
    table = [(trial, cells(view, trial)) for trial in view.trials]
    kept = [row for row in table if _holds(row[1], names, words)] if words.strip() else table
    ordered = _sorted(kept, names.index(sort) if sort in names else 0, descending=descending)
    pages = max(1, -(-len(ordered) // per_page))
    at = min(max(number, 1), pages)
    shown = ordered[(at - 1) * per_page : at * per_page]
    return Page(heads, tuple(shown), at, pages, len(ordered), len(table))


Row = tuple[Trial, tuple[Cell, ...]]


def _sorted(rows: Iterable[Row], column: int, *, descending: bool) -> list[Row]:
    filled: list[Row] = []
    empty: list[Row] = []
    for row in rows:
        (filled if row[1][column].words else empty).append(row)

    def key(row: Row) -> tuple[bool, float, str]:
        cell = row[1][column]
        return (cell.figure is None, cell.figure or 0.0, cell.words.lower())

    return [*sorted(filled, key=key, reverse=descending), *empty]


def _parameter(trial: Trial, name: str) -> Cell:
    if name not in trial.configuration:
        return Cell("")
    value = trial.configuration[name]
    is_figure = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(wording.scalar(value), float(value) if is_figure and value is not None else None)


def _holds(row: Sequence[Cell], names: Sequence[str], words: str) -> bool:
    """Tell whether a row holds every word, and fulfils every comparison."""
    content = "\t".join(cell.words for cell in row).lower()
    for word in words.split():
        compared = re.fullmatch(r"(.+?)(<=|>=|<|>|=)(.*)", word)
        if compared is None or compared[1] not in names:
            if word.lower() not in content:
                return False
        elif not _fulfils(row[names.index(compared[1])], compared[2], compared[3]):
            return False
    return True


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
