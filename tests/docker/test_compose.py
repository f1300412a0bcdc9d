"""The compose file: known keys, pinned images, files that exist, and no password in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.containerfile import ROOT, read_dockerfile
from tests.docker.test_dockerfile import PINNED

FILE = ROOT / "docker" / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

TOP_KEYS = {"name", "services", "networks", "volumes", "secrets"}
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "network_mode",
    "networks",
    "restart",
    "secrets",
    "security_opt",
    "volumes",
}
"""Those of the compose specification that this file uses; a misspelt one is not among them."""

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_file_has_known_keys_only() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == TOP_KEYS


@each_service
def test_a_service_has_known_keys_only(name: str) -> None:
    assert set(SERVICES[name]) <= SERVICE_KEYS
    assert not ({"networks", "network_mode"} <= set(SERVICES[name])), "they exclude each other"


@each_service
def test_images_are_pinned(name: str) -> None:
    service = SERVICES[name]
    image = service["image"]
    assert "latest" not in image
    assert PINNED.fullmatch(image) or ("build" in service and re.fullmatch(r"[a-z-]+:\d+\.\d+\.\d+", image))


@each_service
def test_what_is_built_can_be(name: str) -> None:
    build = SERVICES[name].get("build")
    if build is None:
        return
    context = (FILE.parent / build["context"]).resolve()
    arguments, stages = read_dockerfile((context / build["dockerfile"]).read_text())
    assert build["target"] in {stage.name for stage in stages}
    declared = {run.rest.partition("=")[0] for stage in stages for run in stage.all("ARG")} | set(arguments)
    assert set(build["args"]) <= declared


@each_service
def test_what_a_service_names_is_declared(name: str) -> None:
    service = SERVICES[name]
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]


@each_service
def test_nothing_is_published_and_no_password_is_in_the_file(name: str) -> None:
    service = SERVICES[name]
    assert "ports" not in service
    for key, value in service.get("environment", {}).items():
        assert "PASSWORD" not in key or key.endswith("_FILE")
        assert not re.search(r"://[^@/]*:[^@/]*@", str(value))


def test_what_runs_our_image_has_no_privileges() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]


def test_compute_nodes_cannot_reach_the_database() -> None:
    reach = {name for name, service in SERVICES.items() if "database" in service.get("networks", [])}
    assert reach == {"database", "login"}


def test_the_password_is_in_a_file_that_git_ignores() -> None:
    path = Path("docker") / COMPOSE["secrets"]["database_password"]["file"]
    ignored = subprocess.run(("git", "check-ignore", "-q", str(path)), cwd=ROOT, check=False).returncode
    tracked = subprocess.run(
        ("git", "ls-files", "--error-unmatch", str(path)), cwd=ROOT, capture_output=True, check=False
    )
    assert tracked.returncode != 0
    assert ignored in (0, 128)  # 128: not in a git repository


def test_slurm_s_nodes_are_the_services() -> None:
    conf = (ROOT / "docker" / "slurm" / "slurm.conf").read_text()
    controller = re.search(r"^SlurmctldHost=(\w+)", conf, re.MULTILINE)
    nodes = re.search(r"^NodeName=node\[(\d)-(\d)\]", conf, re.MULTILINE)
    assert controller is not None
    assert nodes is not None
    hosts = {
        role: {each["hostname"] for each in SERVICES.values() if each.get("command") == [role]}
        for role in ("controller", "node")
    }
    assert hosts["controller"] == {controller[1]}
    assert hosts["node"] == {f"node{number}" for number in range(int(nodes[1]), int(nodes[2]) + 1)}
