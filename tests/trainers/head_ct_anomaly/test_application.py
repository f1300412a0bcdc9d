"""Which cases can be trained on, and which can be scored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bohpo.errors import UsageError
from trainers.cad.case import Case, Split
from trainers.cad.sources import Phantom
from trainers.head_ct_anomaly.application import HeadCtAnomaly


@pytest.fixture
def pair(case: Case) -> list[Case]:
    """A normal and an abnormal case."""
    return [replace(case, name="head-2", centres=case.centres[:0], diameters=case.diameters[:0], label=False), case]


def test_normal_cases_are_trained_on_and_both_kinds_scored(pair: list[Case]) -> None:
    HeadCtAnomaly().require(pair[:1], Split.TRAINING)
    HeadCtAnomaly().require(pair, Split.VALIDATION)
    HeadCtAnomaly().require(pair, Split.TEST)


@pytest.mark.parametrize(
    ("split", "chosen", "message"),
    [
        (Split.TRAINING, slice(0, 2), r"^head-3: training cases that are abnormal; train on normal cases only"),
        (Split.TRAINING, slice(0, 0), r"^none of the 0 training cases is normal; add some"),
        (Split.VALIDATION, slice(0, 1), r"^none of the 1 validation cases is abnormal; add some"),
        (Split.TEST, slice(1, 2), r"^none of the 1 test cases is normal; add some"),
        (Split.TEST, slice(0, 0), r"^none of the 0 test cases is normal or abnormal; add some"),
    ],
)
def test_other_splits_are_refused(pair: list[Case], split: Split, chosen: slice, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        HeadCtAnomaly().require(pair[chosen], split)


def test_phantoms_to_train_on_are_normal_and_every_other_one_to_score_is_not() -> None:
    def is_abnormal(index: int) -> bool:
        return HeadCtAnomaly.phantoms.find(Phantom("tiny", 0, index)).is_abnormal

    assert [is_abnormal(index) for index in (0, 1)] == [False, False]
    assert [is_abnormal(index) for index in (100_000, 100_001)] == [False, True]
