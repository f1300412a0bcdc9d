"""The table of promises."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults import table as program
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


def test_a_program_whose_figures_are_known_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known, run = tmp_path / "known", list[tuple[tuple[str, ...], ...]]()

    def measure(commands: tuple[tuple[str, ...], ...], _path: Path) -> bool:
        run.append(commands)
        return True

    monkeypatch.setenv(FILE, str(known))
    append_figure("P1", "0 lost", "python -m tests.faults.kills --kills 1000 --seed 7")
    append_figure("P6", "of fewer kills", "python -m tests.faults.kills --kills 10")
    append_figure("P3", "of a test", "pytest tests/faults/test_repeats.py")
    monkeypatch.setattr(program, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["table", "--long", "--known", str(known)])
    with pytest.raises(SystemExit, match="False"):
        program.main()
    assert run == [tuple(c for c in (*program.SHORT, *program.LONG) if c[0] != "tests.faults.kills")]
    printed = capsys.readouterr().out
    assert "0 lost" in printed
    assert "of fewer kills" not in printed
    assert "of a test" not in printed


def test_what_else_holds_a_promise_is_there() -> None:
    root = Path(__file__).parents[2]
    assert [path for paths in ELSEWHERE.values() for path in paths.split(", ") if not (root / path).exists()] == []
