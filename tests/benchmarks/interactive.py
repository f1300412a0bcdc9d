"""How soon a campaign's page can be used in a real browser: its figures in sight drawn, and an answer to a click."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.viewers import PATIENCE_S, Address
from tests.chromium import CHROMIUM, launched

if TYPE_CHECKING:
    from playwright.sync_api import Page

IS_INTERACTIVE = """() => {
    const places = [...document.querySelectorAll("[data-figure]")].filter((figure) => {
        const box = figure.getBoundingClientRect();
        return box.height > 0 && box.top < innerHeight;
    });
    if (document.readyState !== "complete" || places.some((place) => place.querySelector(".waiting"))) return 0;
    return performance.now();
}"""
"""Milliseconds since the page was asked for, once all figures in sight are drawn and the script has time to say so."""

IS_DRAWN_BY_DASHBOARD = """() => {
    const isDrawn = document.readyState === "complete" && document.querySelector(".main-svg .trace, .gl-canvas");
    return isDrawn ? performance.now() : 0;
}"""
"""The same for a page of optuna-dashboard: its first figure has something in it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """How long a page took.

    Attributes:
        first_s: By its address: the browser has none of its files, the service may not have read the campaign.
        from_list_s: In another such browser, from the list of campaigns.
        again_s: Loaded once more.
    """

    first_s: float
    from_list_s: float
    again_s: float


def opened(address: Address, campaigns: str, page: str, is_interactive: str) -> Opened | None:
    """Open a page in two fresh browsers; None without a browser.

    Args:
        address: Of the server.
        campaigns: Path of the page that lists what there is.
        page: Path of the page.
        is_interactive: JavaScript that gives the milliseconds that it took, or 0 until it can be used.
    """
    if not CHROMIUM.exists():
        return None
    with _tab(address) as (tab, base):
        first = _seconds(tab, f"{base}{page}", is_interactive)
    with _tab(address) as (tab, base):
        tab.goto(f"{base}{campaigns}", wait_until="load")
        from_list, again = (_seconds(tab, f"{base}{page}", is_interactive) for _ in range(2))
    return Opened(first, from_list, again)


@contextlib.contextmanager
def _tab(address: Address) -> Iterator[tuple[Page, str]]:
    """Start a browser and sign in, without a page being shown; give its tab and where the server is."""
    with launched() as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        base = f"http://127.0.0.1:{address.port}"
        if address.token:
            tab.context.request.get(f"{base}/sign-in?token={address.token}")
        yield tab, base


def _seconds(tab: Page, address: str, is_interactive: str) -> float:
    tab.goto(address, wait_until="commit")
    handle = tab.wait_for_function(is_interactive, timeout=1000 * PATIENCE_S, polling="raf")
    return float(handle.json_value()) / 1000
