"""Paired statistics, against numbers computed by hand."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks.paired import is_worse, mean_of, ratio_of_means, sign_test, wins_and_losses


def test_mean_and_standard_error() -> None:
    mean = mean_of([1.0, 2.0, 3.0, 6.0])
    assert mean.mean == 3.0
    assert mean.error == pytest.approx(math.sqrt(14.0 / 3.0) / 2.0)  # squares of -2, -1, 0, 3
    assert math.isnan(mean_of([1.0]).error)


def test_the_ratio_of_means_is_not_the_mean_of_ratios() -> None:
    assert ratio_of_means([1.0, 3.0], [1.0, 1.0]).estimate == 2.0
    assert ratio_of_means([1.0, 1.0], [1.0, 4.0]).estimate == pytest.approx(0.4)


def test_the_interval_is_that_of_resampled_pairs() -> None:
    two = ratio_of_means([1.0, 3.0], [1.0, 1.0])  # resamples: 1 and 3 with probability 1/4 each, 2 with 1/2
    assert (two.low, two.high) == (1.0, 3.0)
    # always half, pair by pair: unpaired resampling would scatter
    paired = ratio_of_means([0.5, 5.0, 50.0], [1.0, 10.0, 100.0])
    assert (paired.low, paired.estimate, paired.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_reference_without_regret_gives_no_ratio() -> None:
    assert math.isnan(ratio_of_means([1.0], [0.0]).estimate)


def test_ties_are_neither_won_nor_lost() -> None:
    assert wins_and_losses([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.1, 0.5]) == (2, 1)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),  # twice a tail of over one half
        (1, 7, 18 / 256),  # 2 (1 + 8) / 2^8
        (7, 1, 18 / 256),
        (5, 0, 2 / 32),
    ],
)
def test_sign_test(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p)


def test_worse_means_by_over_two_standard_errors_of_the_paired_difference() -> None:
    reference = [0.1, 0.5, 0.9, 0.3]
    # differences 1, 2, 2, 3: mean 2, standard error sqrt(2 / 3) / 2 = 0.41
    assert is_worse([1.1, 2.5, 2.9, 3.3], reference)
    # differences -1, 2, 2, 3: mean 1.5, standard error sqrt(9 / 3) / 2 = 0.87
    assert not is_worse([-0.9, 2.5, 2.9, 3.3], reference)
    assert not is_worse(reference, reference)
    assert not is_worse([9.0], [0.0])  # one pair says nothing about its own scatter
