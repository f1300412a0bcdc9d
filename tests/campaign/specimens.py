"""Trainers for tests: quick ones, and ones that go wrong in every way that trainers do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bohpo.errors import OutOfMemoryError
from bohpo.trainer import Context, Outcome, Stopped

STEPS = 20


def quadratic(config: Mapping[str, Any], context: Context) -> Outcome:
    """Score best at x = 0.3, and keep a model."""
    value = 1.0 - (float(config["x"]) - 0.3) ** 2
    context.report(1, value)
    (context.model / "model.json").write_text(json.dumps({"x": config["x"]}))
    return Outcome(value=value, variance=0.0004, metrics={"score": value, "train_seconds": 0.01})


def evaluate(config: Mapping[str, Any], model: Path, context: Context) -> Outcome:
    """Score the model that `quadratic` kept."""
    kept = json.loads((model / "model.json").read_text())
    assert kept["x"] == config["x"]
    return Outcome(value=0.5, metrics={"score": 0.5})


def stepwise(config: Mapping[str, Any], context: Context) -> Outcome:
    """Take STEPS steps, each with a checkpoint, each written down in a file beside the attempts.

    It waits after a step while there is a file `hold` beside the study.
    """
    restored = context.checkpoint.load()
    first = 0 if restored is None else restored[0]
    total = 0.0 if restored is None else float(restored[1])
    for step in range(first, STEPS):
        time.sleep(float(config.get("step_seconds", 0.02)))
        total += float(config["x"])
        with (context.directory.parent / "steps.txt").open("a") as steps:
            steps.write(f"{step}\n")
        context.checkpoint.save(step + 1, repr(total).encode())
        context.report(step + 1, total)
        while Path("hold").exists() and not context.should_stop:
            time.sleep(0.02)
        if context.should_stop:
            raise Stopped
    return Outcome(value=total, metrics={"score": total})


def raising(config: Mapping[str, Any], context: Context) -> Outcome:
    """Raise where x is large."""
    if float(config["x"]) > 0.5:
        raise ValueError("the batch does not fit: 17 GB wanted")
    return quadratic(config, context)


def hanging(config: Mapping[str, Any], context: Context) -> Outcome:
    """Never come back."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)
    return Outcome(0.0)


def diverging(config: Mapping[str, Any], context: Context) -> Outcome:
    """Report a nan on the way."""
    context.report(1, 0.1)
    context.report(2, float("nan"))
    return Outcome(0.0)


def claiming_infinity(config: Mapping[str, Any], context: Context) -> Outcome:
    """Write an outcome that JSON readers take for infinite."""
    (context.directory / "outcome.json").write_text('{"value": Infinity}')
    os._exit(0)


def writing_garbage(config: Mapping[str, Any], context: Context) -> Outcome:
    """Write half an outcome."""
    (context.directory / "outcome.json").write_bytes(b'\x00\xff{"value": 0.')
    os._exit(0)


def leaving_quietly(config: Mapping[str, Any], context: Context) -> Outcome:
    """Write no outcome at all."""
    os._exit(0)


def returning_a_number(config: Mapping[str, Any], context: Context) -> object:
    """Return the score alone, as numpy computes it."""
    import numpy as np  # the other specimens start without it

    return np.float32(0.5)


def returning_figures(config: Mapping[str, Any], context: Context) -> dict[str, float]:
    """Return figures by name, the objective's metric among them."""
    return {"dice": 0.5, "train_seconds": 0.1}


def returning_text(config: Mapping[str, Any], context: Context) -> str:
    """Return something else than an outcome."""
    return "0.9"


def out_of_bounds(config: Mapping[str, Any], context: Context) -> Outcome:
    """Claim more than a perfect score."""
    return Outcome(1.5, metrics={"score": 1.5})


def killed(config: Mapping[str, Any], context: Context) -> Outcome:
    """Die as the out-of-memory killer would have it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(0.0)


def talkative(config: Mapping[str, Any], context: Context) -> Outcome:
    """Print two megabytes."""
    for _ in range(2000):
        sys.stdout.write("x" * 1000 + "\n")
    return Outcome(0.5)


def with_children(config: Mapping[str, Any], context: Context) -> Outcome:
    """Leave a child behind that would live on for an hour."""
    if os.fork() == 0:
        time.sleep(3600)
    return Outcome(0.5)


def with_loader(config: Mapping[str, Any], context: Context) -> Outcome:
    """Train with a child that loads data, and fail if it dies."""
    loader = os.fork()
    if loader == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(3600)
    context.report(0, 0.0)
    while not context.should_stop:
        if os.waitpid(loader, os.WNOHANG) != (0, 0):
            raise RuntimeError("the loader was killed")
        time.sleep(0.01)
    os.kill(loader, 0)
    context.checkpoint.save(1, b"saved")
    raise Stopped


def exiting_on_sigterm(config: Mapping[str, Any], context: Context) -> Outcome:
    """Leave with exit code 0 and no outcome when asked to stop, as many scripts do."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    context.report(0, 0.0)
    time.sleep(3600)
    return Outcome(0.0)


def crashing_at_the_end(config: Mapping[str, Any], context: Context) -> Outcome:
    """Write a valid outcome, then die as a driver library does when it is torn down."""
    (context.directory / "outcome.json").write_text(json.dumps({"value": 0.5}))
    os.kill(os.getpid(), signal.SIGSEGV)
    return Outcome(0.0)


def daemonising(config: Mapping[str, Any], context: Context) -> Outcome:
    """Leave a child in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(3600)
    return Outcome(0.5)


def reporting_a_negative_step(config: Mapping[str, Any], context: Context) -> Outcome:
    """Report a step that no database holds, past the check of `context.report`."""
    with (context.directory / "progress.jsonl").open("a") as progress:
        progress.write('{"step": -1, "value": 0.5}\n')
    return Outcome(0.5)


def breaking_its_folder(config: Mapping[str, Any], context: Context) -> Outcome:
    """Put folders where files belong, and die."""
    (context.directory / "progress.jsonl").mkdir()
    (context.directory / "outcome.json").mkdir()
    os._exit(0)


def leaving_a_link_to_itself(config: Mapping[str, Any], context: Context) -> Outcome:
    """Leave a link in place of an outcome that leads nowhere."""
    (context.directory / "outcome.json").symlink_to("outcome.json")
    os._exit(0)


def removing_its_folder(config: Mapping[str, Any], context: Context) -> Outcome:
    """Tidy up too much, and go elsewhere."""
    context.report(1, 0.5)
    os.chdir("/")
    shutil.rmtree(context.directory)
    os._exit(0)


def replacing_its_folder_by_a_file(config: Mapping[str, Any], context: Context) -> Outcome:
    """Put a file where the folder was."""
    shutil.rmtree(context.directory)
    context.directory.touch()
    os._exit(0)


def replacing_its_folder_by_a_link(config: Mapping[str, Any], context: Context) -> Outcome:
    """Lead whoever looks into another folder."""
    context.directory.rename(context.directory.with_name("kept"))
    (context.directory.parent / "elsewhere").mkdir()
    context.directory.symlink_to("elsewhere")
    os._exit(0)


def replacing_its_folder_by_a_link_to_itself(config: Mapping[str, Any], context: Context) -> Outcome:
    """Lead whoever looks nowhere."""
    shutil.rmtree(context.directory)
    context.directory.symlink_to(context.directory.name)
    os._exit(0)


def moving_its_folder(config: Mapping[str, Any], context: Context) -> Outcome:
    """Move the folder to another disk, and leave a link to it."""
    context.directory.rename(context.directory.with_name("elsewhere"))
    context.directory.symlink_to("elsewhere")
    return Outcome(0.5, metrics={"score": 0.5})


def removing_its_task(config: Mapping[str, Any], context: Context) -> Outcome:
    """Remove all files but the outcome, and leave a folder where the worker writes."""
    for path in context.directory.iterdir():
        path.unlink()
    (context.directory / "ended.json").mkdir()
    return Outcome(0.5, metrics={"score": 0.5})


def leaving_pipes(config: Mapping[str, Any], context: Context) -> Outcome:
    """Leave named pipes in place of all files that somebody reads later."""
    for name in ("outcome.json", "ended.json", "progress.jsonl", "heartbeat", "worker.log", "log.txt", "config.json"):
        (context.directory / name).unlink(missing_ok=True)
        os.mkfifo(context.directory / name)
    os._exit(0)


def exhausting_pythons_memory(config: Mapping[str, Any], context: Context) -> Outcome:
    """Ask for more than there is."""
    return Outcome(float(len(bytes(2**60))))


def exhausting_a_gpu(config: Mapping[str, Any], context: Context) -> Outcome:
    """Say what the CAD trainers say."""
    raise OutOfMemoryError("out of memory on the GPU")


def in_ranks(config: Mapping[str, Any], context: Context) -> Outcome:
    """Tell what each process of several was told; only the first one's outcome counts."""
    told = {name: os.environ[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")}
    told["threads"] = str(context.threads)
    (context.directory / f"rank-{told['RANK']}.json").write_text(json.dumps(told))
    return Outcome(float(told["RANK"]), metrics={"score": float(told["RANK"])})


def losing_a_rank(config: Mapping[str, Any], context: Context) -> Outcome:
    """Have the second process killed while the first one waits for it."""
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)
    return Outcome(0.0)


def exhausting_a_rank(config: Mapping[str, Any], context: Context) -> Outcome:
    """Have the second process run out of memory while the first one waits for it."""
    if os.environ["RANK"] == "1":
        raise MemoryError
    time.sleep(3600)
    return Outcome(0.0)


def exhausting_a_rank_that_ends_last(config: Mapping[str, Any], context: Context) -> Outcome:
    """Have the second process run out of memory, and end after the first one, which fails of the lost connection."""
    second_is_training = context.directory / "second-is-training"
    if os.environ["RANK"] == "0":
        while not second_is_training.exists():
            time.sleep(0.01)
        raise ConnectionError
    second_is_training.touch()
    time.sleep(0.5)
    raise MemoryError


def stopping_in_ranks(config: Mapping[str, Any], context: Context) -> Outcome:
    """Report, and stop when asked to."""
    context.report(int(os.environ["RANK"]), 0.5)
    while not context.should_stop:
        time.sleep(0.01)
    raise Stopped


def below_limit(config: Mapping[str, Any]) -> bool:
    """Have no configuration trained whose x is above a fixed value."""
    return bool(config["x"] < config["limit"])


def failing_on_request(config: Mapping[str, Any]) -> bool:
    """Fail while there is a file of the name that is fixed."""
    if Path(config["switch"]).exists():
        raise ZeroDivisionError("no network\nhas no levels")
    return True


def answering_by_text(config: Mapping[str, Any]) -> str:
    """Give something else than a bool."""
    return "no"


def never(config: Mapping[str, Any]) -> bool:
    """Have nothing trained."""
    return False


def forgetful(config: Mapping[str, Any], context: Context) -> Outcome:
    """Save checkpoints, and begin anew all the same."""
    for step in range(1, STEPS + 1):
        time.sleep(float(config.get("step_seconds", 0.02)))
        context.checkpoint.save(step, b"")
        context.report(step, 0.5)
        if context.should_stop:
            raise Stopped
    return Outcome(0.5)


def keeping_a_model_that_cannot_be_scored(config: Mapping[str, Any], context: Context) -> Outcome:
    """Keep what `evaluate` cannot read."""
    (context.model / "model.json").write_text("{}")
    return Outcome(0.5)


def returning_nothing(config: Mapping[str, Any], context: Context) -> object:
    """Forget to return what it came to."""
    context.report(1, 0.5)
    return None
