"""Numbers and durations as people read them."""

from __future__ import annotations

import pytest

from bohpo.trial import Scalar
from bohpo.views import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.97, "9.9 s"),
        (59.9, "59 s"),
        (60.0, "1 min 00 s"),
        (599.99, "9 min 59 s"),
        (3599.9, "59 min"),
        (3600.0, "1 h 00 min"),
        (2 * 86400 - 1.0, "47 h 59 min"),
        (2 * 86400.0, "2 d 0 h"),
    ],
)
def test_a_duration_is_cut_to_its_largest_units(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "true"),
        (False, "false"),
        (None, "none"),
        (1, "1"),
        (0.00012346, "0.0001235"),
        (64.0, "64"),
        ("a<b", "a<b"),
    ],
)
def test_a_value_is_written_to_four_digits(value: Scalar, words: str) -> None:
    assert wording.scalar(value) == words


@pytest.mark.parametrize(("share", "words"), [(0.0, "0 %"), (0.874, "87 %"), (0.9876, "98.8 %"), (1.0, "100 %")])
def test_shares_close_to_all_have_one_digit_more(share: float, words: str) -> None:
    assert wording.percent(share) == words


def test_a_moment_is_in_utc() -> None:
    assert wording.moment(1_790_000_000.0) == "2026-09-21 14:13 UTC"


def test_gpus_are_numbered_and_a_uuid_says_itself_what_it_is() -> None:
    assert wording.gpus(("0", "3")) == "GPU 0, 3"
    assert wording.gpus(("MIG-1f", "GPU-2e")) == "MIG-1f, GPU-2e"
    assert wording.gpus(()) == ""
