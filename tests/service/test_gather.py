"""What is read from a campaign's folder, and how often."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from bohpo.service.gather import gather, reports_of
from bohpo.store import open_store
from bohpo.trial import TrialState
from tests.service.recorded import record_campaign


def test_reports_of_a_trial_that_has_ended_are_read_once_and_those_of_one_that_runs_anew(tmp_path: Path) -> None:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        campaign = record_campaign(store, tmp_path)
        ended = store.trial("specimen", 0)
    running = dataclasses.replace(ended, state=TrialState.PENDING)
    file = campaign.directory / "trials/0/attempt-1/progress.jsonl"
    file.write_text('{"step": 1, "value": 0.5}\n')
    assert reports_of(campaign, running) == reports_of(campaign, ended) == [(1, 0.5)]
    file.write_text('{"step": 1, "value": 0.5}\n{"step": 2, "value": 0.6}\n')
    assert reports_of(campaign, running) == [(1, 0.5), (2, 0.6)]
    assert reports_of(campaign, ended) == [(1, 0.5)]
    assert reports_of(campaign, dataclasses.replace(ended, uid="of another campaign in its place")) != [(1, 0.5)]


def test_why_the_best_trial_cannot_be_tested_is_read_once_it_matters(tmp_path: Path) -> None:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        record_campaign(store, tmp_path)
        view = gather(store, "specimen")
        assert view.best is not None
        model = tmp_path / f"campaigns/specimen/trials/{view.best.number}/attempt-1/model"
        assert view.untestable is not None
        assert "nothing scores a model: there is no module 'specimens'" in view.untestable
        (tmp_path / "specimens.py").write_text("def quadratic(): ...\ndef evaluate(): ...\n")
        assert (gather(store, "specimen").untestable or "").startswith(f"trial {view.best.number} left no model in")
        model.mkdir(parents=True)
        (model / "weights").touch()
        assert gather(store, "specimen").untestable is None
