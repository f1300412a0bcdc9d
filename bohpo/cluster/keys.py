"""Keys of [cluster] that are set and that the backend ignores: named, so that none is ignored in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.backends.backend import PARALLEL_ENVIRONMENT, Unread
from bohpo.study import Cluster, Settled

_QUEUES_ONLY = 'choose a queue by cluster.backend, or leave it out with backend = "local"'

LOCAL_UNREAD = (
    PARALLEL_ENVIRONMENT,
    Unread("queue", remedy=_QUEUES_ONLY),
    Unread("account", remedy=_QUEUES_ONLY),
    Unread("nodes", remedy=_QUEUES_ONLY),
    Unread("resources", remedy=_QUEUES_ONLY),
    Unread("directives", remedy=_QUEUES_ONLY),
    Unread("attempts_per_job", remedy="leave it out: a local job starts at once, so nothing is saved by keeping it"),
    Unread("container", remedy="run bohpo itself in the container, or write a command of the study that starts it"),
    Unread("memory", remedy="leave it out: a limit of the address space breaks CUDA; run fewer jobs instead"),
)
"""Keys that jobs of this host ignore."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a study that stops nothing, and that its user has to know.

    Attributes:
        key: Dotted path of the key, as in `cluster.queue`.
        problem: What is not as it reads.
        remedy: What to write instead.
        is_note: Whether it is about a setting for several studies, rather than this study's own.
    """

    key: str
    problem: str
    remedy: str
    is_note: bool = False

    @property
    def level(self) -> str:
        """How it is announced: a warning, or a note."""
        return "note" if self.is_note else "warning"

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.key}: {self.problem}; {self.remedy}"

    def to_json(self) -> dict[str, str]:
        """Return it as a dictionary that JSON can hold."""
        return {"level": self.level, "key": self.key, "problem": self.problem, "remedy": self.remedy}


def unread_by(backend: str) -> tuple[Unread, ...]:
    """Return what a backend declares that it does not read."""
    return LOCAL_UNREAD if backend == "local" else BACKENDS[backend].unread


def ignored_keys(settled: Settled) -> Iterator[Notice]:
    """List the keys that are set, to anything but their defaults, and have no effect.

    A key of the study is worth a warning; one of a site file or the environment may be meant for other backends.
    """
    cluster, named = settled.study.cluster, set()
    for unread in unread_by(cluster.backend):
        is_unread = _is_set(cluster, unread.key) and (not unread.beside or _is_set(cluster, unread.beside))
        if is_unread and unread.key not in named:
            named.add(unread.key)
            source = settled.sources.get(unread.key, settled.study.source)
            is_own = source == settled.study.source
            where = "" if is_own else f" (from {source})"
            why = f"beside cluster.{unread.beside}" if unread.beside else ""
            problem = " ".join(filter(None, (f"{cluster.backend} ignores it", why))) + where
            yield Notice(f"cluster.{unread.key}", problem, unread.remedy, is_note=not is_own)


def _is_set(cluster: Cluster, key: str) -> bool:
    is_named = key in cluster.model_fields_set
    return is_named and getattr(cluster, key) != Cluster.model_fields[key].default
