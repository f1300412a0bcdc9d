"""What an optimizer keeps between proposals: it changes how long they take, never what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bohpo.optimizer.cube import Cube, Mask, Points
from bohpo.optimizer.fit import Hyperparameters
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.recipe import View
from bohpo.space import Space
from bohpo.trial import Configuration

MOST_FITS = 32
"""Fits kept: a schedule's chain, and those of the last results."""

SPARE_ROWS = 4096
"""Rows kept beyond those in use before the table is made anew."""


@dataclass(slots=True)
class Memory:
    """Encoded configurations, fits and the last posterior, of one space at a time.

    Attributes:
        cube: Of the space.
        fits: What a fit follows from -> its hyperparameters.
        posteriors: The last one of each view that was conditioned on every value.
    """

    cube: Cube | None = None
    fits: dict[bytes, Hyperparameters] = field(default_factory=dict)
    posteriors: dict[View, Posterior] = field(default_factory=dict)
    _table: Table | None = None

    def cube_of(self, space: Space) -> Cube:
        """Give the cube of a space, and forget what belongs to another one."""
        if self.cube is None or self.cube.space != space:
            self.cube, self._table = Cube(space), None
            self.fits.clear()
            self.posteriors.clear()
        return self.cube

    def place(self, configurations: Sequence[Configuration]) -> set[bytes]:
        """Place a whole history in the cube, and give what tells its configurations from others, see `Cube.keys`."""
        if len(self._placed) > 2 * len(configurations) + SPARE_ROWS:
            self._table = None
        return self._placed.keys(configurations)

    def encode(self, configurations: Sequence[Configuration]) -> tuple[Points, Mask]:
        """Give the rows of configurations, see `Cube.encode`; those that were placed before cost a look-up."""
        return self._placed.rows(configurations)

    @property
    def _placed(self) -> Table:
        assert self.cube is not None
        if self._table is None:
            self._table = Table(self.cube)
        return self._table

    def keep_fit(self, key: bytes, hyperparameters: Hyperparameters) -> Hyperparameters:
        """Keep a fit; the oldest makes room."""
        self.fits[key] = hyperparameters
        if len(self.fits) > MOST_FITS:
            del self.fits[next(iter(self.fits))]
        return hyperparameters


class Table:
    """Encoded configurations, known by being the same object as before."""

    def __init__(self, cube: Cube) -> None:
        """Begin an empty table."""
        self._cube = cube
        self._index: dict[int, int] = {}
        self._kept: list[Configuration] = []  # an object that is kept has an identity that no other one gets
        self._keys: list[bytes] = []
        self._points = np.empty((0, len(cube)))
        self._active = np.empty((0, len(cube)), dtype=bool)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._kept)

    def rows(self, configurations: Sequence[Configuration]) -> tuple[Points, Mask]:
        """Give the rows of configurations, encoding those that are new; see `Cube.encode`."""
        chosen = self._find(configurations)
        return self._points[chosen], self._active[chosen]

    def keys(self, configurations: Sequence[Configuration]) -> set[bytes]:
        """Give the keys of configurations, encoding those that are new; see `Cube.keys`."""
        return {self._keys[row] for row in self._find(configurations)}

    def _find(self, configurations: Sequence[Configuration]) -> list[int]:
        index = self._index
        new = [configuration for configuration in configurations if id(configuration) not in index]
        if new:
            self._append(new)
        return [index[id(configuration)] for configuration in configurations]

    def _append(self, configurations: Sequence[Configuration]) -> None:
        points, active = self._cube.encode(configurations)
        for row, configuration in enumerate(configurations, len(self._kept)):
            self._index[id(configuration)] = row
        self._kept += configurations
        self._keys += self._cube.keys(points)
        used = len(self._kept) - len(configurations)
        if len(self._kept) > len(self._points):
            spare = max(len(self._kept) - len(self._points), len(self._points))
            self._points = np.vstack([self._points, np.empty((spare, len(self._cube)))])
            self._active = np.vstack([self._active, np.empty((spare, len(self._cube)), dtype=bool)])
        self._points[used : len(self._kept)] = points
        self._active[used : len(self._kept)] = active
