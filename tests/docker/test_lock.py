"""The locks and the table of licences say of every package what constraints.txt says."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.containerfile import ROOT

PINNED = re.compile(r"(?P<pin>\S+==\S+)(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
LOCKS = ("requirements.lock", "requirements-dev.lock")


def canonical(line: str) -> str:
    name, _, version = line.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def constraints() -> set[str]:
    return {canonical(line) for line in (ROOT / "constraints.txt").read_text().split()}


def locked(name: str) -> set[str]:
    """Return the pins of a lock, all of whose text must be pins with hashes."""
    text = (ROOT / name).read_text()
    found = list(PINNED.finditer(text))
    assert "".join(match[0] for match in found) == text, "each line is a pin with at least one hash"
    return {canonical(match["pin"]) for match in found}


def script(name: str, *words: str) -> str:
    command = (sys.executable, str(ROOT / "docker" / name), *words)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_locks_have_every_pin_once_but_torch_whose_builds_differ() -> None:
    users, development = map(locked, LOCKS)
    assert not users & development
    torch = {pin for pin in constraints() if pin.startswith("torch==")}
    assert users | development == constraints() - torch
    assert len(torch) == 1


@pytest.mark.parametrize(("name", "flags"), [("requirements.lock", ()), ("requirements-dev.lock", ("--rest",))])
def test_a_lock_has_what_its_readers_need(name: str, flags: tuple[str, ...]) -> None:
    assert locked(name) == {canonical(line) for line in script("pins.py", *flags).split()}


def test_users_need_the_extras_and_what_those_need_but_no_test_tool() -> None:
    names = {pin.partition("==")[0] for pin in locked("requirements.lock")}
    assert {"psycopg", "psycopg-binary", "fastapi", "starlette", "distributed", "simpleitk", "setuptools"} <= names
    assert not names & {"pytest", "ruff", "mypy", "omegaconf", "antlr4-python3-runtime"}


def test_what_is_installed_here_is_what_is_pinned() -> None:
    for pin in constraints():
        name, _, version = pin.partition("==")
        assert importlib.metadata.version(name).partition("+")[0] == version


def test_pip_refuses_a_file_that_is_not_the_locked_one(tmp_path: Path) -> None:
    """An empty wheel of the right name and version stands for one that somebody changed."""
    pin = next(pin for pin in sorted(locked("requirements.lock")) if pin.startswith("zict=="))
    version = pin.partition("==")[2]
    (tmp_path / f"zict-{version}-py3-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18))
    entry = next(match[0] for match in PINNED.finditer((ROOT / "requirements.lock").read_text()) if match["pin"] == pin)
    (tmp_path / "one.lock").write_text(entry)
    words = ("--no-deps", "--require-hashes", "--no-index", "--find-links", str(tmp_path), "--isolated")
    command = (sys.executable, "-m", "pip", "download", *words, "--dest", str(tmp_path / "out"), "-r", "one.lock")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_the_table_of_licences_covers_every_package_as_the_packages_say(tmp_path: Path) -> None:
    script("licences.py", str(tmp_path / "table.md"))
    table = (ROOT / "THIRD_PARTY_LICENSES.md").read_text()
    assert table == (tmp_path / "table.md").read_text(), "run `make licences`"
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert {canonical(f"{row[0].removeprefix('| ')}=={row[1]}") for row in rows} == constraints()
    copyleft = {row[0].removeprefix("| ") for row in rows if "**copyleft**" in row[-1]}
    assert {"psycopg", "psycopg-binary", "tqdm", "certifi"} <= copyleft
    assert not copyleft & {"torch", "numpy", "optuna", "scipy"}


@pytest.mark.parametrize("recipe", ["docker/Dockerfile", "docker/bohpo.def", "docker/README.md"])
def test_what_installs_offline_or_into_an_image_checks_the_hashes(recipe: str) -> None:
    text = (ROOT / recipe).read_text().replace("\\\n", " ")
    checked = [line for line in text.splitlines() if "requirements.lock" in line and "pip " in line]
    assert checked
    assert all("--require-hashes" in line and "--no-deps" in line for line in checked)
