"""How long a campaign with many trials stands still when its driver is killed: `python -m tests.faults.restart`.

The time is taken from the start of the next driver's process until every training that the first one was at goes on. It
is that of this machine, and of nothing but this one process: measure it alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from bohpo.store.location import parse_location
from bohpo.study import Study
from tests.benchmarks.filled_database import NAME, fill
from tests.faults import counting
from tests.faults.campaigns import CountedCampaign
from tests.faults.figures import append_figure
from tests.services.daemon import wait_until

JOBS = 4
LIMITS_S = {5_000: 10.0, 20_000: 30.0}

SPACE = """
rate0 = { type = "float", low = 1e-5, high = 1.0, log = true }
rate1 = { type = "float", low = 1e-5, high = 1.0, log = true }
rate2 = { type = "float", low = 1e-5, high = 1.0, log = true }
rate3 = { type = "float", low = 1e-5, high = 1.0, log = true }
share0 = { type = "float", low = 0.0, high = 1.0 }
share1 = { type = "float", low = 0.0, high = 1.0 }
share2 = { type = "float", low = 0.0, high = 1.0 }
width0 = { type = "int", low = 8, high = 512, log = true }
width1 = { type = "int", low = 8, high = 512, log = true }
width2 = { type = "int", low = 8, high = 512, log = true }
optimizer = { type = "categorical", choices = ["adamw", "sgd", "lion"] }
augment = { type = "categorical", choices = [true, false] }
"""


def study(trials: int) -> str:
    """Write the study of the filled database; its trainer counts for an hour."""
    command = json.dumps([sys.executable, "-I", "-S", counting.__file__])
    return (
        f'name = "{NAME}"\ncommand = {command}\n[objective]\nmetric = "score"\ndirection = "maximize"\n'
        f'[budget]\ntrials = {trials}\n[parallel]\njobs = {JOBS}\n[optimizer]\nmethod = "random"\n'
        f"[fixed]\nx = 0.5\nsteps = 36000\nstep_seconds = 0.1\nhaste = 'none'\n[space]{SPACE}"
    )


def prepare(folder: Path, trials: int) -> str:
    """Fill a database, and make of its campaign one that can be driven; give its path."""
    url = str(folder / "bohpo.db")
    fill(url, trials)
    source = study(trials + JOBS)
    parsed = Study.parse(source, source="study.toml", directory=folder)
    directory = folder / "campaigns" / NAME
    directory.mkdir(parents=True)
    row = {"text": source, "hash": parsed.hash, "directory": str(directory), "budget": trials + JOBS}
    provenance = json.dumps({"working_directory": str(folder)})
    columns = "study_text = :text, study_hash = :hash, directory = :directory, budget_trials = :budget"
    engine = create_engine(parse_location(url).url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE bohpo_campaign SET {columns}, provenance = '{provenance}'"), row)
    engine.dispose()
    return url


def seconds_to_go_on(folder: Path, trials: int) -> float:
    """Kill a driver over `trials` trials and `JOBS` trainings, and time the next one, in seconds."""
    campaign = CountedCampaign(folder, store=prepare(folder, trials))
    first = campaign.bohpo("resume", NAME)
    await_trainings(folder, 1, campaign)
    first.kill()
    first.wait()
    began = time.monotonic()
    second = campaign.bohpo("resume", NAME)
    await_trainings(folder, 2, campaign)
    took = time.monotonic() - began
    second.terminate()
    second.wait()
    return took


def await_trainings(folder: Path, attempt: int, campaign: CountedCampaign) -> None:
    """Wait until all trainings take steps in an attempt of this number."""
    pattern = f"campaigns/{NAME}/trials/*/attempt-{attempt}/progress.jsonl"
    assert wait_until(lambda: len(list(folder.glob(pattern))) == JOBS, seconds=300, every=0.02), campaign.log()


def main() -> None:
    """Measure for the numbers of trials that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.restart", description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=list(LIMITS_S))
    for trials in parser.parse_args().trials:
        with tempfile.TemporaryDirectory() as folder:
            took = seconds_to_go_on(Path(folder), trials)
        figure = f"{trials:,} trials: {JOBS} trainings go on {took:.1f} s after the start of the next driver"
        append_figure("P6", figure, "python -m tests.faults.restart")
        sys.stdout.write(f"{figure}\n")


if __name__ == "__main__":
    main()
