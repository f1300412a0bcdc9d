"""A campaign in a real database with real folders: results, a failure with its traceback, a training at work."""

from __future__ import annotations

import json
import random
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.launch import begin
from bohpo.store import Campaign, Lease, Owner, Store
from bohpo.store.records import Announcement
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Curve, Outcome, Proposal, Trial, TrialState, best_trials

STUDY = """\
name = "specimen"
command = ["true"]

[objective]
metric = "partial_auc"
direction = "maximize"
bounds = [0.0, 1.0]

[budget]
trials = 12

[parallel]
jobs = 2

[space]
"FIRST" = { type = "float", low = 1e-4, high = 0.3, log = true }
depth = { type = "int", low = 2, high = 6 }
optimizer = { type = "categorical", choices = ["adamw", "sgd"] }
momentum = { type = "float", low = 0.5, high = 0.99, when = { optimizer = ["sgd"] } }

[fixed]
limit = 3.0
data = "<b>phantom</b>"
"""

FAILED = 3
LOG = """\
\x1b[32mepoch 1\x1b[0m loss 0.5
progress 10 %\rprogress 100 %
Traceback (most recent call last):
  File "train.py", line 7, in <module>
    train(config)
RuntimeError: CUDA out of memory <script>alert(1)</script>
the worker says goodbye
"""


def record(
    store: Store, home: Path, *, name: str = "specimen", first: str = "lr", ended: int = 8, running: int = 1
) -> tuple[Campaign, Lease]:
    """Record a campaign; the caller is its driver.

    Args:
        store: Where.
        home: Folder of the campaigns' folders.
        name: Of the campaign.
        first: What its first parameter is called.
        ended: Trials that have ended; number `FAILED` failed.
        running: Trials at work.
    """
    campaign = begin(Study.parse(STUDY.replace("FIRST", first)), store, home, name=name)
    lease = store.acquire_lease(name, Owner.this_process(), 600.0)
    for _ in range(ended):
        end_one(store, campaign, lease)
    for _ in range(running):
        start_one(store, campaign, lease)
    return campaign, lease


def end_one(store: Store, campaign: Campaign, lease: Lease) -> Trial:
    """Have a trial proposed, trained and recorded."""
    started = start_one(store, campaign, lease)
    ended = replace(started, state=AttemptState.COMPLETED, ended=time.time())
    number, dice = started.trial, random.Random(started.trial)
    files = attempt_directory(campaign, number, 1)
    if number == FAILED:
        reason = "RuntimeError: CUDA out of memory <i>"
        files.log.write_text(LOG)
        failed = replace(ended, state=AttemptState.RAISED, reason=reason)
        store.fail_trial(lease, number, reason, attempt=failed, announcement=Announcement("failed", reason))
        return store.trial(campaign.name, number)
    value = 0.4 + 0.02 * number + 0.01 * dice.random()
    curve = Curve(
        (0.0, 1.0, 4.0),
        (0.0, value, 0.9),
        (0.0, value - 0.1, 0.8),
        (0.0, value + 0.1, 1.0),
        "FPs per case",
        "sensitivity",
    )
    metrics = {"partial_auc": value, "train_seconds": 3.0, "evaluate_seconds": 1.0}
    outcome = Outcome(value, 0.0004, metrics, {"froc": curve})
    write_picture(files.path / "projection.png")
    store.complete_trial(
        lease, number, value, outcome, attempt=ended, announcement=Announcement("completed", f"trial {number}")
    )
    return store.trial(campaign.name, number)


def start_one(store: Store, campaign: Campaign, lease: Lease) -> Attempt:
    """Have a trial proposed and its training begin."""
    space = Study.parse(campaign.study_text).space
    count = len(store.trials(campaign.name))
    dice = random.Random(100 + count)
    proposal = Proposal(space.decode([dice.random() for _ in space.names]), "startup" if count < 3 else "model")
    number = store.add_trial(lease, f"{campaign.name}-{count}", proposal)
    now = time.time()
    slot = number % 2
    attempt = Attempt(
        number, 1, AttemptState.RUNNING, "", f"job-{number}", slot, now - 6.0, now - 5.0, devices=(str(slot),)
    )
    store.save_attempt(lease, attempt)
    files = attempt_directory(campaign, number, 1)
    files.path.mkdir(parents=True, exist_ok=True)
    files.log.write_text("epoch 1\nepoch 2\n")
    lines = [json.dumps({"step": step, "value": 0.1 * step}) for step in range(1, 5)]
    files.progress.write_text("\n".join(lines) + "\n")
    return attempt


def best_of(store: Store, campaign: Campaign) -> Trial:
    """Give the best trial."""
    trials = [trial for trial in store.trials(campaign.name) if trial.state is TrialState.COMPLETE]
    return best_trials(trials, maximize=True)[0]


def write_picture(path: Path, side: int = 24) -> None:
    """Write a grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(range(0, 10 * side, 10)) for _ in range(side))
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
