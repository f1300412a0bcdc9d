"""A campaign to try a store with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.store import Campaign, Lease, Owner, Store
from bohpo.trial import Configuration, Curve, Outcome, Proposal

SPACE = Space(
    (
        FloatParameter("lr", 1e-4, 0.3, log=True),
        FloatParameter("dropout", 0.0, 0.5, step=0.1),
        IntParameter("levels", 2, 5),
        IntParameter("width", 8, 512, log=True),
        CategoricalParameter("optimizer", ("adamw", "sgd", None, 3, 2.5)),
        FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
    )
)
SGD: Configuration = {
    "lr": 0.000123456789012,
    "dropout": 0.3,
    "levels": 4,
    "width": 511,
    "optimizer": "sgd",
    "momentum": 0.937,
}
ADAMW: Configuration = {"lr": 0.3, "dropout": 0.0, "levels": 2, "width": 8, "optimizer": "adamw"}

PROPOSAL = Proposal(ADAMW, "startup")
OUTCOME = Outcome(0.25, 0.0004, {"partial_auc": 0.75}, {"froc": Curve((0.0, 1.0), (0.1, 0.9), x_label="FPs per case")})


def another_owner(host: str = "elsewhere") -> Owner:
    """Describe a driver on another host, of which nobody here can know whether it lives."""
    return Owner(host, 4711, 99)


def dead_owner() -> Owner:
    """Describe a driver on this host that is gone: no process starts before the first one."""
    this = Owner.this_process()
    return dataclasses.replace(this, started=this.started - 1)


def create_campaign(store: Store, name: str = "aneurysm", *, maximize: bool = True) -> Campaign:
    """Begin a campaign."""
    return store.create_campaign(
        name,
        study_text='name = "aneurysm"\n',
        study_hash="0" * 64,
        directory=Path("/data/campaigns") / name,
        space=SPACE,
        maximize=maximize,
        metric="partial_auc",
        budget_trials=50,
        provenance={"bohpo": "0.1.0"},
    )


def begin(store: Store, name: str = "aneurysm", *, seconds: float = 60.0) -> Lease:
    """Begin a campaign and take its lease for this process."""
    create_campaign(store, name)
    return store.acquire_lease(name, Owner.this_process(), seconds)
