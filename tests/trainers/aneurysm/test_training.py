"""Real trainings: they learn, they are reproducible, and a stop or a kill changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
import torch

from bohpo.errors import AttemptError, NotFoundError, UsageError
from bohpo.trainer import Configuration, Context, Stopped
from trainers.aneurysm import evaluate, train
from trainers.aneurysm.settings import NETWORKS, Settings
from trainers.cad.layout import BrokenCasesError
from trainers.cad.run import learning_rate

pytestmark = pytest.mark.training

PROGRAM = """
import json, sys
from pathlib import Path
from bohpo.trainer import Context, Stopped
from trainers.aneurysm import train
from trainers.cad import loop
loop.CHECKPOINT_SECONDS = 0.2
context = Context.in_directory(Path(sys.argv[1]), seed=5)
context.listen_for_stop()
try:
    train(json.loads(sys.argv[2]), context)
except Stopped:
    sys.exit(75)
"""


def _weights(directory: Path) -> dict[str, bytes]:
    state = torch.load(directory / "model" / "weights.pt", weights_only=True)
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in state.items()}


def _start(directory: Path, configuration: Configuration) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(directory), json.dumps(dict(configuration))])


def _wait_for_checkpoint(job: subprocess.Popen[bytes], directory: Path) -> None:
    while not list(directory.glob("checkpoint/*.ckpt")):
        assert job.poll() is None, "the training ended before its first checkpoint"
        time.sleep(0.01)


@pytest.mark.kills
@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGTERM, 75), (signal.SIGKILL, -signal.SIGKILL)])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_training_that_was_interrupted_ends_with_the_same_bits(
    configuration: Configuration, tmp_path: Path, network: str, sent: signal.Signals, exit_code: int
) -> None:
    config = {**configuration, "network": network, "iterations": 150}
    assert _start(tmp_path / "whole", config).wait() == 0
    interrupted = _start(tmp_path / "torn", config)
    _wait_for_checkpoint(interrupted, tmp_path / "torn")
    interrupted.send_signal(sent)
    assert interrupted.wait() == exit_code
    assert not (tmp_path / "torn" / "model" / "weights.pt").exists()
    assert _start(tmp_path / "torn", config).wait() == 0
    assert _weights(tmp_path / "torn") == _weights(tmp_path / "whole")


@pytest.mark.parametrize("network", NETWORKS)
def test_training_reports_scores_and_leaves_a_model_to_evaluate(
    configuration: Configuration, tmp_path: Path, network: str
) -> None:
    config = {**configuration, "network": network}
    outcome = train(config, Context.in_directory(tmp_path))
    reports = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert [report["step"] for report in reports] == [3, 6, 9, 12]
    assert outcome.metrics["cases"] == 4
    assert 0 <= outcome.value <= 1
    assert outcome.variance is not None
    assert {"cpm", "sensitivity_at_3", "train_seconds", "evaluate_seconds", "patches_per_second"} < set(outcome.metrics)
    tested = evaluate(config, tmp_path / "model", Context.in_directory(tmp_path / "evaluation"))
    assert tested.metrics["cases"] == 4
    assert "train_seconds" not in tested.metrics


def test_the_same_seed_trains_the_same_weights_and_another_seed_others(
    configuration: Configuration, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(configuration, Context.in_directory(tmp_path / name, seed=seed))
    assert _weights(tmp_path / "a") == _weights(tmp_path / "b")
    assert _weights(tmp_path / "a") != _weights(tmp_path / "c")


def test_some_training_finds_more_than_none(configuration: Configuration, tmp_path: Path) -> None:
    config = {**configuration, "learning_rate": 0.1, "batch": 8, "training_cases": 20, "validation_cases": 20}
    untrained = train({**config, "learning_rate": 1e-9, "iterations": 1}, Context.in_directory(tmp_path / "untrained"))
    trained = train({**config, "iterations": 250}, Context.in_directory(tmp_path / "trained"))
    assert trained.value > untrained.value + 0.05


def test_a_stop_while_cases_are_marked_loses_no_step(configuration: Configuration, tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path)
    train(configuration, context)
    before, _ = context.checkpoint.load() or (0, b"")
    context._stop_requested = True
    with pytest.raises(Stopped):
        train(configuration, context)
    assert before == 12
    assert context.checkpoint.load() is not None


def test_a_diverged_training_fails_instead_of_scoring_zero(configuration: Configuration, tmp_path: Path) -> None:
    config = {**configuration, "learning_rate": 10.0, "weight_decay": 1.0, "iterations": 200}
    with pytest.raises(AttemptError, match="the training diverged: the loss of step"):
        train(config, Context.in_directory(tmp_path))


def test_the_learning_rate_warms_up_and_falls_to_nothing(configuration: Configuration) -> None:
    settings = Settings.from_configuration({**configuration, "iterations": 200, "learning_rate": 1.0})
    rates = [learning_rate(settings, step) for step in range(200)]
    assert rates[0] == pytest.approx(0.1)
    assert 0.97 < max(rates) <= 1
    assert int(np.argmax(rates)) == 9
    assert rates[-1] < 1e-3


def test_a_folder_that_was_not_filled_by_a_training_cannot_be_evaluated(
    configuration: Configuration, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=r"settings\.json is missing; give the model folder of a completed trial"):
        evaluate(configuration, tmp_path, Context.in_directory(tmp_path / "attempt"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("phantom:huge", "there are no phantoms 'phantom:huge'; use one of phantom:tiny"),
        ("phantom:tiny?seed=x", "there are no phantoms"),
        ("/nowhere", "there is no folder /nowhere"),
    ],
)
def test_data_that_is_not_there_is_refused(
    configuration: Configuration, tmp_path: Path, data: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        train({**configuration, "data": data}, Context.in_directory(tmp_path))


def test_phantoms_come_at_their_own_spacing_only(configuration: Configuration, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"spacing_mm: phantom:tiny comes at 0\.8 mm only"):
        train({**configuration, "spacing_mm": 0.5}, Context.in_directory(tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Real files: two cases in each split, each with a bright ball that the table calls an aneurysm."""
    folder, rng = tmp_path / "cases", np.random.default_rng(0)
    folder.mkdir()
    lesions, splits = ["case,x,y,z,diameter_mm"], ["case,split"]
    for number, split in enumerate(2 * ["training", "validation", "test"]):
        name, centre = f"case-{number}", rng.integers(8, 24, size=3)
        distance = np.linalg.norm(np.moveaxis(np.indices((32, 32, 32)), 0, -1) - centre, axis=-1)
        signal = 0.1 * rng.normal(size=distance.shape) + (distance < 3)
        sitk.WriteImage(sitk.GetImageFromArray(signal.astype(np.float32)), str(folder / f"{name}.nii.gz"))
        lesions.append(f"{name},{centre[2]},{centre[1]},{centre[0]},6")
        splits.append(f"{name},{split}")
    (folder / "lesions.csv").write_text("\n".join(lesions))
    (folder / "splits.csv").write_text("\n".join(splits))
    return folder


def test_training_never_reads_a_test_case_and_evaluation_does(
    configuration: Configuration, tmp_path: Path, folder: Path
) -> None:
    for broken in ("case-2.nii.gz", "case-5.nii.gz"):
        (folder / broken).write_bytes(b"torn")
    cases = {f"{split}_cases": None for split in ("training", "validation", "test")}
    config = {**configuration, **cases, "data": str(folder), "spacing_mm": 1.0}
    outcome = train(config, Context.in_directory(tmp_path / "attempt"))
    assert outcome.metrics["lesions"] == 2
    with pytest.raises(BrokenCasesError) as caught:
        evaluate(config, tmp_path / "attempt" / "model", Context.in_directory(tmp_path / "evaluation"))
    assert caught.value.case == "case-2, case-5"


def test_a_split_without_any_aneurysm_is_refused(configuration: Configuration, tmp_path: Path, folder: Path) -> None:
    rows = (folder / "lesions.csv").read_text().splitlines()
    (folder / "lesions.csv").write_text("\n".join(row for row in rows if not row.startswith(("case-1", "case-4"))))
    config = {**configuration, "data": str(folder), "spacing_mm": 1.0}
    with pytest.raises(UsageError, match="none of the 2 validation cases has a lesion"):
        train(config, Context.in_directory(tmp_path / "attempt"))
