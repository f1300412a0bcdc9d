"""The table of promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.figures import FILE, append_figure, read_figures
from tests.faults.table import PROMISES, table


def test_each_promise_has_a_row_with_its_figures_and_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "figures"))
    append_figure("P3", "1000 reports", "pytest a")
    append_figure("P3", "5 more", "pytest a")
    append_figure("P15", "0 restarted", "pytest b")
    rows = {line.split(" | ")[0]: line for line in table(read_figures(tmp_path / "figures")).splitlines()}
    assert set(rows) == {f"| {name}" for name in ("#", "---", *PROMISES)}
    assert rows["| P3"].endswith("| 1000 reports<br>5 more | `pytest a` |")
    assert rows["| P15"].endswith("| 0 restarted | `pytest b` |")
    assert "not measured" in rows["| P1"]
