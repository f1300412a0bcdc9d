"""The service over TLS, with a certificate of its own, asked by who believes that one alone."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.service.served import run, serving

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing; it makes the certificate")


def certificate(folder: Path, name: str = "own") -> tuple[Path, Path]:
    """Make a certificate for this host's loopback address, and its private key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    made = subprocess.run((*words, *names, "-keyout", key, "-out", certificate), capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    return certificate, key


def test_a_service_with_a_certificate_is_asked_over_tls_and_not_without(tmp_path: Path) -> None:
    own, key = certificate(tmp_path)
    with serving(tmp_path, f"--certificate={own}", f"--key={key}") as served:
        assert served.address.startswith("https://127.0.0.1:")
        with served.client(verify=ssl.create_default_context(cafile=str(own))) as client:
            answer = client.get("/api/v1/campaigns")
            assert (answer.status_code, answer.json()["campaigns"]) == (200, [])
            assert "max-age" in answer.headers["strict-transport-security"]
            entered = client.get("/", params={"token": served.token}, headers={"Authorization": ""})
            assert entered.status_code == 303
            assert "Secure" in entered.headers["set-cookie"] and "HttpOnly" in entered.headers["set-cookie"]
        with served.client() as stranger, pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            stranger.get("/health")
        plain = served.address.replace("https:", "http:")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{plain}/health", trust_env=False)
        assert served.process.poll() is None


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    own, _ = certificate(tmp_path)
    _, other = certificate(tmp_path, "other")
    refused = run(tmp_path, "serve", "--port=0", f"--certificate={own}", f"--key={other}")
    assert (refused.returncode, "PEM files that belong together" in refused.stderr) == (2, True)
