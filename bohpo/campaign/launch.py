"""Launch a study, resume a campaign: wire the loop to its optimizer, store, cluster and clock."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bohpo.campaign.clock import SystemClock
from bohpo.campaign.home import check_folder, find_home, mark_home, settle_home
from bohpo.campaign.lease import holding
from bohpo.campaign.ledger import LEASE_S
from bohpo.campaign.loop import Loop
from bohpo.campaign.provenance import provenance
from bohpo.clean_text import clean_text, is_clean
from bohpo.cluster.factory import make_local_cluster, make_queue_cluster
from bohpo.cluster.host import fit_jobs, settle_on_host
from bohpo.cluster.protocol import Cluster
from bohpo.durable import write_atomically
from bohpo.errors import (
    Detached,
    NoUsableTrialError,
    StoreError,
    StudyError,
    SystematicFailureError,
    UsageError,
)
from bohpo.forced_exit import STOP_SIGNALS, forced_exit_on_third_signal
from bohpo.optimizer import GaussianProcessOptimizer, RandomOptimizer
from bohpo.optimizer.protocol import Optimizer
from bohpo.store import open_store
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Lease, Owner, StopRequest
from bohpo.study import NAME_PATTERN, Study, check_entry, load_feasibility, settle
from bohpo.trial import TrialState

logger = logging.getLogger(__name__)


def launch(
    study: Study | str | os.PathLike[str] | Mapping[str, Any],
    *,
    name: str | None = None,
    store: str | os.PathLike[str] = "bohpo.db",
    directory: str | os.PathLike[str] = "campaigns",
) -> Campaign:
    """Run a study as a campaign in this process, to its end; launched again, it goes on where it was.

    Args:
        study: What to run: a study, the path of a study file, or a dictionary laid out as such a file.
        name: Name of the campaign; the study's by default.
        store: Database: a file, or a URL such as postgresql://host/name.
        directory: Folder of the campaigns' folders.

    Returns:
        The finished campaign.

    Raises:
        NotFoundError: If there is no such study file.
        StudyError: If the study or its trainer has mistakes, or its jobs need more GPUs than this host has.
        UsageError: If `study` is none of these, or another study has a campaign of this name.
        LeaseError: If another driver is at work on it.
        Detached: If it was stopped before its budget was used up.
        SystematicFailureError: If it was stopped since its trials all fail alike.
        NoUsableTrialError: If it finished without a completed trial.
    """
    wanted = _study_from(study)
    if mistakes := check_entry(wanted):
        raise StudyError(wanted.source, mistakes)
    settle_on_host(settle(wanted))  # a study whose jobs do not fit this host gets no campaign
    with contextlib.closing(open_store(os.fspath(store))) as opened:
        return drive(wanted, begin(wanted, opened, Path(directory), name=name), opened)


def _study_from(study: object) -> Study:
    match study:
        case Study():
            return study.as_written()
        case str() | os.PathLike() if "\n" not in os.fspath(study):
            return Study.load(Path(study))
        case Mapping():
            return Study.from_data(study, source="study")
    what = "text of several lines" if isinstance(study, str) else f"a {type(study).__name__}"
    remedy = 'a bohpo.Study, the path of a study file such as "study.toml", or a dictionary laid out as one'
    raise UsageError(f"launch: {what} is no study; write {remedy} (bohpo.Study.parse reads TOML)")


def campaign_name(study: Study, name: str | None) -> str:
    """Give the name of a study's campaign: the one that was asked for, or the study's own.

    Raises:
        UsageError: If it cannot name a folder.
    """
    name = study.name if name is None else name
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"--name {name!r}: take up to 64 letters, digits, dots, dashes; a letter or digit first")
    return name


def begin(study: Study, store: Store, home: Path, *, name: str | None = None) -> Campaign:
    """Create the campaign of a study, or find it where the same study was launched under this name before.

    Args:
        study: What to run.
        store: Where to record it.
        home: Folder of the campaigns' folders.
        name: Name of the campaign; the study's by default.

    Raises:
        UsageError: If another study has a campaign of this name, or it cannot name a folder.
        StudyError: If the function that says what is feasible cannot be imported.
    """
    name = campaign_name(study, name)
    known = {campaign.name: campaign for campaign in store.campaigns()}.get(name)
    if known is not None:
        if known.study_hash != study.hash:
            raise UsageError(
                f"campaign {name!r} belongs to another study; give a new --name,"
                f" or go on with the old one by `bohpo resume {name}`"
            )
        return find_home(known, store, home)
    for folder in (home.resolve(), study.working_directory):
        if not is_clean(str(folder)):
            raise UsageError(f"{clean_text(str(folder))}: the path is not UTF-8; rename the folder, or use another one")
    load_feasibility(study)  # a study that cannot be driven gets no campaign
    directory = _claim_folder(home.resolve(), name)
    write_atomically(directory / "study.toml", study.text.encode())
    campaign = store.create_campaign(
        name,
        study_text=study.text,
        study_hash=study.hash,
        directory=directory,
        space=study.space,
        maximize=study.objective.maximize,
        metric=study.objective.metric,
        budget_trials=study.budget.most_trials,
        provenance=provenance(study.working_directory),
    )
    mark_home(campaign, store)
    return campaign


def _claim_folder(home: Path, name: str) -> Path:
    """Make a folder that is the campaign's alone: what another database's campaign left would be taken for its own."""
    home.mkdir(parents=True, exist_ok=True)
    for folder in itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2))):
        with contextlib.suppress(FileExistsError):
            (home / folder).mkdir()
            return home / folder
    raise AssertionError("counting does not end")


@forced_exit_on_third_signal()
def drive(study: Study, campaign: Campaign, store: Store, *, trials: int | None = None) -> Campaign:
    """Run a campaign to its end in this process, or to a stop; every campaign has one driver at a time.

    SIGINT, SIGTERM and SIGHUP stop it cleanly when it runs in the main thread: jobs of this host are saved in their
    checkpoints, those of a queue run on, and the next driver takes them over. A second signal kills the trainings; a
    third one ends this process with exit code 130, whatever it waits for.

    Args:
        study: What to run.
        campaign: Which campaign.
        store: Where it is recorded.
        trials: Trials to run in all from now on, or None to leave the budget as it is.

    Returns:
        The finished campaign.

    Raises:
        UsageError: If more than `trials` were proposed already, or nothing can be proposed: no configuration is
            feasible, or the function that says so fails. What ran then is finished and recorded, and a resume goes on.
        NotFoundError: If the campaign's folder is gone.
        StudyError: If its jobs need more GPUs than this host has.
        LeaseError: If another driver is at work on it.
        Detached: If it was stopped before its budget was used up.
        SystematicFailureError: If it was stopped since its trials all fail alike.
        NoUsableTrialError: If it finished without a completed trial.
    """
    check_folder(campaign)
    lease = store.acquire_lease(campaign.name, Owner.this_process(), LEASE_S)
    try:
        campaign = _renew_budget(settle_home(campaign, lease, store), store, trials)
        if campaign.state is not CampaignState.FINISHED:
            _run(settle_on_host(settle(study)).study, campaign, lease, store)
    finally:
        _release(store, lease)
    campaign = store.campaign(campaign.name)
    if campaign.state is CampaignState.STOPPED and campaign.stop_reason:
        raise SystematicFailureError(f"campaign {campaign.name!r} is stopped: {campaign.stop_reason}")
    if campaign.state is CampaignState.STOPPED:
        raise _detached(campaign, store)
    if not any(trial.state is TrialState.COMPLETE for trial in store.trials(campaign.name)):
        raise NoUsableTrialError(
            f"campaign {campaign.name!r} ended without a completed trial; `bohpo trial {campaign.name} 0` shows why"
        )
    return campaign


@forced_exit_on_third_signal()
def end_jobs(study: Study, campaign: Campaign, store: Store) -> None:
    """Have the jobs that run on without a driver saved in their checkpoints, ended and recorded.

    Args:
        study: What the campaign runs.
        campaign: Which campaign.
        store: Where it is recorded.

    Raises:
        NotFoundError: If the campaign's folder is gone.
        LeaseError: If a driver is at work on it.
        QueueError: If its queue cannot be asked from here.
    """
    check_folder(campaign)
    lease = store.acquire_lease(campaign.name, Owner.this_process(), LEASE_S)
    try:
        settle_home(campaign, lease, store)
        store.request_stop(campaign.name, StopRequest.NOW)
        _run(fit_jobs(settle(study).study), store.campaign(campaign.name), lease, store)
    finally:
        _release(store, lease)


def jobs_left(campaign: Campaign, store: Store) -> int:
    """Count the jobs that wait or run for a campaign, as its last driver left them."""
    attempts = [attempt for trial in store.trials(campaign.name) for attempt in trial.attempts]
    return sum(attempt.state.is_alive for attempt in attempts)


def _detached(campaign: Campaign, store: Store) -> Detached:
    left = jobs_left(campaign, store)
    if left:
        return Detached(
            f"campaign {campaign.name!r} has no driver now, but jobs that run on: {left};"
            f" `bohpo resume {campaign.name}` takes them over, `bohpo stop {campaign.name} --now` ends them"
        )
    return Detached(f"campaign {campaign.name!r} is stopped; `bohpo resume {campaign.name}` goes on with it")


def _run(study: Study, campaign: Campaign, lease: Lease, store: Store) -> None:
    with contextlib.closing(make_cluster(study, campaign.directory, campaign.incarnation)) as cluster:
        loop = Loop(
            study,
            campaign,
            lease,
            optimizer=make_optimizer(study),
            store=store,
            cluster=cluster,
            clock=SystemClock(),
            leaves_jobs=study.cluster.backend != "local",
        )
        with holding(store, lease, lambda: loop.last_step), _stopped_by_signals(loop.stop):
            loop.run()


def _renew_budget(campaign: Campaign, store: Store, trials: int | None) -> Campaign:
    """Change the budget where asked, and take back a stop; the caller holds the lease."""
    if trials is not None:
        proposed = len(store.trials(campaign.name))
        if trials < proposed:
            raise UsageError(f"--trials {trials}: {proposed} were proposed already; give that or more")
        store.set_budget(campaign.name, trials)
    store.request_stop(campaign.name, StopRequest.NONE)
    campaign = store.campaign(campaign.name)
    if trials is not None and campaign.state is CampaignState.FINISHED:
        return dataclasses.replace(campaign, state=CampaignState.ACTIVE)
    return campaign


def _release(store: Store, lease: Lease) -> None:
    """Give the lease back; where the database does not answer it runs out by itself."""
    try:
        store.release_lease(lease)
    except StoreError as error:
        logger.warning("the lease of %s could not be given back and runs out by itself: %s", lease.campaign, error)


def study_of(campaign: Campaign) -> Study:
    """Give the study that a campaign runs, as it was launched."""
    return Study.parse(
        campaign.study_text,
        source=str(campaign.directory / "study.toml"),
        directory=Path(campaign.provenance["working_directory"]),
    )


def make_cluster(study: Study, directory: Path, incarnation: str = "") -> Cluster:
    """Build the cluster that a settled study names.

    Args:
        study: The study on the cluster that holds.
        directory: The campaign's folder, which its jobs share with the driver.
        incarnation: Tells a copy of a campaign from its original.

    Raises:
        QueueError: If the queue's commands are not here.
        UsageError: If dask-jobqueue is not installed.
    """
    if study.cluster.backend == "local":
        return make_local_cluster(study)
    return make_queue_cluster(study.cluster, directory, incarnation)


def make_optimizer(study: Study) -> Optimizer:
    """Make the optimizer that a study names.

    Raises:
        StudyError: If the function that says what is feasible cannot be imported.
    """
    settings, feasible = study.optimizer, load_feasibility(study)
    if settings.method == "random":
        return RandomOptimizer(study.space, seed=settings.seed, feasible=feasible)
    return GaussianProcessOptimizer(
        study.space,
        maximize=study.objective.maximize,
        seed=settings.seed,
        startup_completed=settings.startup_completed,
        feasible=feasible,
    )


@contextlib.contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
