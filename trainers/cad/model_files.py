"""The files of a trained model: weights, settings, what was chosen on the validation cases, and what it has seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from bohpo.durable import write_atomically, write_json
from bohpo.errors import NotFoundError, UsageError
from trainers.cad.application import Application, B, F, Learner, S
from trainers.cad.case import Case, Split
from trainers.cad.duplicates import describe_copy, fingerprints
from trainers.cad.run import weights_from_bytes, weights_to_bytes

SETTINGS_FILE, WEIGHTS_FILE, CHOSEN_FILE, VOLUMES_FILE = "settings.json", "weights.pt", "chosen.json", "volumes.json"


def save_model(learner: Learner[B, F], settings: S, folder: Path) -> None:
    """Write the weights and the settings that they were trained with."""
    write_atomically(folder / WEIGHTS_FILE, weights_to_bytes(learner.network))
    write_json(folder / SETTINGS_FILE, settings.to_json())


def save_choice(chosen: Mapping[str, float], cases: Sequence[Case], folder: Path) -> None:
    """Write what was chosen on the validation cases, and which volumes the model was trained and chosen on."""
    write_json(folder / CHOSEN_FILE, dict(chosen))
    write_json(folder / VOLUMES_FILE, fingerprints(cases))


def load_model(application: Application[S, B, F], folder: Path, device: torch.device) -> Learner[B, F]:
    """Read a trained model.

    Raises:
        NotFoundError: If the folder holds none.
    """
    for name in (SETTINGS_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise NotFoundError(f"{folder / name} is missing; give the model folder of a completed trial")
    settings = application.settings.from_configuration(json.loads((folder / SETTINGS_FILE).read_bytes()))
    learner = application.learner(settings, device)
    learner.network.load_state_dict(weights_from_bytes((folder / WEIGHTS_FILE).read_bytes(), device))
    return learner


def read_chosen(folder: Path) -> dict[str, float]:
    """Read what was chosen on the validation cases; empty if the training was stopped in between."""
    path = folder / CHOSEN_FILE
    chosen: dict[str, float] = json.loads(path.read_bytes()) if path.is_file() else {}
    return chosen


def refuse_known_volumes(cases: Sequence[Case], folder: Path) -> None:
    """Refuse test cases whose volumes the model was trained or chosen on.

    Args:
        cases: Test cases.
        folder: Of the model; older ones hold no list of volumes, and nothing is refused.

    Raises:
        UsageError: Names each of them.
    """
    path = folder / VOLUMES_FILE
    known: dict[str, str] = json.loads(path.read_bytes()) if path.is_file() else {}
    copies = [
        describe_copy(name, Split.TEST, known[key], "training or validation")
        for key, name in fingerprints(cases).items()
        if key in known
    ]
    if copies:
        raise UsageError("\n".join(copies))
