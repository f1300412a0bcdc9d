"""What comes out of a campaign: exports and the report, as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from bohpo.service.api.parameters import CampaignName
from bohpo.service.exporting import exported
from bohpo.service.gather import reports_of
from bohpo.service.site import AtSite
from bohpo.trainer.progress import GREATEST_STEP
from bohpo.trial import Trial
from bohpo.views.export import Format
from bohpo.views.figures.style import MOST_LINES

router = APIRouter(tags=["results"])

ENDINGS = {Format.HYDRA: ("yaml", "application/yaml"), Format.OPTUNA: ("json", "application/json")}
MEDIA_TYPES = {
    Format.TOML: "application/toml",
    Format.YAML: "application/yaml",
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
}
THE_FILE = {"content": {"application/octet-stream": {}}, "description": "The file"}
A_FILE: dict[int | str, dict[str, Any]] = {200: THE_FILE}


@router.get("/campaigns/{campaign}/export", response_class=Response, responses=A_FILE)
async def export(
    campaign: CampaignName,
    site: AtSite,
    format: Format = Format.TOML,
    trial: Annotated[int | None, Query(ge=0, le=GREATEST_STEP, description="Which; the best by default")] = None,
) -> Response:
    """Write a configuration with its provenance; as `bohpo export C`."""

    def write() -> tuple[str, Trial]:
        seen = site.desk.snapshot(campaign)
        wanted = None if trial is None else site.store.trial(campaign, trial)
        return exported(seen.view, seen.study, format, wanted)

    text, chosen = await site.pools.exports.run(write, (campaign, format, trial))
    ending, media_type = ENDINGS.get(format) or (format.value, MEDIA_TYPES[format])
    name = f"{campaign}.csv" if format is Format.CSV else f"{campaign}-trial-{chosen.number}.{ending}"
    return as_file(text, name, media_type)


@router.get("/campaigns/{campaign}/report", response_class=Response, responses=A_FILE)
async def report(campaign: CampaignName, site: AtSite) -> Response:
    """Write the campaign's report, one HTML file; as `bohpo report C`."""

    def write() -> str:
        from bohpo.views.report import report as written

        view = site.desk.snapshot(campaign).view
        reports = {trial.number: reports_of(view.campaign, trial) for trial in view.ranked[:MOST_LINES]}
        return written(view, reports=reports)

    return as_file(
        await site.pools.exports.run(write, ("report", campaign)), f"{campaign}.html", "text/html; charset=utf-8"
    )


def as_file(text: str, name: str, media_type: str) -> Response:
    """Have a browser save what is sent, rather than show it as a page of this service."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(text, media_type=media_type, headers=headers)
