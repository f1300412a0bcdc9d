"""Where cases come from: the string `data` of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from bohpo.errors import UsageError
from trainers.cad.cache import cached, in_chance_order
from trainers.cad.case import Case, Split
from trainers.cad.folder import read_folder
from trainers.cad.layout import Layout
from trainers.cad.settings import TrainingSettings

PHANTOM = "phantom:"

PHANTOM_CASES: Mapping[Split, int] = {Split.TRAINING: 40, Split.VALIDATION: 64, Split.TEST: 40}
"""Default number of phantoms per split; 64 of them hold over 60 lesions to validate on."""

_FIRST_INDEX = {Split.TRAINING: 0, Split.VALIDATION: 100_000, Split.TEST: 200_000}
"""Each split counts its phantoms from here, so that more of one do not make others out of another."""


@dataclass(frozen=True, slots=True)
class Phantom:
    """Which phantom is meant; it is a pure function of this.

    Attributes:
        preset: Name of the family's preset.
        seed: Seed of the family, >= 0.
        index: Number of the case, >= 0. Test cases and others never share one.
        labels: Folder of label maps that anatomy is taken from, or None for a procedural one.
    """

    preset: str
    seed: int = 0
    index: int = 0
    labels: Path | None = None

    @property
    def split(self) -> Split:
        """Which split it belongs to."""
        return max(
            (split for split in Split if _FIRST_INDEX[split] <= self.index), key=lambda split: _FIRST_INDEX[split]
        )

    @property
    def name(self) -> str:
        """What the case is called."""
        return f"phantom-{self.preset}-{self.seed}-{self.index:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantoms:
    """The phantoms of an application.

    Attributes:
        name: What the application's files in the cache are called.
        version: Raise it with any change that alters a phantom; part of the name of the files.
        spacings: Name of each preset -> edge of its voxels, mm.
        make: Makes a phantom, its volume normalised.
        takes_labels: Whether they can have the anatomy of label maps (`?labels=FOLDER`).
        counts: Number of cases by default.
    """

    name: str
    version: int
    spacings: Mapping[str, float]
    make: Callable[[Phantom], Case]
    takes_labels: bool = False
    counts: Mapping[Split, int] = field(default_factory=lambda: PHANTOM_CASES)

    def find(self, phantom: Phantom) -> Case:
        """Give a phantom, from the cache where it is there."""
        folder = f"phantoms/{self.name}-v{self.version}{_digest_of(phantom.labels)}"
        return cached(f"{folder}/{phantom.preset}-{phantom.seed}-{phantom.index}", lambda: self.make(phantom))

    def iter_cases(self, settings: TrainingSettings, split: Split, count: int | None) -> Iterator[Case]:
        """Give the phantoms of one split, in an order by chance.

        Raises:
            UsageError: If there are no such phantoms.
        """
        first = self._parse(settings.data)
        spacing = self.spacings[first.preset]
        if settings.spacing_mm not in (None, spacing):
            raise UsageError(f"spacing_mm: {settings.data} comes at {spacing} mm only; leave spacing_mm out")
        indices = in_chance_order(range(_FIRST_INDEX[split], _FIRST_INDEX[split] + (count or self.counts[split])))
        return (self.find(Phantom(first.preset, first.seed, index, first.labels)) for index in indices)

    def _parse(self, data: str) -> Phantom:
        preset, _, query = data.removeprefix(PHANTOM).partition("?")
        try:
            options = {key: value for key, [value] in parse_qs(query, strict_parsing=bool(query)).items()}
            seed, labels = int(options.pop("seed", "0")), options.pop("labels", None)
        except ValueError:
            raise self._no_such_phantoms(data) from None
        if options or preset not in self.spacings or seed < 0 or (labels and not self.takes_labels):
            raise self._no_such_phantoms(data)
        if labels and not Path(labels).is_dir():
            raise UsageError(f"data: there is no folder {labels} of label maps; leave labels out for made-up anatomy")
        return Phantom(preset, seed, labels=Path(labels) if labels else None)

    def _no_such_phantoms(self, data: str) -> UsageError:
        presets = ", ".join(f"phantom:{name}" for name in self.spacings)
        more = "?seed=1&labels=FOLDER" if self.takes_labels else "?seed=1"
        return UsageError(f"data: there are no phantoms {data!r}; use one of {presets}, with {more} at will")


def iter_cases(settings: TrainingSettings, split: Split, phantoms: Phantoms, layout: Layout) -> Iterator[Case]:
    """Give the cases of one split in an order by chance, and read no other's.

    Args:
        settings: Says which data, how many cases, which spacing.
        split: Which cases.
        phantoms: The application's phantoms.
        layout: What a folder of the application's cases looks like.

    Raises:
        UsageError: If the string `data` makes no sense, or the split is empty.
        DataError: If cases of a folder are broken; all of them are named.
    """
    count = {
        Split.TRAINING: settings.training_cases,
        Split.VALIDATION: settings.validation_cases,
        Split.TEST: settings.test_cases,
    }[split]
    if settings.data.startswith(PHANTOM):
        return phantoms.iter_cases(settings, split, count)
    return read_folder(Path(settings.data), split, count, layout)


def _digest_of(labels: Path | None) -> str:
    if labels is None:
        return ""
    listing = sorted(f"{path.name} {path.stat().st_size}" for path in labels.iterdir())
    return "-" + hashlib.sha256("\n".join(listing).encode()).hexdigest()[:12]
