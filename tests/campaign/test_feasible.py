"""Campaigns whose study knows which configurations can be trained."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.campaign.launch import begin, drive, study_of
from bohpo.errors import StudyError, UsageError
from bohpo.store import CampaignState, Store, open_store
from bohpo.study import Study
from bohpo.trial import TrialState
from tests.campaign.test_loop import study
from tests.campaign.virtual import VirtualCluster

HERE = Path(__file__).parent
every_method = pytest.mark.parametrize("method", ["random", "gp"])


class SwitchingCluster(VirtualCluster):
    """Makes a file, for which the study's function fails, as soon as a third job has ended."""

    def __init__(self, switch: Path) -> None:
        """Say which file."""
        super().__init__(lambda number: 3 + 2 * number)
        self._switch = switch

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        super().wait(seconds)
        if len(self.ended) == 3:
            self._switch.touch()


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        yield opened


def constrained(function: str, method: str = "random", *, trials: int = 8, **fixed: str | float) -> Study:
    text = f'feasible = "specimens:{function}"\n' + study(trials=trials).text.replace('"random"', f'"{method}"')
    text += "".join(f"        {name} = {value!r}\n" for name, value in fixed.items())
    return Study.parse(text, source="specimen.toml", directory=HERE)


def use(cluster: VirtualCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bohpo.campaign.launch.make_cluster", lambda *_: cluster)


@every_method
def test_only_feasible_configurations_are_trained(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    use(VirtualCluster(), monkeypatch)
    wanted = constrained("below_limit", method, limit=0.2)
    drive(wanted, begin(wanted, store, tmp_path), store)
    tried = [float(str(trial.configuration["x"])) for trial in store.trials("specimen")]
    assert len(set(tried)) == 8
    assert max(tried) < 0.2


def test_a_command_may_have_a_function_beside_it(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(VirtualCluster(), monkeypatch)
    text = constrained("below_limit", limit=0.2, trials=3).text
    wanted = Study.parse(text.replace('trainer = "specimens:quadratic"', 'command = ["true"]'), directory=HERE)
    assert (wanted.trainer, wanted.working_directory) == (None, HERE)
    drive(wanted, begin(wanted, store, tmp_path), store)
    assert all(float(str(trial.configuration["x"])) < 0.2 for trial in store.trials("specimen"))


@every_method
def test_a_function_that_fails_in_the_middle_stops_the_driver_and_loses_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    switch = tmp_path / "switch"
    use(SwitchingCluster(switch), monkeypatch)
    wanted = constrained("failing_on_request", method, switch=str(switch))
    campaign = begin(wanted, store, tmp_path)
    with pytest.raises(StudyError) as stopped:
        drive(wanted, campaign, store)
    assert stopped.value.exit_code == 2
    (mistake,) = stopped.value.mistakes
    assert mistake.problem.startswith(
        "specimens:failing_on_request raised ZeroDivisionError: no network has no levels, for {"
    )
    assert '"step_seconds": 0.05' in mistake.problem
    assert "the driver stops when what runs has ended" in caplog.text
    assert store.campaign("specimen").state is CampaignState.STOPPED
    assert store.lease("specimen") is None
    before = store.trials("specimen")
    assert 3 < len(before) < 8
    assert all(trial.state is TrialState.COMPLETE and len(trial.attempts) == 1 for trial in before)

    switch.unlink()
    use(VirtualCluster(), monkeypatch)
    again = store.campaign("specimen")
    assert drive(study_of(again), again, store).state is CampaignState.FINISHED
    after = store.trials("specimen")
    assert after[: len(before)] == before
    assert [trial.state for trial in after] == [TrialState.COMPLETE] * 8


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("answering_by_text", "specimens:answering_by_text returned 'no', a str, for {.*}; return True or False"),
        ("never", "no feasible configuration was found"),
    ],
)
def test_a_function_without_a_yes_stops_the_driver_before_anything_is_trained(
    store: Store, tmp_path: Path, function: str, complaint: str
) -> None:
    wanted = constrained(function)
    with pytest.raises(UsageError, match=complaint):
        drive(wanted, begin(wanted, store, tmp_path), store)
    assert store.trials("specimen") == []


def test_a_function_that_cannot_be_imported_begins_no_campaign(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"feasible: specimens:nothing cannot be imported: .* no function 'nothing'"):
        begin(constrained("nothing"), store, tmp_path)
    assert store.campaigns() == []
