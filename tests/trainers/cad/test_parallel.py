"""Two processes under torchrun train what one does, and take over from each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bohpo.errors import UsageError
from bohpo.trainer import Configuration, Context, Stopped
from tests.trainers.cad.balls import CONFIGURATION, Balls, Settings, train, weights_in
from trainers.cad.case import Split, by_name
from trainers.cad.parallel import Team, team
from trainers.cad.run import learning_rate

CPU = torch.device("cpu")
SEED = 5


class _StopsAfter(Context):
    """Asks to stop when a number of reports was made."""

    reports_left = 2

    def report(self, step: int, value: float) -> None:
        super().report(step, value)
        self.reports_left -= 1
        self._stop_requested = self.reports_left == 0


def _train_in_two_processes(directory: Path, config: Configuration) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*launcher, "-m", "tests.trainers.cad.balls", str(directory), json.dumps(dict(config))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _train(directory: Path, config: Configuration = CONFIGURATION) -> None:
    train(config, Context.in_directory(directory, seed=SEED))


def _assert_same_weights(ours: Path, theirs: Path) -> None:
    for name, weights in weights_in(theirs).items():
        assert weights_in(ours)[name] == pytest.approx(weights, abs=1e-5), name


@pytest.mark.training
def test_two_processes_go_on_from_one_and_one_from_two_as_if_nothing_had_happened(tmp_path: Path) -> None:
    _train(tmp_path / "whole")
    handed_on = tmp_path / "handed on"
    with pytest.raises(Stopped):
        train(CONFIGURATION, _StopsAfter.in_directory(handed_on, seed=SEED))
    assert [path.name for path in sorted((handed_on / "checkpoint").iterdir())][-1] == "step-000000000013.ckpt"
    _train_in_two_processes(handed_on, CONFIGURATION)
    _assert_same_weights(handed_on, tmp_path / "whole")
    (handed_on / "checkpoint" / "step-000000000024.ckpt").unlink()
    _train(handed_on)
    _assert_same_weights(handed_on, tmp_path / "whole")
    reports = [json.loads(line) for line in (handed_on / "progress.jsonl").read_text().splitlines()]
    assert [report["step"] for report in reports] == [6, 12, 18, 24, 24]


@pytest.mark.training
def test_by_the_linear_rule_each_process_takes_a_batch_of_its_own(tmp_path: Path) -> None:
    config = {**CONFIGURATION, "scaling": "linear", "augmentation": 0.0, "elastic": 0.0}
    _train_in_two_processes(tmp_path, config)
    settings, balls = Settings.from_configuration(config), Balls()
    torch.manual_seed(SEED)
    learner = balls.learner(settings, CPU)
    optimizer = learner.optimizer()
    cases = by_name(balls.cases(settings, Split.TRAINING))
    source = learner.patches(cases, np.random.default_rng(SEED))
    for step in range(0, settings.steps, 2):
        optimizer.param_groups[0]["lr"] = 2 * learning_rate(settings, step)
        optimizer.zero_grad()
        for number in (step, step + 1):
            rng = np.random.default_rng((SEED, number))
            rng.integers(2**63)
            (learner.loss(source.draw(rng)) / 2).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, weights in weights_in(tmp_path).items():
        assert learner.network.state_dict()[name] == pytest.approx(weights, abs=1e-5), name


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_shares_of_a_batch_are_all_of_it_once(size: int) -> None:
    shares = [Team(rank, size, CPU).share(17) for rank in range(size)]
    assert [number for share in shares for number in range(17)[share]] == list(range(17))
    lengths = [share.stop - share.start for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_by_the_linear_rule_rates_and_strides_grow_with_the_processes() -> None:
    teams = [Team(rank, 4, CPU, is_linear=True) for rank in range(4)]
    assert {each.steps_at_once for each in teams} == {4}
    assert [each.steps_aside for each in teams] == [0, 1, 2, 3]
    assert {(each.share(8).start, each.share(8).stop) for each in teams} == {(0, 8)}


def test_a_process_alone_is_a_team_that_needs_no_others() -> None:
    with team(Settings.from_configuration(CONFIGURATION)) as alone:
        assert (alone.is_alone, alone.leads, alone.gather([1, 2]), alone.tell("word")) == (True, True, [1, 2], "word")
        assert (alone.any(True), alone.any(False)) == (True, False)


def test_a_batch_that_is_too_small_to_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")
    with (
        pytest.raises(UsageError, match="batch: 8 processes cannot share 6 patches; write a greater batch, fewer gpus"),
        team(Settings.from_configuration(CONFIGURATION)),
    ):
        pass
