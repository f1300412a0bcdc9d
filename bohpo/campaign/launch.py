"""Launch a study, resume a campaign: wire the loop to its optimizer, store, cluster and clock."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from bohpo.campaign.clock import SystemClock
from bohpo.campaign.loop import LEASE_S, Loop
from bohpo.campaign.provenance import provenance
from bohpo.cluster.local import LocalCluster
from bohpo.cluster.protocol import Cluster
from bohpo.durable import write_atomically
from bohpo.errors import Detached, NoUsableTrialError, UsageError
from bohpo.optimizer import GaussianProcessOptimizer, RandomOptimizer, warm_up
from bohpo.optimizer.protocol import Optimizer
from bohpo.store import open_store
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Owner, StopRequest
from bohpo.study import NAME_PATTERN, Study
from bohpo.trial import TrialState


def launch(
    study: Study, *, name: str | None = None, store: str = "bohpo.db", directory: Path = Path("campaigns")
) -> Campaign:
    """Run a study as a campaign in this process, to its end; launched again, it goes on where it was.

    Args:
        study: What to run.
        name: Name of the campaign; the study's by default.
        store: Database: a file, or a URL such as postgresql://host/name.
        directory: Folder of the campaigns' folders.

    Returns:
        The finished campaign.

    Raises:
        UsageError: If another study has a campaign of this name.
        LeaseError: If another driver is at work on it.
        Detached: If it was stopped before its budget was used up.
        NoUsableTrialError: If it finished without a completed trial.
    """
    with contextlib.closing(open_store(store)) as opened:
        campaign = begin(study, opened, directory, name=name)
        if campaign.state is CampaignState.FINISHED:
            return campaign
        return drive(study, campaign, opened)


def begin(study: Study, store: Store, home: Path, *, name: str | None = None) -> Campaign:
    """Create the campaign of a study, or find it where the same study was launched under this name before.

    Args:
        study: What to run.
        store: Where to record it.
        home: Folder of the campaigns' folders.
        name: Name of the campaign; the study's by default.

    Raises:
        UsageError: If another study has a campaign of this name, or it cannot name a folder.
    """
    name = study.name if name is None else name
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"--name {name!r}: take up to 64 letters, digits, dots, dashes; a letter or digit first")
    known = {campaign.name: campaign for campaign in store.campaigns()}.get(name)
    if known is not None:
        if known.study_hash != study.hash:
            raise UsageError(
                f"campaign {name!r} belongs to another study; give a new --name,"
                f" or go on with the old one by `bohpo resume {name}`"
            )
        return known
    directory = _free_folder(home.resolve(), name)
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / "study.toml", study.text.encode())
    return store.create_campaign(
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


def _free_folder(home: Path, name: str) -> Path:
    """Give a folder that holds no attempts of another database's campaign; their outcomes would be taken for ours."""
    candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(home / candidate for candidate in candidates if not (home / candidate / "trials").exists())


def drive(study: Study, campaign: Campaign, store: Store) -> Campaign:
    """Run a campaign to its end in this process, or to a stop; every campaign has one driver at a time.

    SIGINT and SIGTERM stop it cleanly when it runs in the main thread.

    Returns:
        The finished campaign.

    Raises:
        LeaseError: If another driver is at work on it.
        Detached: If it was stopped before its budget was used up.
        NoUsableTrialError: If it finished without a completed trial.
    """
    lease = store.acquire_lease(campaign.name, Owner.this_process(), LEASE_S)
    try:
        with contextlib.closing(make_cluster(study)) as cluster:
            loop = Loop(
                study,
                campaign,
                lease,
                optimizer=make_optimizer(study),
                store=store,
                cluster=cluster,
                clock=SystemClock(),
            )
            with _stopped_by_signals(loop.stop):
                state = loop.run()
    finally:
        store.release_lease(lease)
    if state is CampaignState.STOPPED:
        raise Detached(f"campaign {campaign.name!r} is stopped; `bohpo resume {campaign.name}` goes on with it")
    if not any(trial.state is TrialState.COMPLETE for trial in store.trials(campaign.name)):
        raise NoUsableTrialError(
            f"campaign {campaign.name!r} ended without a completed trial; `bohpo trial {campaign.name} 0` shows why"
        )
    return store.campaign(campaign.name)


def study_of(campaign: Campaign) -> Study:
    """Give the study that a campaign runs, as it was launched."""
    return Study.parse(
        campaign.study_text,
        source=str(campaign.directory / "study.toml"),
        directory=Path(campaign.provenance["working_directory"]),
    )


def prepare_to_resume(store: Store, name: str, *, trials: int | None = None) -> Campaign:
    """Take back a stop, and change the budget where asked.

    Raises:
        UsageError: If the campaign used up its budget and no greater one is given.
    """
    campaign = store.campaign(name)
    if trials is not None:
        if trials < len(store.trials(name)):
            raise UsageError(f"--trials {trials}: {len(store.trials(name))} were proposed already; give that or more")
        store.set_budget(name, trials)
    store.request_stop(name, StopRequest.NONE)
    return store.campaign(campaign.name)


def make_cluster(study: Study) -> Cluster:
    """Make the cluster that a study names.

    Raises:
        UsageError: If this version cannot use it.
    """
    if study.cluster.backend != "local":
        raise UsageError(f'cluster.backend: {study.cluster.backend!r} is not supported yet; use "local"')
    return LocalCluster()


def make_optimizer(study: Study) -> Optimizer:
    """Make the optimizer that a study names; a Gaussian process loads its packages while the first trainings run."""
    maximize = study.objective.maximize
    settings = study.optimizer
    if settings.method == "random":
        return RandomOptimizer(study.space, seed=settings.seed)
    threading.Thread(target=warm_up, name="optimizer-warm-up").start()
    return GaussianProcessOptimizer(
        study.space, maximize=maximize, seed=settings.seed, startup_completed=settings.startup_completed
    )


@contextlib.contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
