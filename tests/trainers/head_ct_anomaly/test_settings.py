"""Settings say what does not fit, and feasible configurations are those that train."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bohpo.errors import UsageError
from bohpo.study import Study
from bohpo.trainer import Configuration
from trainers.head_ct_anomaly import feasible
from trainers.head_ct_anomaly.settings import Settings

STUDIES = Path(__file__).parents[3] / "studies"


@pytest.mark.parametrize("edge", [8, 12, 16, 24, 36])
@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_what_is_feasible_is_what_the_network_takes(configuration: Configuration, edge: int, levels: int) -> None:
    torch = pytest.importorskip("torch")
    network = pytest.importorskip("trainers.head_ct_anomaly.network")
    asked = {**configuration, "patch_edge": edge, "levels": levels}
    made = network.Autoencoder3D(levels, 2, 2, 0.0)
    try:
        comes_back = made(torch.zeros(2, 1, edge, edge, edge)).shape == (2, 1, edge, edge, edge)
    except RuntimeError:
        comes_back = False
    assert feasible(asked) is comes_back
    if comes_back:
        Settings.from_configuration(asked)
    else:
        with pytest.raises(UsageError, match=rf"^patch_edge: {edge} cannot be halved {levels} times; write \d+"):
            Settings.from_configuration(asked)


def test_one_patch_of_one_cell_is_refused(configuration: Configuration) -> None:
    with pytest.raises(UsageError, match=r"^batch: .*write 2, or fewer levels"):
        Settings.from_configuration({**configuration, "patch_edge": 8, "levels": 3, "batch": 1})


def test_mistakes_are_named_with_their_remedy(configuration: Configuration) -> None:
    without = {key: value for key, value in configuration.items() if key != "latent"}
    with pytest.raises(UsageError, match=r"latent: missing") as caught:
        Settings.from_configuration({**without, "window": 80, "width": 0})
    assert "did you mean window_hu" in str(caught.value)
    assert "width: 0 does not fit" in str(caught.value)


@pytest.mark.parametrize("name", ["head_ct_anomaly", "head_ct_anomaly-tiny"])
def test_the_studies_search_feasible_configurations_only(name: str) -> None:
    study = Study.load(STUDIES / f"{name}.toml")
    rng, tried = np.random.default_rng(0), 0
    for _ in range(300):
        asked = {**study.fixed, **study.space.decode(rng.random(len(study.space)))}
        if feasible(asked):
            Settings.from_configuration(asked)
            tried += 1
    assert tried > 100
