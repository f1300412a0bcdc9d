"""Real trainings of metastasis detectors: they learn, report, resume and evaluate; memory that ran out is a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bohpo.errors import OutOfMemoryError, UsageError
from bohpo.trainer import Configuration, Context, Stopped
from trainers.cad.case import Split
from trainers.metastasis import evaluate, train
from trainers.metastasis.application import Metastasis
from trainers.metastasis.detector import MetastasisDetector
from trainers.metastasis.settings import Settings

pytestmark = pytest.mark.training


def _weights(directory: Path) -> dict[str, bytes]:
    state = torch.load(directory / "model" / "weights.pt", weights_only=True)
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in state.items()}


def test_training_reports_scores_and_leaves_a_model_to_evaluate(configuration: Configuration, tmp_path: Path) -> None:
    outcome = train(configuration, Context.in_directory(tmp_path))
    reports = [json.loads(line)["step"] for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert reports == [2, 4, 6, 8]
    assert 0 <= outcome.value <= 1
    assert outcome.variance is not None
    assert {"cpm", "sensitivity_at_10", "train_seconds", "patches_per_second"} < set(outcome.metrics)
    tested = evaluate(configuration, tmp_path / "model", Context.in_directory(tmp_path / "evaluation"))
    assert tested.metrics["cases"] == 3


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    configuration: Configuration, tmp_path: Path, optimizer: str
) -> None:
    config = {**configuration, "optimizer": optimizer}
    train(config, Context.in_directory(tmp_path / "whole"))
    context = Context.in_directory(tmp_path / "torn")
    reported = context.report

    def stop_at_the_second_report(step: int, value: float) -> None:
        reported(step, value)
        context._stop_requested = step >= 4

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Context, "report", lambda _, step, value: stop_at_the_second_report(step, value))
        with pytest.raises(Stopped):
            train(config, context)
    saved = context.checkpoint.load()
    assert saved is not None
    assert 4 <= saved[0] < 8
    train(config, Context.in_directory(tmp_path / "torn"))
    assert _weights(tmp_path / "torn") == _weights(tmp_path / "whole")


def test_some_training_finds_more_than_none(configuration: Configuration, tmp_path: Path) -> None:
    config = {**configuration, "batch": 8, "base_width": 8, "training_cases": 10, "validation_cases": 12}
    untrained = train({**config, "learning_rate": 1e-9, "iterations": 1}, Context.in_directory(tmp_path / "untrained"))
    trained = train({**config, "iterations": 90}, Context.in_directory(tmp_path / "trained"))
    assert trained.value > untrained.value + 0.1


def test_memory_that_runs_out_in_training_is_a_failure_of_its_own(
    configuration: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhaust(_: MetastasisDetector, batch: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(MetastasisDetector, "loss", exhaust)
    with pytest.raises(OutOfMemoryError, match=r"CUDA out of memory; .*checkpointing = true"):
        train(configuration, Context.in_directory(tmp_path))


def test_an_impossible_network_is_refused_before_any_case_is_made(configuration: Configuration, tmp_path: Path) -> None:
    config = {**configuration, "levels": 5, "data": "/nowhere"}
    with pytest.raises(UsageError, match=r"^kernel: 3 reaches beyond"):
        train(config, Context.in_directory(tmp_path))


def test_phantoms_with_the_anatomy_of_label_maps_are_cases_of_their_own(
    configuration: Configuration, real_data: Path
) -> None:
    volumes = []
    for data in ("phantom:tiny", f"phantom:tiny?labels={real_data / 'synthseg'}"):
        settings = Settings.from_configuration({**configuration, "data": data, "training_cases": 2})
        volumes += [case.volume.tobytes() for case in Metastasis().cases(settings, Split.TRAINING)]
    assert len(set(volumes)) == 4
