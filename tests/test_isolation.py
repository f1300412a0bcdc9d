"""Tests do not meet their host: neither its user's settings nor, afterwards, their own processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation import SESSION, group_of, isolate, left_behind


def test_the_users_settings_are_out_of_sight_and_a_folder_of_the_tests_takes_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("XDG_CONFIG_HOME", "DASK_CONFIG", SESSION):
        monkeypatch.setenv(name, "the user's")
    monkeypatch.setenv("BOHPO_CLUSTER_QUEUE", "private")
    monkeypatch.setenv("PGHOST", "db.example.org")
    monkeypatch.setenv("BOHPO_FIGURES", "/figures")
    undo = isolate()
    folder = Path(os.environ["XDG_CONFIG_HOME"])
    assert os.environ["BOHPO_FIGURES"] == "/figures"
    assert {"BOHPO_CLUSTER_QUEUE", "PGHOST"} & set(os.environ) == set()
    assert folder.is_dir()
    subprocess.run((sys.executable, "-c", "import dask_jobqueue"), check=True)
    assert [path.name for path in folder.rglob("*.yaml")] == ["jobqueue.yaml"]
    undo()
    assert not folder.exists()


def test_tests_that_share_a_service_are_grouped_and_others_are_not(request: pytest.FixtureRequest) -> None:
    assert group_of(request.node) is None
    request.node.add_marker(pytest.mark.postgresql)
    assert group_of(request.node) == "postgresql-tests"
    request.node.add_marker(pytest.mark.slurm)
    assert group_of(request.node) == "slurm-tests"


def test_a_process_that_is_left_is_found_by_its_test_and_killed() -> None:
    session = f"{os.environ[SESSION]}-of-this-test"
    assert left_behind(session) == []
    left = subprocess.Popen(("sleep", "987"), env={**os.environ, SESSION: session})
    [told] = left_behind(session, grace_s=0.0)
    assert "test_a_process_that_is_left_is_found_by_its_test_and_killed" in told
    assert told.endswith(": sleep 987")
    assert left.wait() == -9
