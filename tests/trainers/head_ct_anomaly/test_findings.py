"""Each kind of finding is where it belongs, and bright or dark as it should be."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.random import Generator

from trainers.cad.phantoms.brain import grow_brain, pose
from trainers.head_ct_anomaly.anatomy import Head, build_head
from trainers.head_ct_anomaly.findings import FREQUENCY, Kind, add_finding

SPACING = 4.0


@lru_cache
def _head() -> Head:
    rng = np.random.default_rng(0)
    points = pose(rng, (80, 104, 88), SPACING / 2, 1.0)
    return build_head(rng, points, 2, SPACING, lambda *at: grow_brain(rng, *at))


def _drawn(kind: Kind, seed: int) -> tuple[Head, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Draw a finding into a copy of the head; give the copy and the change, HU."""
    rng: Generator = np.random.default_rng(seed)
    head = replace(_head(), hu=_head().hu.copy())
    while add_finding(rng, head, kind) is None:
        pass
    return head, head.hu - _head().hu


def test_frequencies_are_probabilities() -> None:
    assert sum(FREQUENCY.values()) == pytest.approx(1)
    assert set(FREQUENCY) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("seed", range(3))
def test_findings_lie_inside_the_skull(kind: Kind, seed: int) -> None:
    head, change = _drawn(kind, seed)
    assert change[head.depth <= 0] == pytest.approx(0)
    assert np.abs(change).max() > 4


@pytest.mark.parametrize("kind", [Kind.INTRACEREBRAL, Kind.SUBDURAL, Kind.EPIDURAL, Kind.SUBARACHNOID])
def test_blood_is_brighter_than_brain(kind: Kind) -> None:
    for seed in range(3):
        head, change = _drawn(kind, seed)
        clotted = head.hu[(change > 15) & (_head().hu < 60)]
        assert 30 < np.median(clotted) < 85


def test_infarcts_are_darker_than_brain_but_brighter_than_fluid() -> None:
    for seed in range(5):
        head, change = _drawn(Kind.INFARCT, seed)
        core = (change < -4) & (_head().tissue > 0.9)
        assert core.any()
        assert 8 < np.median(head.hu[core]) < 33


@pytest.mark.parametrize("kind", [Kind.SUBDURAL, Kind.EPIDURAL])
def test_blood_outside_the_brain_lies_along_the_skull(kind: Kind) -> None:
    for seed in range(3):
        head, change = _drawn(kind, seed)
        assert np.percentile(head.depth[change > 15], 95) < 22


def test_subarachnoid_blood_takes_the_place_of_fluid() -> None:
    for seed in range(3):
        head, change = _drawn(Kind.SUBARACHNOID, seed)
        assert head.fluid[change > 15].min() > 0.2


def test_a_place_of_the_brain_is_found_in_the_volume() -> None:
    head = _head()
    for place in [(0.0, 0.0, 0.0), (9.0, 34.0, -24.0), (35.0, -40.0, 20.0)]:
        z, y, x = np.rint(head.locate(place) / SPACING).astype(int)
        found = np.array([head.points.z[z, y, x], head.points.y[z, y, x], head.points.x[z, y, x]])
        assert np.linalg.norm(found - place) < 1.5 * SPACING
