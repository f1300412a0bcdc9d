"""What an administrator says about the service: the table [serve] of `site.toml` or `bohpo.toml`, and flags.

```toml
[serve]
host = "127.0.0.1"                     # any other address needs certificate and key, or plain_http = true
port = 8765
hosts = ["bohpo.example.org"]          # names by which a proxy is reached, beside those of this host
root_path = "/node/bohpo"              # where a proxy puts the service
studies = ["/shared/studies"]          # folders whose study files may be launched, as they are
trainers = ["trainers.aneurysm:train"] # what a study that somebody writes into the page may name
read_only = false
```
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from bohpo.errors import Mistake, StudyError, UsageError
from bohpo.study.tables import Entry, Table
from bohpo.study.toml_reader import TomlError, parse_toml, read_toml_text
from bohpo.study.translation import translate_all

DEFAULT_PORT = 8765
BODY_BYTES = 1_000_000
"""A request may be so long; a study of a thousand parameters is a tenth of it."""

Words = Annotated[tuple[str, ...], Field(strict=False)]


class ServeTable(Table):
    """The table [serve].

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        certificate: PEM file of the certificate chain, for TLS.
        key: PEM file of its private key.
        plain_http: Whether to listen without TLS on an address that others reach.
        hosts: Names by which the service is reached, beside its own address.
        root_path: Path under which a proxy shows the service.
        studies: Folders whose study files may be launched, as they are.
        trainers: What studies from elsewhere may name as trainer, evaluator or `feasible`.
        read_only: Whether nothing may be launched, stopped or resumed.
        tokens: File of the tokens' hashes; in the campaigns' folder by default.
        interval: Seconds between two looks at the database.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535)
    certificate: str | None = None
    key: str | None = None
    plain_http: bool = False
    hosts: Words = ()
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    studies: Words = ()
    trainers: Annotated[tuple[Entry, ...], Field(strict=False)] = ()
    read_only: bool = False
    tokens: str | None = None
    interval: float = Field(default=1.0, ge=0.05, le=3600.0)


class ServeFile(Table):
    """A site file as the service reads it; what is not about the service is others' to check."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    serve: ServeTable = Field(default=ServeTable())


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the service has to know.

    Attributes:
        store: Database, as for `bohpo.store.open_store`.
        directory: Folder of the campaigns' folders, absolute.
        serve: What the administrator says.
        working_directory: Where the service and its drivers run, and look for listed trainers; absolute.
    """

    store: str = "bohpo.db"
    directory: Path = field(default_factory=lambda: Path("campaigns").resolve())
    serve: ServeTable = field(default_factory=ServeTable)
    working_directory: Path = field(default_factory=Path.cwd)

    @property
    def own_directory(self) -> Path:
        """Folder of what the service itself keeps; no campaign's name begins with a dot."""
        return self.directory / ".service"

    @property
    def tokens(self) -> Path:
        """File of the tokens' hashes."""
        return Path(self.serve.tokens).expanduser() if self.serve.tokens else self.own_directory / "tokens.json"

    @property
    def studies(self) -> tuple[Path, ...]:
        """Folders whose study files may be launched, absolute."""
        return tuple(Path(folder).expanduser().resolve() for folder in self.serve.studies)

    @property
    def has_tls(self) -> bool:
        """Whether the service speaks TLS itself."""
        return self.serve.certificate is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only this host reaches the service."""
        return is_loopback(self.serve.host)


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from its own host only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_serve_table(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> ServeTable:
    """Put together what the site's files and the command line say; a later one holds against an earlier one.

    Args:
        flags: Keys of the table that were given on the command line.
        environment: Environment variables; this process's by default.

    Raises:
        StudyError: If a file has mistakes; it names all of them.
        UsageError: If the service would be open to others without TLS, or only half of a certificate is given.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    for path in _site_files(environment):
        merged |= _validated(_read(path), str(path))
    merged |= _validated({"serve": dict(flags)}, "command line")
    table = ServeTable.model_validate(merged)
    _refuse_open_doors(table)
    return table


def _site_files(environment: Mapping[str, str]) -> list[Path]:
    configuration = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [path for path in (configuration / "bohpo" / "site.toml", Path.cwd() / "bohpo.toml") if path.is_file()]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return parse_toml(read_toml_text(path))
    except TomlError as error:
        raise StudyError(str(path), (error.mistake,)) from error
    except OSError as error:
        raise StudyError(str(path), (Mistake("file", f"{error.strerror}", "make it readable"),)) from error


def _validated(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    try:
        return ServeFile.model_validate(data).serve.model_dump(exclude_unset=True)
    except ValidationError as error:
        raise StudyError(source, tuple(translate_all(error, ServeFile))) from error


def _refuse_open_doors(table: ServeTable) -> None:
    if (table.certificate is None) != (table.key is None):
        raise UsageError("TLS needs both --certificate and --key; give the other one, too")
    if table.certificate is None and not is_loopback(table.host) and not table.plain_http:
        raise UsageError(
            f"--host {table.host} is reached by others, who would read tokens on their way; give --certificate and"
            " --key, or listen on 127.0.0.1 behind a tunnel or a proxy, or insist by --plain-http"
        )
