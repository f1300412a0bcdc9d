"""Real trainings: they learn, are reproducible, and go on after a stop as if there had been none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bohpo.trainer import Configuration, Context, Stopped
from trainers.liver_nodule import evaluate, train

pytestmark = pytest.mark.training


def _weights(directory: Path) -> dict[str, bytes]:
    state = torch.load(directory / "model" / "weights.pt", weights_only=True)
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in state.items()}


def test_training_reports_scores_and_leaves_a_model_to_evaluate(configuration: Configuration, tmp_path: Path) -> None:
    outcome = train(configuration, Context.in_directory(tmp_path))
    reports = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert [report["step"] for report in reports] == [2, 4, 6, 8]
    assert outcome.metrics["cases"] == 4
    assert 0 <= outcome.value <= 1
    assert outcome.variance is not None
    assert {"partial_auc", "sensitivity_at_10", "patches_per_second"} < set(outcome.metrics)
    tested = evaluate(configuration, tmp_path / "model", Context.in_directory(tmp_path / "evaluation"))
    assert tested.metrics["cases"] == 4
    assert "train_seconds" not in tested.metrics


class _StopsAfterReports(Context):
    """A context that is asked to stop when the second report comes."""

    def report(self, step: int, value: float) -> None:
        """Report, and ask to stop."""
        super().report(step, value)
        self._stop_requested = step >= 4


def test_a_training_that_was_stopped_ends_with_the_same_bits(configuration: Configuration, tmp_path: Path) -> None:
    train(configuration, Context.in_directory(tmp_path / "whole", seed=3))
    with pytest.raises(Stopped):
        train(configuration, _StopsAfterReports.in_directory(tmp_path / "torn", seed=3))
    assert not (tmp_path / "torn" / "model" / "weights.pt").exists()
    train(configuration, Context.in_directory(tmp_path / "torn", seed=3))
    assert _weights(tmp_path / "torn") == _weights(tmp_path / "whole")
    train(configuration, Context.in_directory(tmp_path / "other", seed=4))
    assert _weights(tmp_path / "other") != _weights(tmp_path / "whole")


def test_some_training_finds_more_than_none(configuration: Configuration, tmp_path: Path) -> None:
    varied_little = {"augmentation": 0.2, "phase_shift": 0.0, "width": 4, "batch": 4}
    asked = {**configuration, **varied_little, "training_cases": 16, "validation_cases": 12}
    untrained = train({**asked, "learning_rate": 1e-9, "iterations": 1}, Context.in_directory(tmp_path / "untrained"))
    trained = train({**asked, "iterations": 120}, Context.in_directory(tmp_path / "trained"))
    assert trained.value > untrained.value + 0.1
