"""Figures for Prometheus: where the campaigns stand, and what the service is busy with.

Source:
    Prometheus, "Exposition formats", text format 0.0.4.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from bohpo.service.site import Site

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


def written(site: Site) -> str:
    """Write all figures down."""
    listing = site.desk.listing()
    trials, best, driven, idle = [], [], [], []
    for known in listing.summaries:
        name = {"campaign": known.campaign.name}
        states = ("complete", "failed", "running", "queued")
        trials += [({**name, "state": state}, float(getattr(known, state))) for state in states]
        driven.append(({**name, "state": known.campaign.state.value}, float(known.lease is not None)))
        if known.best_value is not None:
            best.append(({**name, "metric": known.metric}, known.best_value))
        if known.changed is not None:
            idle.append((name, max(time.time() - known.changed, 0.0)))
    return "".join(
        (
            _gauge("bohpo_trials", "Trials of a campaign by where they stand.", trials),
            _gauge("bohpo_best_value", "Objective of the best trial.", best),
            _gauge("bohpo_driven", "Whether a driver is at work on a campaign.", driven),
            _gauge("bohpo_idle_seconds", "Seconds since something happened in a campaign.", idle),
            _gauge("bohpo_viewers", "Browsers that listen for changes.", [({}, float(site.ticks.listeners))]),
            _gauge("bohpo_database_up", "Whether the database answers.", [({}, float(not site.desk.trouble))]),
        )
    )


def _gauge(name: str, meaning: str, samples: Iterable[tuple[Labels, float]]) -> str:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{told}}} {value!r}" if told else f"{name} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
