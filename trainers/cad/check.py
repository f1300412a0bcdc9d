"""All cases of a folder read, and everything that is wrong with them told, before any training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bohpo.errors import UsageError
from bohpo.trainer import CheckedCase
from trainers.cad.application import Application
from trainers.cad.case import Case, Split
from trainers.cad.case_reader import read_case
from trainers.cad.folder import list_cases, split_by_name
from trainers.cad.layout import BrokenCasesError


def check_folder(
    application: Application[Any, Any, Any], folder: Path, spacing_mm: float | None
) -> Iterator[CheckedCase]:
    """Read all cases of a folder, none from the cache.

    Args:
        application: Whose cases they are.
        folder: Where they are.
        spacing_mm: Edge of the voxels that volumes are resampled to; by default the application's own.

    Yields:
        Every case, in the order of the names, and every split that cannot be used as a whole.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    layout = application.layout(application.settings.least(data=str(folder), spacing_mm=spacing_mm))
    whole: dict[Split, list[Case]] = defaultdict(list)
    for name, found in sorted(list_cases(folder, layout).items()):
        splits = found.splits or ({split_by_name(name)} if found.paths else set())
        split = next(iter(splits)) if len(splits) == 1 else None
        try:
            case = read_case(name, found, layout, from_cache=False)
        except BrokenCasesError as broken:
            yield CheckedCase(name, split or "", problems=tuple(str(error) for error in broken.errors))
            continue
        yield CheckedCase(name, split or "", _describe(case))
        if split is not None:
            whole[split].append(replace(case, volume=np.empty((0, 0, 0), np.float32)))
    for split in Split:
        try:
            application.require(whole[split], split)
        except UsageError as error:
            yield CheckedCase(split, split, problems=(str(error),))


def _describe(case: Case) -> str:
    channels = f"{case.volume.shape[0]} x " if case.volume.ndim == 4 else ""
    size = " x ".join(str(edge) for edge in reversed(case.shape))
    if case.label is not None:
        finding = "abnormal" if case.label else "normal"
    else:
        finding = f"{len(case.centres)} lesion{'' if len(case.centres) == 1 else 's'}"
    return f"{channels}{size} voxels of {case.spacing:g} mm, {finding}"
