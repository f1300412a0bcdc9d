"""`bohpo launch`, `stop` and `resume`: what changes a campaign."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bohpo.campaign.launch import begin, campaign_name, drive, end_jobs, make_cluster, study_of
from bohpo.cli.dry_run import say_what_would_run
from bohpo.cli.output import emit, say
from bohpo.cli.place import HERE, Place
from bohpo.cli.remote import Remote
from bohpo.cli.remote_launch import launch_there, resume_there
from bohpo.cli.summary import print_conclusion, print_failure
from bohpo.cli.tunnel import way_in
from bohpo.cli.watch import following
from bohpo.cluster.host import notices, settle_on_host
from bohpo.errors import NoUsableTrialError, StudyError, UsageError
from bohpo.service.answers import StopAnswer, as_json
from bohpo.service.plan import plan_of
from bohpo.service.stopping import ask_to_stop, told_of
from bohpo.store import Store
from bohpo.store.records import Campaign, CampaignState
from bohpo.study import Study, check_entry, settle


def launch(
    study: Path,
    /,
    *,
    name: str | None = None,
    workers: int | None = None,
    trials: int | None = None,
    cluster: str | None = None,
    follow: bool = False,
    quiet: bool = False,
    dry_run: bool = False,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Run a study as a campaign, driven from here and to its end; launched again, it goes on where it was.

    Ctrl-C stops it cleanly, and `bohpo resume` goes on with it: trainings on this machine save a checkpoint, jobs in a
    queue run on.

    Args:
        study: Study file, TOML.
        name: Name of the campaign; the study's by default.
        workers: Jobs to keep running at a time, instead of the study's.
        trials: Trials to run in all, instead of the study's.
        cluster: Where jobs run, instead of as the study says: local, slurm, pbs, sge, lsf, htcondor, oar, moab.
        follow: Show the campaign live.
        quiet: Print no line per result.
        dry_run: Only say what would be run; where jobs go to a queue, print the job script of the first.
        json: Print the result as one JSON object.
        place: Where it is recorded.
    """
    if place.server is not None:
        flags = {"name": name, "trials": trials, "workers": workers, "cluster": cluster}
        launch_there(study, flags, place, follow=follow, dry_run=dry_run, json=json)
        return
    wanted = Study.load(study)
    if trials is not None:
        wanted = wanted.with_budget(trials=trials)
    if workers is not None:
        wanted = wanted.with_jobs(workers)
    on_host = settle_on_host(settle(wanted, backend=cluster))
    settled = on_host.study
    if settled.cluster.backend != wanted.cluster.backend:  # where its jobs are has to be known to `resume`
        wanted = wanted.with_backend(settled.cluster.backend)
    if mistakes := check_entry(wanted):
        raise StudyError(str(study), mistakes)
    name = campaign_name(wanted, name)
    if dry_run:
        say_what_would_run(plan_of(on_host, name, place.directory), json=json)
        return
    make_cluster(settled, place.directory).close()  # refused now, or not at all
    for notice in notices(on_host):
        say(f"{notice.level}: {notice}")
    with place.open(create=True) as store:
        campaign = begin(wanted, store, place.directory, name=name)
        _check_backend(campaign, settled)
        if campaign.state is not CampaignState.FINISHED:
            say(f"campaign {campaign.name}: {campaign.directory}")
            say(f"  watch it from another terminal: bohpo watch {campaign.name}")
            say(f"  or in a browser: {way_in()}")
        with _shown(place, store, campaign, follow=follow, quiet=quiet):
            drive(wanted, campaign, store)
        print_conclusion(store, campaign.name, json=json)


def stop(campaign: str, /, *, now: bool = False, json: bool = False, place: Place = HERE) -> None:
    """Stop a campaign; what runs is finished first, or saved in its checkpoints with --now.

    Args:
        campaign: Name of the campaign.
        now: Do not wait for running trainings.
        json: Print the answer as one JSON object.
        place: Where it is recorded.
    """
    if place.server is not None:
        told = StopAnswer.model_validate(Remote.of(place).post("campaigns", campaign, "stop", body={"now": now}))
    else:
        told = _stop_here(campaign, place, now=now)
    if json:
        emit(as_json(told))
    else:
        say(told_of(told))


def resume(
    campaign: str,
    /,
    *,
    trials: int | None = None,
    follow: bool = False,
    quiet: bool = False,
    json: bool = False,
    place: Place = HERE,
) -> None:
    """Go on with a campaign that was stopped, or whose driver died.

    Args:
        campaign: Name of the campaign.
        trials: Trials to run in all from now on.
        follow: Show the campaign live.
        quiet: Print no line per result.
        json: Print the result as one JSON object.
        place: Where it is recorded.
    """
    if place.server is not None:
        resume_there(campaign, trials, place, follow=follow, json=json)
        return
    with place.open() as store:
        record = place.find(store, campaign)
        with _shown(place, store, record, follow=follow, quiet=quiet):
            drive(study_of(record), record, store, trials=trials)
        print_conclusion(store, campaign, json=json)


def _stop_here(campaign: str, place: Place, *, now: bool) -> StopAnswer:
    with place.open() as store:
        told = ask_to_stop(store, campaign, now=now)
        if told.jobs and now:
            record = place.find(store, campaign)
            end_jobs(study_of(record), record, store)
        return told


def _check_backend(campaign: Campaign, wanted: Study) -> None:
    """Refuse to look for a campaign's running jobs in another queue than they are in."""
    known = settle(study_of(campaign)).study.cluster.backend
    if campaign.state is not CampaignState.FINISHED and known != wanted.cluster.backend:
        remedy = f"--cluster {known}, or another campaign by --name"
        raise UsageError(
            f"campaign {campaign.name!r} has its jobs on {known}, not on {wanted.cluster.backend}; {remedy}"
        )


@contextlib.contextmanager
def _shown(place: Place, store: Store, campaign: Campaign, *, follow: bool, quiet: bool) -> Iterator[None]:
    """Show what the body's driver does: live, as a line per result, or not at all; then why there is no result."""
    view = following(place, campaign.name, drawn=follow) if follow or not quiet else contextlib.nullcontext()
    try:
        with view:
            yield
    except NoUsableTrialError:
        print_failure(store, campaign.name)
        raise
