"""The service is measured as the command says."""

from __future__ import annotations

import pytest

from tests.benchmarks import serving


def test_service_dashboard_and_driver_are_measured_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    options = "--trials 30 --viewers 2 --ticks 1 --results 3 --turns 1 --seconds 3"
    assert serving.main(options.split()) == 0
    printed = capsys.readouterr()
    rows = [line for line in printed.out.splitlines() if line.startswith(("bohpo", "optuna-dashboard"))]
    assert [row.split("  ")[0] for row in rows] == [
        "bohpo",
        "optuna-dashboard",
        "bohpo, top of the page",
        "bohpo, whole page",
        "optuna-dashboard",
    ]
    assert "recording, results per second" in printed.out
    assert "trials per minute" in printed.out
