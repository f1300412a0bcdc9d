"""Launching, stopping and resuming: what changes a campaign."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from bohpo.campaign.launch import study_of
from bohpo.cluster.host import notices
from bohpo.service.answers import Answer, StopAnswer
from bohpo.service.api.parameters import CampaignName, Sent
from bohpo.service.audits import audited
from bohpo.service.checking import cluster_rows, notice_rows, parameter_rows, summary_rows
from bohpo.service.drivers import as_json, digest_of
from bohpo.service.plan import plan_of
from bohpo.service.requests import Wanted, prepared, read
from bohpo.service.settings import BODY_BYTES
from bohpo.service.site import Asking, AtSite, Site
from bohpo.service.stopping import ask_to_stop
from bohpo.service.troubles import MistakeAnswer, mistake_answers
from bohpo.study import NAME_PATTERN
from bohpo.trainer.progress import GREATEST_STEP

router = APIRouter(tags=["launching"])

Count: TypeAlias = Annotated[int, Field(ge=1, le=GREATEST_STEP)]
Backend: TypeAlias = Literal["local", "slurm", "pbs", "sge", "lsf", "htcondor", "oar", "moab"]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+$", description="Sent again, nothing is done twice"),
]


class Body(BaseModel):
    """What is sent; keys that nobody knows are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LaunchBody(Body):
    """A study, as TOML or as the id of a listed file, and the flags of `bohpo launch`."""

    study: str | None = Field(default=None, max_length=BODY_BYTES)
    file: str | None = Field(default=None, max_length=64)
    name: str | None = Field(default=None, pattern=f"^{NAME_PATTERN}$")
    trials: Count | None = None
    workers: Count | None = None
    cluster: Backend | None = None
    dry_run: bool = False

    @property
    def wanted(self) -> Wanted:
        """The same without the web."""
        return Wanted(self.study, self.file, self.name, self.trials, self.workers, self.cluster)


class StopBody(Body):
    """Whether running trainings are saved in their checkpoints, rather than finished."""

    now: bool = False


class ResumeBody(Body):
    """Trials to run in all from now on; as before where it is null."""

    trials: Count | None = None


class DriverAnswer(Answer):
    """A driver: a process on the service's host, and the file of what it prints."""

    campaign: str
    pid: int
    log: str


class LaunchSent(Sent):
    """What came of a launch: the driver that began, None where it had begun before; or the plan of a dry run."""

    campaign: str
    driver: DriverAnswer | None = None
    plan: dict[str, Any] | None = None


class CheckSent(Sent):
    """What `bohpo check` says: all mistakes, or what would be searched."""

    source: str
    mistakes: list[MistakeAnswer]
    summary: list[tuple[str, str]] = Field(default=[])
    parameters: list[tuple[str, str, str, str]] = Field(default=[])
    cluster: list[tuple[str, str, str]] = Field(default=[])


class StopSent(StopAnswer, Sent):
    """What was asked of whom."""


@router.post("/check")
async def check(body: LaunchBody, site: AtSite) -> CheckSent:
    """Find all mistakes of a study; nothing that it names is run."""
    return await site.pools.checks.run(lambda: _checked(body, site), body.wanted)


def _checked(body: LaunchBody, site: Site) -> CheckSent:
    asked = read(body.wanted, site.settings, site.permission)
    if asked.study is None or asked.settled is None:
        return CheckSent(source=asked.source, mistakes=mistake_answers(asked.mistakes))
    study = asked.settled.study
    return CheckSent(
        source=asked.source,
        mistakes=[],
        summary=[*summary_rows(study), *notice_rows(notices(asked.settled))],
        parameters=parameter_rows(study),
        cluster=cluster_rows(asked.settled),
    )


@router.post("/launches", status_code=201, responses={200: {"model": LaunchSent, "description": "Done before, or dry"}})
async def launch(
    body: LaunchBody, site: AtSite, asking: Asking, response: Response, idempotency_key: IdempotencyKey = None
) -> LaunchSent:
    """Launch a study as a campaign; its driver outlives the service."""
    asked = await site.pools.checks.run(lambda: read(body.wanted, site.settings, site.permission))
    if body.dry_run and asked.settled is not None:
        response.status_code = 200
        settled, name = asked.settled, body.name or asked.settled.study.name
        plan = await site.pools.checks.run(lambda: plan_of(settled, name, site.settings.directory))
        return LaunchSent(campaign=name, plan=plan)
    async with audited(site, asking, "launch", body.name, f"{asked.source}, {len(asked.text)} characters"):
        wanted = await site.pools.launches.run(lambda: prepared(body.wanted, asked))
        driver = await site.drivers.launch(wanted, key=idempotency_key, digest=digest_of(body.model_dump()))
    await site.pools.launches.run(site.desk.poll)
    if driver is None:
        response.status_code = 200
    return LaunchSent(campaign=wanted.name, driver=None if driver is None else DriverAnswer(**as_json(driver)))


@router.post("/campaigns/{campaign}/stop")
async def stop(campaign: CampaignName, site: AtSite, asking: Asking, body: StopBody | None = None) -> StopSent:
    """Stop a campaign when its running trainings have ended, or now; as `bohpo stop C --json`."""
    now = body is not None and body.now
    async with audited(site, asking, "stop", campaign, "now" if now else "drain"):
        told = await site.pools.launches.run(lambda: _asked_to_stop(site, campaign, now=now))
        if told.jobs and now:
            await site.drivers.end_jobs(campaign)
    await site.pools.launches.run(site.desk.poll)
    return StopSent(**dict(told))


def _asked_to_stop(site: Site, campaign: str, *, now: bool) -> StopAnswer:
    told = ask_to_stop(site.store, campaign, now=now)
    if told.jobs and now:
        _check_resume(site, campaign)
    return told


@router.post("/campaigns/{campaign}/resume", status_code=201)
async def resume(campaign: CampaignName, site: AtSite, asking: Asking, body: ResumeBody | None = None) -> LaunchSent:
    """Go on with a campaign that was stopped, or whose driver died."""
    trials = None if body is None else body.trials
    async with audited(site, asking, "resume", campaign, "" if trials is None else f"{trials} trials"):
        await site.pools.launches.run(lambda: _check_resume(site, campaign))
        driver = await site.drivers.resume(campaign, trials)
    await site.pools.launches.run(site.desk.poll)
    return LaunchSent(campaign=campaign, driver=DriverAnswer(**as_json(driver)))


def _check_resume(site: Site, campaign: str) -> None:
    record = site.store.campaign(campaign)
    site.permission.check_resume(record, study_of(record))
