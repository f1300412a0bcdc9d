"""What a folder of an application's cases looks like, and the error that names all of its broken cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.errors import DataError, UsageError
from trainers.cad.case import Image, normalise
from trainers.cad.volume import Volume, read_volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a folder of an application's cases looks like.

    Attributes:
        spacing: Edge of the voxels that volumes are resampled to, mm.
        read: Reads the volume of a case of this name at this path, on voxels of this edge; raises `DataError`.
        normalise: Brings a volume's signal to the scale that the network is trained on.
        version: Raise it with any change of the two functions that alters a volume: those that are cached are stale.
        is_labelled: Whether labels.csv tells of whole cases, instead of lesions.csv of lesions.
    """

    spacing: float
    read: Callable[[str, Path, float], Volume] = read_volume
    normalise: Callable[[Image], Image] = normalise
    version: int = 1
    is_labelled: bool = False


class BrokenCasesError(DataError):
    """Cases of a folder cannot be used; all of them are named.

    Attributes:
        errors: One error for each broken case.
    """

    def __init__(self, errors: tuple[DataError, ...]) -> None:
        """Gather the errors of the broken cases."""
        self.errors = errors
        self.case = ", ".join(dict.fromkeys(error.case for error in errors))
        UsageError.__init__(self, "\n".join(str(error) for error in errors))
