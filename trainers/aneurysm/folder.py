"""Real cases: a folder of volumes, and a table of their aneurysms."""
from __future__ import annotations
from collections.abc import Iterator
from pathlib import Path
from trainers.aneurysm.case import Case, Split
def read_folder(folder: Path, split: Split, count: int | None, spacing: float) -> Iterator[Case]:
    raise NotImplementedError
