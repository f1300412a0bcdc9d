"""The pages: what the command line shows, in a browser, alive.

A page is a skeleton with parts and figures in it. A part is a piece of HTML with an address of its own, a figure is
JSON; the browser hears of a new revision and asks what is new of all that is in sight, by their ETags, in one go.
Without JavaScript the pages show the parts as they stand.
"""

from __future__ import annotations

from fastapi import FastAPI

from bohpo.service.figures import Figures
from bohpo.service.pages import (
    campaign,
    campaigns,
    compare,
    errors,
    export,
    launch,
    news,
    sign_in,
    static_files,
    trial,
    trial_files,
)
from bohpo.service.pages.news import Newsstand
from bohpo.service.pages.shelf import Shelf


def install(app: FastAPI) -> None:
    """Add the pages to an application."""
    app.state.figures = Figures(app.state.site.pools.figures)
    app.state.shelf = Shelf()
    app.state.newsstand = Newsstand()
    for part in (news, static_files, sign_in, campaigns, campaign, trial, trial_files, compare, launch, export):
        app.include_router(part.router, include_in_schema=False)
    errors.install(app)
