"""Figures that tests measure of the promises, on their way to the table."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

FILE = "BOHPO_FIGURES"
"""Names the file in the environment that figures are appended to, a line of JSON each."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of a promise.

    Attributes:
        promise: P1 to P15.
        figure: In words, with its unit.
        command: What measured it.
    """

    promise: str
    figure: str
    command: str


def append_figure(promise: str, figure: str, command: str) -> None:
    """Tell a figure in the log, and append it to the file where there is one."""
    logger.warning("%s: %s", promise, figure)
    if FILE in os.environ:
        line = json.dumps({"promise": promise, "figure": figure, "command": command}) + "\n"
        with Path(os.environ[FILE]).open("a") as file:
            file.write(line)


def read_figures(path: Path) -> list[Figure]:
    """Read the figures that were appended to a file; none where there is none."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Figure(**json.loads(line)) for line in lines]
