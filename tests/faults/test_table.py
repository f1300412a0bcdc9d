"""The table of promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.figures import FILE, append_figure, read_figures
from tests.faults.table import ELSEWHERE, PROMISES, table


def test_each_promise_has_a_row_with_its_figures_and_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "figures"))
    append_figure("P3", "1000 reports", "pytest a")
    append_figure("P3", "5 more", "pytest a")
    append_figure("P15", "0 restarted", "pytest b")
    rows = {line.split(" | ")[0]: line for line in table(read_figures(tmp_path / "figures")).splitlines()}
    assert set(rows) == {f"| {name}" for name in ("#", "---", *PROMISES)}
    assert "| 1000 reports<br>5 more | `pytest a` |" in rows["| P3"]
    assert "| 0 restarted | `pytest b` |" in rows["| P15"]
    assert "not measured" in rows["| P1"]


def test_what_else_holds_a_promise_is_there() -> None:
    root = Path(__file__).parents[2]
    assert [path for paths in ELSEWHERE.values() for path in paths.split(", ") if not (root / path).exists()] == []
