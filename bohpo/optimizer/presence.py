"""When a parameter is active, learned from the trials that had it and those that lacked it.

A condition is a conjunction: every parent is active with one of its named values. The steps to one:

1. Group the trials by the parameters that they had, for the trials of a group differ in values only.
2. Parents of a parameter may be those of few values that all trials with it had, and some without it.
3. A parent rules out a trial that lacked the parameter if the trial lacked the parent too, or had it with a value
   that never went with the parameter.
4. The condition has the fewest parents that together rule out every such trial. Values that nothing speaks against
   are taken to make the parameter active.

A wrong guess corrects itself: a trial then has a parameter, or lacks one, and the condition falls. What is learned
depends on the trials, never on the order in which they are added.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bohpo.optimizer.cube import MOST_NEIGHBOURS
from bohpo.space import CategoricalParameter, Condition, Parameter
from bohpo.space.parameters import identity
from bohpo.trial import Configuration, Scalar

Identity: TypeAlias = tuple[str, Scalar]
"""What tells a value from all others."""

Row: TypeAlias = tuple[Identity | None, ...]
"""One trial's values of some parameters, None where it lacked one."""

MOST_TRIED = 20_000
"""Choices of parents that are looked at for one condition and size."""

MOST_PARENTS = 3
"""Conditions of more parents than this are not looked for: with so many, something explains any few trials."""


@dataclass(slots=True)
class _Group:
    """Trials that had the same parameters.

    Attributes:
        names: The parameters.
        is_complete: Whether the trials completed; one that did not may have ended before it asked for all.
        configurations: Of the trials.
        values: What was seen of each parameter, up to one value more than a parent may have.
    """

    names: frozenset[str]
    is_complete: bool
    configurations: list[Configuration] = field(default_factory=list)
    values: dict[str, set[Identity]] = field(default_factory=dict)


@dataclass(slots=True)
class _Rows:
    """The distinct values of some parameters in groups that grow; each trial is looked at once.

    Attributes:
        names: The parameters.
        rows: Their values.
        read: How many trials of each group have been looked at.
    """

    names: tuple[str, ...]
    rows: set[Row] = field(default_factory=set)
    read: dict[frozenset[str], int] = field(default_factory=dict)

    def update(self, groups: Iterable[_Group]) -> set[Row]:
        """Take in what is new in the groups."""
        for group in groups:
            known = [name if name in group.names else None for name in self.names]
            for configuration in group.configurations[self.read.get(group.names, 0) :]:
                self.rows.add(tuple(None if name is None else _identity(configuration[name]) for name in known))
            self.read[group.names] = len(group.configurations)
        return self.rows


class Presence:
    """Which parameters each finished trial had."""

    def __init__(self) -> None:
        """Begin without trials."""
        self._groups: dict[tuple[frozenset[str], bool], _Group] = {}
        self._rows: dict[tuple[str, bool], _Rows] = {}

    def add(self, configuration: Configuration, *, is_complete: bool) -> None:
        """Take in a finished trial."""
        names = frozenset(configuration)
        group = self._groups.setdefault((names, is_complete), _Group(names, is_complete))
        group.configurations.append(configuration)
        for name, value in configuration.items():
            values = group.values.setdefault(name, set())
            if len(values) <= MOST_NEIGHBOURS:
                values.add(_identity(value))

    def conditions(self, parameters: Sequence[Parameter]) -> dict[str, Condition]:
        """Learn when each parameter is active; always, where nothing explains what was seen.

        Args:
            parameters: All that may be parents, in an order that says who comes first where several would explain it.
        """
        whole = self._whole()
        parents = sorted((p for p in parameters if p.count <= MOST_NEIGHBOURS), key=lambda parameter: parameter.count)
        return {parameter.name: self._condition(parameter.name, parents, whole) for parameter in parameters}

    def _whole(self) -> list[_Group]:
        """Give the groups that were asked for all their parameters: the completed, and those that look like them."""
        completed = [group for group in self._groups.values() if group.is_complete]
        always = frozenset.intersection(*(group.names for group in completed)) if completed else frozenset()
        return [group for group in self._groups.values() if always <= group.names]

    def _condition(self, name: str, parents: Sequence[Parameter], whole: Sequence[_Group]) -> Condition:
        having = [group for group in whole if name in group.names]
        lacking = [group for group in whole if name not in group.names]
        completed = [group for group in lacking if group.is_complete]
        condition = self._explain((name, False), parents, having, lacking)
        return condition or (self._explain((name, True), parents, having, completed) if completed != lacking else {})

    def _explain(
        self, key: tuple[str, bool], parents: Sequence[Parameter], having: list[_Group], lacking: list[_Group]
    ) -> Condition:
        """Find the fewest parents that rule out all trials of `lacking` and none of `having`; none if there are none.

        Args:
            key: Under which the trials that have been looked at are kept.
            parents: Who may be a parent.
            having: The trials with the parameter.
            lacking: The trials without it.
        """
        if not having or not lacking:
            return {}
        going = {parent.name: _going(parent.name, having) for parent in parents}
        able = [parent for parent in parents if _rules_out(parent.name, going[parent.name], lacking)]
        names = tuple(parent.name for parent in able)
        if key not in self._rows or self._rows[key].names != names:
            self._rows[key] = _Rows(names)
        rows = {row: _excluders(row, [going[name] for name in names]) for row in self._rows[key].update(lacking)}
        chosen = _fewest(set(rows.values()))
        return {} if chosen is None else _allowing([able[i] for i in chosen], chosen, rows)


def _going(parent: str, having: Iterable[_Group]) -> set[Identity]:
    """Give the values of a parent that go with a parameter; none if a trial had the parameter without the parent."""
    seen = [group.values.get(parent, set()) for group in having]
    return set.union(*seen) if all(0 < len(values) <= MOST_NEIGHBOURS for values in seen) else set()


def _rules_out(parent: str, going: set[Identity], lacking: Iterable[_Group]) -> bool:
    """Whether a parent rules out any trial, and is not always missing together with the parameter."""
    seen = [group.values.get(parent, set()) for group in lacking]
    return bool(going) and any(seen) and any(not values or values - going for values in seen)


def _excluders(row: Row, going: Sequence[set[Identity]]) -> frozenset[int]:
    return frozenset(i for i, value in enumerate(row) if value is None or value not in going[i])


def _fewest(excluders: set[frozenset[int]]) -> tuple[int, ...] | None:
    """Return the smallest choice that meets each of the sets, of several the first one; None if there is none.

    Every choice has a member in common with the smallest set that the others of it do not meet. Following only these
    leaves few choices to look at, however many parents there are; `MOST_TRIED` of them at most.
    """
    ordered = sorted(excluders, key=lambda members: (len(members), sorted(members)))
    if not ordered or not ordered[0]:
        return None
    for size in range(1, MOST_PARENTS + 1):
        found = list(itertools.islice(_meeting(ordered, size, ()), MOST_TRIED))
        chosen = min((choice for choice in found if choice is not None), default=None)
        if chosen is not None:
            return chosen
    return None


def _meeting(
    excluders: Sequence[frozenset[int]], size: int, chosen: tuple[int, ...]
) -> Iterator[tuple[int, ...] | None]:
    """Generate the choices of `size` more that meet each of the sets, and None for each that was tried in vain."""
    missed = next((members for members in excluders if members.isdisjoint(chosen)), None)
    if missed is None:
        yield tuple(sorted(chosen))
    elif size == 0:
        yield None
    else:
        for member in sorted(missed):
            yield from _meeting(excluders, size - 1, (*chosen, member))


def _allowing(chosen: Sequence[Parameter], columns: tuple[int, ...], rows: dict[Row, frozenset[int]]) -> Condition:
    """Name the values of the chosen parents that no trial speaks against.

    A trial speaks against the one parent that rules it out; where several do, against the first of them, unless one
    of them is spoken against already.
    """
    against: dict[int, set[Identity | None]] = {column: set() for column in columns}
    undecided = []
    for row, excluders in rows.items():
        ruling = [column for column in columns if column in excluders]
        if len(ruling) == 1:
            against[ruling[0]].add(row[ruling[0]])
        elif all(row[column] is not None for column in ruling):
            undecided.append((row, ruling))
    first = [
        (ruling[0], row[ruling[0]]) for row, ruling in undecided if not any(row[at] in against[at] for at in ruling)
    ]
    for column, value in first:
        against[column].add(value)
    condition = {
        parent.name: tuple(value for value in _values(parent) if _identity(value) not in against[column])
        for parent, column in zip(chosen, columns, strict=True)
    }
    return condition if all(condition.values()) else {}


def _values(parameter: Parameter) -> Sequence[Scalar]:
    return parameter.choices if isinstance(parameter, CategoricalParameter) else parameter.grid


def _identity(value: Scalar) -> Identity:
    """Give what tells a value from others, with the last digits of a float left out, which differ on a grid."""
    return identity(round(value, 12) if isinstance(value, float) else value)
