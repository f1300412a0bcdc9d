"""A campaign for the service to show, as a driver would have recorded it, and one that can still be driven."""

from __future__ import annotations

from pathlib import Path

from bohpo.store import Campaign, Lease, Owner, Store
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Curve, Outcome, Proposal

SPECIMENS = Path(__file__).parents[1] / "campaign" / "specimens.py"
PAYLOAD = "<script>alert(1)</script>"
BEGAN = 1_790_000_000.0

STUDY = """\
name = "specimen"
trainer = "specimens:{function}"
[objective]
metric = "score"
direction = "maximize"
bounds = [0.0, 1.0]
[budget]
trials = {trials}
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
kind = {{ type = "categorical", choices = ["plain", "<script>alert(1)</script>"] }}
[fixed]
step_seconds = 0.1
"""


def study_text(function: str = "quadratic", trials: int = 4) -> str:
    """Write a study."""
    return STUDY.format(function=function, trials=trials)


def record_campaign(store: Store, folder: Path, name: str = "specimen", *, trials: int = 6) -> Campaign:
    """Record a campaign with completed trials, one that failed, and one that runs."""
    study = Study.parse(study_text(trials=trials + 2), directory=folder)
    directory = folder / "campaigns" / name
    directory.mkdir(parents=True)
    campaign = store.create_campaign(
        name,
        study_text=study.text,
        study_hash=study.hash,
        directory=directory,
        space=study.space,
        maximize=True,
        metric="score",
        budget_trials=trials + 2,
        provenance={"working_directory": str(folder)},
    )
    lease = store.acquire_lease(name, Owner.this_process(), 60.0)
    for number in range(trials):
        complete(store, lease, number)
    failed = store.add_trial(lease, f"{name}-failed", Proposal({"x": 0.9, "kind": PAYLOAD}, "model"))
    store.fail_trial(lease, failed, f"the trainer raised {PAYLOAD}")
    running = store.add_trial(lease, f"{name}-running", Proposal({"x": 0.1, "kind": "plain"}, "model"))
    store.save_attempt(lease, Attempt(running, 1, AttemptState.RUNNING, submitted=BEGAN, started=BEGAN + 1.0))
    write_files(directory, 0)
    store.release_lease(lease)
    return campaign


def complete(store: Store, lease: Lease, number: int) -> None:
    """Record a completed trial."""
    x = (number + 1) / 10
    trial = store.add_trial(lease, f"{lease.campaign}-{number}", Proposal({"x": x, "kind": "plain"}, "startup"))
    began = BEGAN + 10.0 * number
    ended = Attempt(
        trial, 1, AttemptState.COMPLETED, worker=number % 2, submitted=began, started=began + 1.0, ended=began + 5.0
    )
    curves = {"froc": Curve((0.0, 1.0, 3.0), (0.0, 0.5, x), x_label="FPs per case", y_label="sensitivity")}
    store.complete_trial(lease, trial, x, Outcome(x, 0.0001, {"score": x}, curves), [(1, x / 2), (2, x)], attempt=ended)


def write_files(directory: Path, number: int) -> Path:
    """Leave what a training leaves: a log, and a picture."""
    attempt = directory / "trials" / str(number) / "attempt-1"
    attempt.mkdir(parents=True)
    (attempt / "log.txt").write_text(f"step 1\n{PAYLOAD}\n")
    (attempt / "overlay.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (attempt / "secret.json").write_text("{}")
    return attempt
