"""What the driver writes into an attempt's folder is what the worker and the trainer read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bohpo.trainer import AttemptDirectory, AttemptSpec

SPEC = AttemptSpec(
    campaign="c",
    trial=3,
    number=2,
    command=("python3", "train.py"),
    bounds=(0.0, None),
    deadline_seconds=60.0,
    earlier_checkpoints=("trials/3/attempt-1/checkpoint",),
)


def test_what_is_prepared_is_read_back(tmp_path: Path) -> None:
    attempt = AttemptDirectory(tmp_path / "trials" / "3" / "attempt-2")
    configuration = {"lr": 1e-5, "depth": 3, "name": "ü", "flag": True, "nothing": None}
    attempt.prepare(SPEC, configuration)
    attempt.prepare(SPEC, configuration)
    assert attempt.read_spec() == SPEC
    assert attempt.read_configuration() == configuration
    assert sorted(path.name for path in attempt.path.iterdir()) == ["attempt.json", "config.json"]


def test_a_configuration_that_json_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        AttemptDirectory(tmp_path).prepare(SPEC, {"lr": float("nan")})


def test_a_fresh_folder_has_no_progress_and_no_end(tmp_path: Path) -> None:
    attempt = AttemptDirectory(tmp_path)
    assert attempt.read_progress() == []
    assert attempt.read_ended() is None


def test_a_report_that_is_being_written_is_passed_over(tmp_path: Path) -> None:
    attempt = AttemptDirectory(tmp_path)
    attempt.progress.write_text('{"step": 1, "value": 0.5}\n{"step": 2, "value": 0.25, "time": 1}\n{"step": 3, "val')
    assert attempt.read_progress() == [(1, 0.5), (2, 0.25)]


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    attempt = AttemptDirectory(tmp_path)
    lines = [b"3", b"[]", b"null", b"{}", b"\xff", b'{"step": "a", "value": 1}', b'{"step": 1, "value": null}', b""]
    attempt.progress.write_bytes(b"\n".join([*lines, b'{"step": 4, "value": 1}', *lines]))
    assert attempt.read_progress() == [(4, 1.0)]


@pytest.mark.parametrize("step", ["Infinity", "NaN", "1e999", "1" + 30 * "0", '"Infinity"', "[" * 100_000])
def test_a_step_that_no_training_reaches_is_passed_over(tmp_path: Path, step: str) -> None:
    attempt = AttemptDirectory(tmp_path)
    attempt.progress.write_text(f'{{"step": {step}, "value": 1}}\n{{"step": 2, "value": 1}}\n')
    assert attempt.read_progress() == [(2, 1.0)]


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "NaN", "1e999", "1" + 400 * "0"])
def test_a_value_that_is_not_finite_is_passed_over(tmp_path: Path, value: str) -> None:
    attempt = AttemptDirectory(tmp_path)
    attempt.progress.write_text(f'{{"step": 1, "value": {value}}}\n{{"step": 2, "value": 1}}\n')
    assert attempt.read_progress() == [(2, 1.0)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.one_of(st.binary(), st.sampled_from([b"[[\n]", b"{\r\n"])))
def test_no_progress_file_stops_the_driver(tmp_path: Path, garbage: bytes) -> None:
    attempt = AttemptDirectory(tmp_path)
    attempt.progress.write_bytes(garbage)
    assert all(isinstance(step, int) and isinstance(value, float) for step, value in attempt.read_progress())
