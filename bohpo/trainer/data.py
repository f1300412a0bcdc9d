"""A trainer's data, checked before any training: what `bohpo trainer check MODULE --data FOLDER` asks a trainer.

A trainer's module may have a function `check(data, spacing_mm) -> Iterator[CheckedCase]` that reads all cases of a
folder, those of the test split included, and tells all that is wrong with each. It may take a third argument
`pictures`, a folder for pictures of what the tables mark, or None; `--pictures` then fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class CheckedCase:
    """What came of reading a case.

    Attributes:
        name: Its name; of a split or a table as a whole, that of the split or the table.
        split: What it is for, or empty where that is not known.
        description: What it is, in a few words: voxels, spacing, findings; empty where it cannot be used.
        problems: All that is wrong with it, each with its remedy.
        warnings: What its owner should look at, though it can be used.
        notes: What else is worth knowing, such as how wide the interval of a score will be.
    """

    name: str
    split: str
    description: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


DataCheck: TypeAlias = Callable[..., Iterator[CheckedCase]]
