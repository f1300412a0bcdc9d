"""What is examined, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the machine is to do.

    Attributes:
        store: Database: a path or a URL; may hold a password.
        directory: Folder of the campaigns' folders; need not exist.
        backend: Where jobs are to run: "local", or a queue's name.
        partition: Queue or partition that jobs are to be submitted to, or None for the default one.
        brings_python: Whether jobs have a Python of their own: a container's, or `cluster.python`.
        asks_torch: Whether torch is asked for its GPUs, which takes seconds.
    """

    store: str
    directory: Path
    backend: str = LOCAL
    partition: str | None = None
    brings_python: bool = False
    asks_torch: bool = False

    @property
    def uses_queue(self) -> bool:
        """Whether jobs run on other machines than this one."""
        return self.backend != LOCAL


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        is_fine: Whether it will do.
        detail: What was found; never a password.
        remedy: What to do where it will not do, or where more would be better; may be empty.
        is_needed: Whether campaigns as planned cannot run while it is not fine.
    """

    name: str
    is_fine: bool
    detail: str
    remedy: str = ""
    is_needed: bool = True

    @property
    def is_trouble(self) -> bool:
        """Whether it has to be put right first."""
        return self.is_needed and not self.is_fine

    def __str__(self) -> str:
        """Write detail and remedy as one line."""
        return f"{self.detail}; {self.remedy}" if self.remedy else self.detail
