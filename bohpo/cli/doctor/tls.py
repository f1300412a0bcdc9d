"""A PostgreSQL server's certificate, looked at as libpq would."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bohpo.cli.doctor.finding import Finding

if TYPE_CHECKING:
    from bohpo.store.credentials import TlsRequest

CONNECT_S = 5.0
RENEW_S = 14 * 86_400.0
SSL_REQUEST = struct.pack("!ii", 8, 80_877_103)
"""Asks a PostgreSQL server to go on in TLS; it answers S or N.

Source: PostgreSQL manual, "Message Formats", SSLRequest.
"""


def certificate(request: TlsRequest) -> Finding:
    """Check that the server offers TLS and, where the mode asks for it, a certificate that is valid and trusted."""
    name = f"certificate of {request.host}"
    if request.mode in ("disable", "allow", "prefer"):
        remedy = "write sslmode=verify-full unless the network is trusted"
        return Finding(name, False, f"sslmode={request.mode} lets the connection be in the clear", remedy, False)
    if request.mode.startswith("verify") and request.root and not Path(request.root).is_file():
        remedy = "copy the root certificate there, or name it: sslrootcert=FILE, sslrootcert=system"
        return Finding(name, False, f"{request.root}, which sslmode={request.mode} needs, is not there", remedy)
    try:
        return _shown(name, request)
    except ssl.SSLCertVerificationError as error:
        remedy = f"have it renewed or issued for this name, or correct sslrootcert ({request.root or 'system'})"
        return Finding(name, False, error.verify_message, remedy)
    except (OSError, ValueError) as error:
        return Finding(name, False, f"no TLS connection: {error}", "check host, port and the server's ssl = on")


def _shown(name: str, request: TlsRequest) -> Finding:
    verifies = request.mode.startswith("verify")
    context = ssl.create_default_context(cafile=request.root or None) if verifies else ssl.create_default_context()
    context.check_hostname = request.mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    with socket.create_connection((request.host, request.port), CONNECT_S) as plain:
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise ConnectionError("the server offers none")
        with context.wrap_socket(plain, server_hostname=request.host) as encrypted:
            shown, version = encrypted.getpeercert() or {}, encrypted.version()
    if "notAfter" not in shown:
        return Finding(name, True, f"{version}; sslmode={request.mode} verifies nothing, verify-full would")
    until = str(shown["notAfter"])
    left_s = ssl.cert_time_to_seconds(until) - time.time()
    remedy = "" if left_s > RENEW_S else "have it renewed"
    return Finding(name, left_s > RENEW_S, f"{version}, valid until {until}", remedy, is_needed=False)
