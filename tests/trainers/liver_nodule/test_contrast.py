"""The five curves enhance as radiologists describe them."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.liver_nodule.contrast import CURVES, HEPATOCYTES, PHASES, Phase, Uptake

ON_TIME = np.arange(5.0)


def _contrast(tissue: str, phase: Phase, liver_function: float = 1.0) -> float:
    """Give the signal above the liver's in a phase."""
    uptake = Uptake(ON_TIME, liver_function)
    return float((uptake.curve(tissue) - uptake.curve("liver"))[PHASES.index(phase)])


def test_every_tissue_has_a_signal_in_each_of_the_five_phases() -> None:
    assert [str(phase) for phase in PHASES] == ["precontrast", "arterial", "portal", "late", "hepatobiliary"]
    assert {len(curve) for curve in CURVES.values()} == {5}
    assert set(HEPATOCYTES) < set(CURVES)


def test_progressed_hcc_lights_up_washes_out_and_takes_nothing_up() -> None:
    assert _contrast("progressed_hcc", Phase.ARTERIAL) > 0.2
    assert _contrast("progressed_hcc", Phase.PORTAL) < 0
    assert _contrast("progressed_hcc", Phase.LATE) < -0.1
    assert _contrast("progressed_hcc", Phase.HEPATOBILIARY) < -0.3


def test_metastases_have_a_rim_that_enhances_and_a_core_that_does_not() -> None:
    assert _contrast("metastasis_rim", Phase.ARTERIAL) > 0.1
    assert _contrast("metastasis_core", Phase.ARTERIAL) < -0.1
    assert _contrast("metastasis_core", Phase.HEPATOBILIARY) < -0.3


def test_cysts_do_not_enhance() -> None:
    assert np.ptp(Uptake(ON_TIME, 1.0).curve("cyst")) == 0


@pytest.mark.parametrize("tissue", ["benign_nodule", "shunt"])
def test_what_has_hepatocytes_does_not_turn_dark_in_the_last_phase(tissue: str) -> None:
    for liver_function in (0.4, 1.0):
        assert _contrast(tissue, Phase.ARTERIAL) > 0.1
        assert _contrast(tissue, Phase.HEPATOBILIARY, liver_function) > -0.05


def test_a_cirrhotic_liver_takes_up_less_so_nodules_stand_out_less() -> None:
    healthy, cirrhotic = (abs(_contrast("early_hcc", Phase.HEPATOBILIARY, share)) for share in (1.0, 0.4))
    assert cirrhotic < 0.8 * healthy


def test_an_arterial_phase_that_comes_late_looks_like_the_portal_one() -> None:
    late = Uptake(np.array([0, 1.3, 2, 3, 4]), 1.0).curve("vein")
    on_time = Uptake(ON_TIME, 1.0).curve("vein")
    assert late[1] == pytest.approx(0.7 * on_time[1] + 0.3 * on_time[2])
    assert (late[[0, 2, 3, 4]] == on_time[[0, 2, 3, 4]]).all()


def test_phases_never_change_their_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert (np.diff(Uptake.draw(rng, 1.0).timing) > 0).all()
