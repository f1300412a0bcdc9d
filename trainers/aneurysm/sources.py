"""Where cases come from: the string `data` of a study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bohpo.errors import UsageError
from trainers.aneurysm.cache import cached_phantom
from trainers.aneurysm.phantom import PRESETS
from trainers.aneurysm.settings import Settings
from trainers.cad.case import Case, Split, normalise
from trainers.cad.folder import read_folder

PHANTOM_CASES = {Split.TRAINING: 40, Split.VALIDATION: 64, Split.TEST: 40}
"""Default number of phantoms per split; 64 of them hold over 60 aneurysms to validate on."""

_FIRST_INDEX = {Split.TRAINING: 0, Split.VALIDATION: 100_000, Split.TEST: 200_000}
"""Each split counts its phantoms from here, so that more of one do not make others out of another."""

_FOLDER_SPACING_MM = 0.6
_PHANTOM = re.compile(r"phantom:(?P<preset>\w+)(\?seed=|\?)?(?P<seed>\d+)?")


def iter_cases(settings: Settings, split: Split) -> Iterator[Case]:
    """Give the cases of one split, and read no other's.

    Args:
        settings: Says which data, how many cases, which spacing.
        split: Which cases.

    Raises:
        UsageError: If the string `data` makes no sense, or the split is empty.
        DataError: If cases of a folder are broken; all of them are named.
    """
    count = {
        Split.TRAINING: settings.training_cases,
        Split.VALIDATION: settings.validation_cases,
        Split.TEST: settings.test_cases,
    }[split]
    if settings.data.startswith("phantom:"):
        return _phantoms(settings, split, count or PHANTOM_CASES[split])
    return read_folder(Path(settings.data), split, count, settings.spacing_mm or _FOLDER_SPACING_MM)


def _phantoms(settings: Settings, split: Split, count: int) -> Iterator[Case]:
    match = _PHANTOM.fullmatch(settings.data)
    if match is None or match["preset"] not in PRESETS:
        presets = ", ".join(f"phantom:{name}" for name in PRESETS)
        raise UsageError(f"data: there are no phantoms {settings.data!r}; use one of {presets}, with ?seed=1 at will")
    preset, seed = match["preset"], int(match["seed"] or 0)
    spacing = PRESETS[preset].spacing
    if settings.spacing_mm not in (None, spacing):
        raise UsageError(f"spacing_mm: {settings.data} comes at {spacing} mm only; leave spacing_mm out")
    return (_phantom(preset, seed, _FIRST_INDEX[split] + number) for number in range(count))


def _phantom(preset: str, seed: int, index: int) -> Case:
    phantom = cached_phantom(preset, seed, index)
    return Case(
        name=f"phantom-{preset}-{seed}-{index:06d}",
        volume=normalise(phantom.volume),
        spacing=PRESETS[preset].spacing,
        centres=phantom.centres[:, ::-1],
        diameters=phantom.diameters,
    )
