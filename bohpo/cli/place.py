"""Where campaigns are recorded and kept: the options that every command takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bohpo.campaign.home import DEFAULT_CAMPAIGNS, find_home
from bohpo.errors import UsageError
from bohpo.store import Campaign, Store, open_store


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Place:
    """Where campaigns are recorded and kept.

    Attributes:
        store: Database: a file, or a URL such as postgresql://host/name; file:PATH where a private file holds the URL.
        directory: Folder of the campaigns' folders; a campaign that was moved is looked for there, too.
        server: Address of a service to ask instead: ls, status, best, export, launch, stop and resume do.
        token_file: File of mode 0600 with the token that the service knows one by; or BOHPO_TOKEN holds it.
    """

    store: Annotated[str, Parameter(env_var="BOHPO_STORE")] = "bohpo.db"
    directory: Annotated[Path, Parameter(env_var="BOHPO_HOME")] = DEFAULT_CAMPAIGNS
    server: Annotated[str | None, Parameter(env_var="BOHPO_SERVER")] = None
    token_file: Annotated[Path | None, Parameter(env_var="BOHPO_TOKEN_FILE")] = None

    @contextlib.contextmanager
    def open(self, *, create: bool = False) -> Iterator[Store]:
        """Open the database for a command.

        Args:
            create: Whether a file that is not there is made; commands that only read say no.

        Raises:
            NotFoundError: If there is no such file and it is not to be made.
            StoreError: If the database is out of reach or unfit.
            UsageError: If a service was named, which the command does not ask.
        """
        if self.server is not None:
            raise UsageError("this command looks into the database itself; leave out --server and BOHPO_SERVER")
        with contextlib.closing(open_store(self.store, create=create)) as store:
            yield store

    def find(self, store: Store, name: str) -> Campaign:
        """Return a campaign with the folder where it is now.

        Raises:
            NotFoundError: If there is no such campaign, or its folder is gone.
            UsageError: If `directory` has a copy of it that is not this database's.
        """
        return find_home(store.campaign(name), store, self.directory)


HERE = Place()
"""The place that a command uses when nothing else is said."""
