"""Run `bohpo doctor` as a user does, on a host whose commands are what a test says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_S = 150
"""A doctor that takes longer hangs, whatever else it does."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor said.

    Attributes:
        status: Exit status.
        findings: By name.
        text: All that was printed, on stdout and stderr.
    """

    status: int
    findings: Mapping[str, Mapping[str, Any]]
    text: str

    @property
    def troubles(self) -> list[str]:
        """Names of what is needed and not fine; the test machine's disk may be full."""
        found = (name for name, finding in self.findings.items() if finding["needed"] and not finding["fine"])
        return [name for name in found if name != "disk"]


def doctor(folder: Path, *words: str, commands: Path | None = None, **environment: str) -> Diagnosis:
    """Run it with --json.

    Args:
        folder: Where it is run.
        words: After `bohpo doctor`.
        commands: The only folder in PATH; an empty one by default.
        environment: Variables to set.
    """
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("BOHPO_", "PG"))}
    empty = folder / "no-commands"
    empty.mkdir(exist_ok=True)
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
    done = subprocess.run(
        (sys.executable, "-m", "bohpo", "doctor", "--json", *words),
        cwd=folder,
        env={**inherited, **home, "PATH": str(commands or empty), "https_proxy": "http://127.0.0.1:1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )
    answer = json.loads(done.stdout) if done.stdout else {"findings": []}
    findings = {finding["name"]: finding for finding in answer["findings"]}
    return Diagnosis(done.returncode, findings, done.stdout + done.stderr)


def command(folder: Path, name: str, script: str) -> None:
    """Write a command that a host may have, as a shell script; it has the usual PATH for what it calls."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    path.chmod(0o755)
