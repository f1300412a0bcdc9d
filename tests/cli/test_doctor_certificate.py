"""What the doctor says of a PostgreSQL server's certificate; the server is real and speaks TLS."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.cli.doctor.finding import Finding
from bohpo.cli.doctor.tls import certificate
from bohpo.store.credentials import TlsRequest, tls_request
from bohpo.store.inspection import inspect_database
from tests.services import PostgresqlServer
from tests.services.absence import require_programs
from tests.services.daemon import wait_until

pytestmark = pytest.mark.postgresql


def issue(folder: Path, name: str, days: int) -> None:
    """Write a certificate for a host that signs itself, and its key."""
    command = ("openssl", "req", "-new", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", str(days))
    files = ("-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt"))
    subprocess.run((*command, *subject, *files), check=True, capture_output=True)


class TlsServer:
    """The session's PostgreSQL, speaking TLS with a certificate that the test chooses."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        """Take a server that runs."""
        self.server, self.folder = server, folder

    def show(self, name: str, days: int) -> Path:
        """Have it show a certificate for a host name, and give the file to trust it by."""
        issue(self.folder, name, days)
        for file in ("server.key", "server.crt"):
            target = self.server.folder / "data" / file
            shutil.copy(self.folder / file, target)
            shutil.copystat(self.server.folder / "data" / "PG_VERSION", target)
            shutil.chown(target, self.server.folder.owner(), self.server.folder.group())
            target.chmod(0o600)
        self.server.sql("ALTER SYSTEM SET ssl = on")
        self.server.sql("SELECT pg_reload_conf()")
        request = TlsRequest("require", "localhost", self.server.port, "")
        assert wait_until(lambda: certificate(request).is_fine)
        return self.folder / "server.crt"


@pytest.fixture
def tls(postgresql_server: PostgresqlServer, tmp_path: Path) -> Iterator[TlsServer]:
    """Have the session's server speak TLS for one test."""
    require_programs("TLS", "openssl")
    yield TlsServer(postgresql_server, tmp_path)
    postgresql_server.sql("ALTER SYSTEM RESET ssl")
    postgresql_server.sql("SELECT pg_reload_conf()")
    assert wait_until(lambda: postgresql_server.sql("SHOW ssl").strip() == "off")


def look(server: TlsServer, mode: str, root: Path | str) -> Finding:
    return certificate(TlsRequest(mode, "localhost", server.server.port, str(root)))


def test_a_good_certificate_is_told_with_its_end(tls: TlsServer) -> None:
    finding = look(tls, "verify-full", tls.show("localhost", 90))
    assert finding.is_fine
    assert "TLSv1.3, valid until" in finding.detail


def test_one_that_ends_soon_is_noted(tls: TlsServer) -> None:
    finding = look(tls, "verify-full", tls.show("localhost", 5))
    assert not finding.is_fine
    assert not finding.is_needed
    assert finding.remedy == "have it renewed"


def test_one_for_another_host_is_a_trouble_of_verify_full_alone(tls: TlsServer) -> None:
    root = tls.show("db.example.org", 90)
    finding = look(tls, "verify-full", root)
    assert finding.is_trouble
    assert "localhost" in finding.detail
    assert look(tls, "verify-ca", root).is_fine


def test_one_that_nobody_vouches_for_is_a_trouble(tls: TlsServer, tmp_path: Path) -> None:
    tls.show("localhost", 90)
    other = tmp_path / "other"
    other.mkdir()
    issue(other, "localhost", 90)
    assert look(tls, "verify-full", other / "server.crt").is_trouble
    missing = look(tls, "verify-full", tmp_path / "absent.crt")
    assert missing.is_trouble
    assert "is not there" in missing.detail


def test_modes_that_verify_nothing_are_told(tls: TlsServer) -> None:
    tls.show("localhost", 90)
    assert "verifies nothing" in look(tls, "require", "").detail
    finding = look(tls, "prefer", "")
    assert not finding.is_fine
    assert not finding.is_needed


def test_an_encrypted_connection_is_told_as_one(tls: TlsServer) -> None:
    tls.show("localhost", 90)
    password = tls.server.password.replace(" ", "%20")
    url = f"postgresql://postgres:{password}@localhost:{tls.server.port}/postgres"
    assert inspect_database(f"{url}?sslmode=require").encryption == "TLSv1.3"
    assert inspect_database(f"{url}?sslmode=disable").encryption is None


def test_a_server_without_tls_is_a_trouble_where_it_is_asked_for(postgresql_server: PostgresqlServer) -> None:
    finding = certificate(TlsRequest("require", "127.0.0.1", postgresql_server.port, ""))
    assert finding.is_trouble
    assert "the server offers none" in finding.detail


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("bohpo.db", None),
        ("postgresql://me@host/cad", None),
        ("postgresql://me@/cad?host=/run/postgresql&sslmode=require", None),
        ("postgresql://me@host/cad?sslmode=verify-full&sslrootcert=/ca", ("verify-full", "host", 5432, "/ca")),
        ("postgresql://me@host:5433/cad?sslmode=verify-ca&sslrootcert=system", ("verify-ca", "host", 5433, "")),
    ],
)
def test_the_url_says_whether_a_certificate_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, url: str, expected: tuple[str, str, int, str] | None
) -> None:
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    assert tls_request(url) == (expected and TlsRequest(*expected))
