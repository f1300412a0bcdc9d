"""The table of trials, filtered, sorted and cut into pages."""

from __future__ import annotations

import pytest

from bohpo.views import CampaignView, listing


def numbers(page: listing.Page) -> list[int]:
    return [trial.number for trial, _ in page.rows]


def test_every_row_has_a_cell_for_every_column(view: CampaignView) -> None:
    shown = listing.page(view)
    assert len(shown.rows) == len(view.trials)
    assert {len(cells) for _, cells in shown.rows} == {len(shown.columns)}


def test_rows_sort_by_figures_both_ways_with_empty_cells_last(view: CampaignView) -> None:
    ranked = [trial.number for trial in view.ranked]
    falling = numbers(listing.page(view, sort="partial_auc", descending=True))
    rising = numbers(listing.page(view, sort="partial_auc"))
    assert falling[: len(ranked)] == ranked
    assert rising[: len(ranked)] == ranked[::-1]
    assert set(falling[len(ranked) :]) == {trial.number for trial in view.trials if trial.value is None}


def test_an_unknown_column_sorts_by_trial(view: CampaignView) -> None:
    assert numbers(listing.page(view, sort="nonsense", descending=True)) == list(range(len(view.trials)))[::-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("failed", [1]),
        ("failed momentum", [1]),
        ("sgd complete", [2]),
        ("lr<=1e-4", [0, 3]),
        ("lr>1e-4 state=running", [4]),
        ("optimizer=adamw", [0, 3, 4]),
        ("partial_auc>0.5", [0]),
        ("lr<nonsense", []),
        ("unknown<3", []),
        ("", [0, 1, 2, 3, 4]),
    ],
)
def test_words_and_comparisons_filter_rows(short_view: CampaignView, words: str, expected: list[int]) -> None:
    shown = listing.page(short_view, words=words)
    assert numbers(shown) == expected
    assert (shown.found, shown.total) == (len(expected), 5)


def test_pages_beyond_the_ends_are_the_nearest_ones(short_view: CampaignView) -> None:
    first, last = (listing.page(short_view, number=number, per_page=2) for number in (-3, 99))
    assert (first.number, numbers(first)) == (1, [0, 1])
    assert (last.number, last.pages, numbers(last)) == (3, 3, [4])
