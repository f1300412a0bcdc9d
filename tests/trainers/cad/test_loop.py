"""The training loop: what interrupts it, feeds it or saves it memory changes no bit of what comes out."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bohpo.errors import AttemptError, OutOfMemoryError
from bohpo.trainer import Configuration, Context, Stopped
from bohpo.trial import Scalar
from tests.trainers.cad.balls import CONFIGURATION, Balls, Learner, Settings, train, weights_in
from trainers.cad import loop
from trainers.cad.parallel import Team

pytestmark = pytest.mark.training


def _trained(directory: Path, **changes: Scalar) -> dict[str, bytes]:
    """Train, and give the weights' bytes."""
    train({**CONFIGURATION, **changes}, Context.in_directory(directory, seed=5))
    return _bits(directory)


def _bits(directory: Path) -> dict[str, bytes]:
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in weights_in(directory).items()}


def _reports(directory: Path) -> list[tuple[int, float]]:
    lines = map(json.loads, (directory / "progress.jsonl").read_text().splitlines())
    return [(line["step"], line["value"]) for line in lines]


def _start(directory: Path, config: Configuration) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.trainers.cad.balls", str(directory), json.dumps(dict(config))]
    )


def _steps_saved(directory: Path) -> int:
    return max((int(path.stem.removeprefix("step-")) for path in directory.glob("checkpoint/*.ckpt")), default=0)


@pytest.mark.kills
def test_three_kills_leave_the_curve_and_the_weights_as_none_do(tmp_path: Path) -> None:
    config = {**CONFIGURATION, "dropout": 0.2, "has_batch_norm": True, "iterations": 40, "pause_s": 0.05}
    train({**config, "pause_s": 0.0}, Context.in_directory(tmp_path / "whole", seed=5))
    saved = 0
    for sent in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        job = _start(tmp_path / "torn", config)
        while _steps_saved(tmp_path / "torn") <= saved:
            assert job.poll() is None, "the training ended before another checkpoint"
            time.sleep(0.01)
        job.send_signal(sent)
        assert job.wait() == (75 if sent is signal.SIGTERM else -sent)
        saved = _steps_saved(tmp_path / "torn")
    assert 0 < saved < 40
    assert _start(tmp_path / "torn", config).wait() == 0
    assert _bits(tmp_path / "torn") == _bits(tmp_path / "whole")
    assert dict(_reports(tmp_path / "torn")) == dict(_reports(tmp_path / "whole"))


def test_threads_that_draw_ahead_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _trained(tmp_path / "alone", dropout=0.2)
    monkeypatch.setattr(loop, "drawing_threads", lambda *_: 3)
    assert _trained(tmp_path / "helped", dropout=0.2) == alone


@pytest.mark.parametrize(("threads", "on_cpu", "on_gpu"), [(1, 0, 1), (2, 1, 2), (8, 2, 8)])
def test_a_training_on_one_cpu_draws_for_itself(tmp_path: Path, threads: int, on_cpu: int, on_gpu: int) -> None:
    context = Context.in_directory(tmp_path, threads=threads)
    assert loop.drawing_threads(context, torch.device("cpu")) == on_cpu
    assert loop.drawing_threads(context, torch.device("cuda")) == on_gpu


def test_activations_that_are_computed_again_change_nothing(tmp_path: Path) -> None:
    kept = _trained(tmp_path / "kept", dropout=0.2, has_batch_norm=True)
    again = _trained(tmp_path / "again", dropout=0.2, has_batch_norm=True, checkpointing=True)
    assert again == kept


def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path) -> None:
    _trained(tmp_path / "whole")
    _trained(tmp_path / "parts", accumulate=4)
    for name, weights in weights_in(tmp_path / "whole").items():
        assert weights_in(tmp_path / "parts")[name] == pytest.approx(weights, abs=1e-5), name


def test_early_scores_are_reported_as_often_as_promised(tmp_path: Path) -> None:
    _trained(tmp_path, iterations=40)
    assert [step for step, _ in _reports(tmp_path)] == [10, 20, 30, 40]
    assert all(0 <= value <= 1 for _, value in _reports(tmp_path))


def test_what_it_cost_is_told(tmp_path: Path) -> None:
    outcome = train(CONFIGURATION, Context.in_directory(tmp_path))
    assert outcome.metrics["patches_per_second"] > 0
    assert outcome.metrics["peak_memory_mib"] > 50
    assert {"train_seconds", "evaluate_seconds"} < set(outcome.metrics)


def test_a_stop_while_cases_are_examined_loses_no_step(tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path)
    train(CONFIGURATION, context)
    context._stop_requested = True
    with pytest.raises(Stopped):
        train(CONFIGURATION, context)
    assert _steps_saved(tmp_path) == 24


def test_a_process_that_reads_or_examines_cases_leaves_with_another_that_is_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context.in_directory(tmp_path)
    train({**CONFIGURATION, "iterations": 1}, context)
    told = _Told([False, True])
    monkeypatch.setattr(Team, "any", told.any)
    with pytest.raises(Stopped):
        loop.evaluate(Balls(), CONFIGURATION, context.model, context)
    assert told.answers == [], "asked after the cases were read, and after they were examined"
    monkeypatch.setattr(Team, "any", _Told([True]).any)
    with pytest.raises(Stopped):
        loop.evaluate(Balls(), CONFIGURATION, context.model, context)


class _Told:
    """What a process hears of the others, time after time."""

    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers

    def any(self, _claim: bool) -> bool:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_memory_that_ran_out_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def exhaust(*_: object) -> None:
        raise error

    monkeypatch.setattr(Learner, "loss", exhaust)
    with pytest.raises(OutOfMemoryError, match=r"out of memory.*; write checkpointing = true or accumulate = 2"):
        train(CONFIGURATION, Context.in_directory(tmp_path))


def test_the_cpus_own_allocator_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "loss", lambda *_: torch.empty(2**50))
    with pytest.raises(OutOfMemoryError):
        train(CONFIGURATION, Context.in_directory(tmp_path))


def test_other_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "loss", lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        train(CONFIGURATION, Context.in_directory(tmp_path))


def test_a_diverged_training_saves_nothing_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(AttemptError, match="the training diverged: the loss of step"):
        _trained(tmp_path, learning_rate=10.0, weight_decay=1.0, iterations=400)
    saved = Context.in_directory(tmp_path).checkpoint.load()
    assert saved is not None
    run = Balls().learner(Settings.from_configuration(CONFIGURATION), torch.device("cpu"))
    state = torch.load(io.BytesIO(saved[1]), weights_only=True)
    run.network.load_state_dict(state["network"])
    assert all(weights.isfinite().all() for weights in run.network.parameters())
