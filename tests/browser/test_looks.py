"""Whether the pages can be read by everybody: small, dark, without a mouse, by a machine; and by nobody's script."""

from __future__ import annotations

import contextlib
import importlib.resources
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from bohpo.service.settings import Settings
from bohpo.store import Store, open_store
from bohpo.trial import Proposal, Scalar
from tests.browser.conftest import PATIENCE_MS, serving
from tests.service.pages import specimen
from tests.service.pages.hostile import PAYLOAD, HostileDesk

pytestmark = pytest.mark.browser

expect.set_options(timeout=PATIENCE_MS)

PAGES = (
    "/",
    "/campaigns/specimen",
    "/campaigns/specimen/trials/0",
    f"/campaigns/specimen/trials/{specimen.FAILED}",
    "/compare?campaign=specimen&campaign=other",
    "/launch",
    "/campaigns/specimen/export",
)


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A service with two campaigns; gives the address that signs in."""
    with contextlib.closing(open_store(settings.store)) as store:
        specimen.record(store, tmp_path / "campaigns")
        specimen.record(store, tmp_path / "campaigns", name="other", ended=5, running=0)
    with serving(settings) as (_, signs_in):
        yield signs_in


def open_page(tab: Page, base: str, path: str) -> None:
    """Open a page and wait until all its figures are drawn, wherever they are on it."""
    tab.goto(base + path)
    for figure in tab.locator("[data-figure]:visible").all():
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".waiting")).to_have_count(0)


def base_of(tab: Page, address: str) -> str:
    """Sign in; gives the address of the service."""
    tab.goto(address)
    return address.partition("/?")[0]


def test_no_page_has_a_serious_flaw_for_people_who_hear_or_type(tab: Page, address: str, complaints: list[str]) -> None:
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    base = base_of(tab, address)
    flaws: list[str] = []
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        for path in PAGES:
            open_page(tab, base, path)
            tab.evaluate(axe)
            found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
            flaws += [
                f"{theme} {path} {flaw['id']}: {flaw['nodes'][0]['html'][:200]}"
                for flaw in found["violations"]
                if flaw["impact"] in ("serious", "critical")
            ]
    assert flaws == []
    assert complaints == []


def test_every_page_fits_a_phone(tab: Page, address: str) -> None:
    base = base_of(tab, address)
    tab.set_viewport_size({"width": 390, "height": 844})
    widths = {}
    for path in PAGES:
        open_page(tab, base, path)
        widths[path] = tab.evaluate("document.documentElement.scrollWidth")
    assert set(widths.values()) == {390}, widths


def test_the_switch_turns_the_colours_and_the_next_page_remembers(tab: Page, address: str) -> None:
    base = base_of(tab, address)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(ground) == "rgb(252, 252, 250)"
    tab.click("#theme")
    tab.click("#theme")
    assert tab.evaluate(ground) == "rgb(20, 24, 29)"
    tab.goto(f"{base}/compare")
    assert tab.evaluate(ground) == "rgb(20, 24, 29)"


def test_the_keyboard_alone_reaches_the_content_the_filter_and_a_trial(tab: Page, address: str) -> None:
    base = base_of(tab, address)
    tab.goto(f"{base}/campaigns/specimen")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.focus("#filter")
    tab.keyboard.type("failed")
    expect(tab.locator("#trials tbody tr")).to_have_count(1)
    assert tab.evaluate("document.activeElement.id") == "filter"
    assert "q=failed" in tab.url
    tab.locator("#trials tbody a").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/trials/{specimen.FAILED}")


def test_a_trial_that_is_chosen_in_one_figure_is_marked_in_all_until_escape(tab: Page, address: str) -> None:
    base = base_of(tab, address)
    open_page(tab, base, "/campaigns/specimen")
    result = tab.locator("#progress .scatterlayer .point").first
    result.scroll_into_view_if_needed()
    box = result.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tab.locator("#selected")).to_be_visible()
    number = int((tab.locator("#selected span").text_content() or "").removeprefix("Trial "))
    marked = "document.querySelector('#slices .plot').data[0].selectedpoints?.length ?? 0"
    assert tab.evaluate(marked) == 1
    expect(tab.locator(f"#trials tr[data-trial='{number}']")).to_have_class("is-chosen")
    tab.keyboard.press("Escape")
    expect(tab.locator("#selected")).to_be_hidden()
    assert tab.evaluate(marked) == 0


SHOWN_LINES = """() => (document.querySelector("#parallel .plot")?.data ?? [])
    .filter((trace) => trace.mode.startsWith("lines") && trace.opacity > 0.5).map((trace) => trace.customdata[0])"""


def test_lines_that_a_brush_on_an_axis_leaves_stay_across_results(
    tab: Page, settings: Settings, tmp_path: Path, complaints: list[str]
) -> None:
    with contextlib.closing(open_store(settings.store)) as store:
        campaign, lease = specimen.record(store, tmp_path / "campaigns")
        with serving(settings) as (_, address):
            base = base_of(tab, address)
            open_page(tab, base, "/campaigns/specimen")
            tab.locator("#parallel").scroll_into_view_if_needed()
            everything = set(tab.evaluate(SHOWN_LINES))
            brush(tab, axis=1, low=0.45, high=1.04)
            tab.wait_for_function(f"(all) => ({SHOWN_LINES})().length < all", arg=len(everything))
            assert set(tab.evaluate(SHOWN_LINES)) == deep(store)
            for _ in range(2):
                specimen.end_one(store, campaign, lease)
            tab.wait_for_function(
                "(number) => document.querySelector('#parallel .plot').data.some((t) => t.customdata?.[0] === number)",
                arg=len(store.trials("specimen")) - 1,
            )
            assert set(tab.evaluate(SHOWN_LINES)) == deep(store)
            assert tab.locator("#parallel .selectionlayer path").count() > 0
            tab.locator("#parallel .nsewdrag").dblclick()
            tab.wait_for_function(f"(all) => ({SHOWN_LINES})().length === all", arg=len(everything) + 2)
    assert complaints == []


def deep(store: Store) -> set[int]:
    """Give the completed trials whose depth is in the upper half."""
    completed = [trial for trial in store.trials("specimen") if trial.value is not None]
    return {trial.number for trial in completed if trial.configuration["depth"] in (4, 5, 6)}


def brush(tab: Page, *, axis: int, low: float, high: float) -> None:
    """Draw a rectangle over an axis of the parallel coordinates, between two heights of the unit cube."""
    place = tab.locator("#parallel .nsewdrag").bounding_box()
    assert place is not None
    to_pixel = "([x, y]) => { const { xaxis, yaxis } = document.querySelector('#parallel .plot')._fullLayout;"
    to_pixel += " return [xaxis.l2p(x), yaxis.l2p(y)]; }"
    left, bottom = tab.evaluate(to_pixel, [axis - 0.2, low])
    right, top = tab.evaluate(to_pixel, [axis + 0.2, high])
    tab.mouse.move(place["x"] + left, place["y"] + bottom)
    tab.mouse.down()
    tab.mouse.move(place["x"] + right, place["y"] + top, steps=6)
    tab.mouse.up()


def test_a_script_in_a_name_is_shown_as_text(
    tab: Page, settings: Settings, tmp_path: Path, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.service.app.Desk", HostileDesk)
    with contextlib.closing(open_store(settings.store)) as store:
        specimen.record(store, tmp_path / "campaigns")
    with serving(settings) as (_, address):
        base = base_of(tab, address)
        open_page(tab, base, "/campaigns/specimen")
        assert tab.locator("#slices h4").first.text_content() == PAYLOAD
        assert tab.locator("#progress .ytitle").text_content() == PAYLOAD
        assert PAYLOAD in tab.locator("#trials thead").inner_text()
        open_page(tab, base, f"/campaigns/specimen/trials/{specimen.FAILED}")
        assert PAYLOAD in tab.locator("main").inner_text()
        assert tab.locator("img[src=x]").count() == 0
        assert tab.title() == f"Trial {specimen.FAILED} · specimen · bohpo"
    assert complaints == []


def record_failures(store: Store, home: Path) -> None:
    """Record a campaign all of whose trials failed alike."""
    _, lease = specimen.record(store, home, name="a-campaign-of-a-rather-long-name", ended=0, running=0)
    for number in range(3):
        store.add_trial(lease, f"failure{number}", Proposal({**specimen_configuration(), "depth": 2 + number}, "model"))
        store.fail_trial(lease, number, "raised: RuntimeError: CUDA out of memory, tried to allocate 17.25 GiB")


def specimen_configuration() -> dict[str, Scalar]:
    return {"lr": 0.01, "depth": 3, "optimizer": "adamw"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1200, 1010, 990, 800, 641, 390])
def test_the_list_of_campaigns_cuts_no_column(
    settings: Settings, tmp_path: Path, tab: Page, width: int, scheme: Literal["light", "dark"]
) -> None:
    with contextlib.closing(open_store(settings.store)) as store:
        specimen.record(store, tmp_path / "campaigns")
        record_failures(store, tmp_path / "campaigns")
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    with serving(settings) as (_, signs_in):
        tab.goto(signs_in)
        region = tab.get_by_role("region", name="Campaigns")
        expect(region).to_be_visible()
        hidden = region.evaluate("element => element.scrollWidth - element.clientWidth")
        assert hidden <= 0, f"{hidden} pixels of the list are out of sight"
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        failure = region.get_by_text("all 3 trials failed: raised: RuntimeError")
        expect(failure).to_be_visible()
        base = tab.url.partition("/?")[0].rstrip("/")
        open_page(tab, base, "/campaigns/a-campaign-of-a-rather-long-name")
        expect(tab.locator(".score.failed")).to_have_text("3 failed")
        expect(tab.get_by_text("bohpo logs a-campaign-of-a-rather-long-name 0")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
