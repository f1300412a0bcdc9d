"""Optuna's own tests of a sampler, all but those of several objectives, which are tested to be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing import pytest_samplers

from bohpo.optimizer import BayesianSampler


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(verbosity)


class TestBayesianSampler(
    pytest_samplers.BasicSamplerTestCase,
    pytest_samplers.RelativeSamplerTestCase,
    pytest_samplers.SingleOnlySamplerTestCase,
):
    """What Optuna asks of any sampler."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        """Give what makes the sampler under test."""
        return lambda: BayesianSampler(seed=0)
