"""The report in a real browser without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

from bohpo.space import Space
from bohpo.trial import Trial
from bohpo.views import CampaignView, report

pytestmark = pytest.mark.browser
PAYLOAD = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def complaints() -> list[str]:
    """What the page complained about, or asked the network for."""
    return []


@pytest.fixture
def tab(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A tab as wide as a phone, in which every request but those for files is refused and noted."""

    def refuse(route: Route) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    context = browser.new_context(viewport={"width": 390, "height": 900})
    context.route("**/*", refuse)
    context.set_default_timeout(120_000)  # the machine may be busy with other things
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def opened(tab: Page, folder: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]) -> Page:
    path = folder / "report.html"
    path.write_text(report(view, reports=reports), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.wait_for_function("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))")
    return tab


def with_hostile_names(view: CampaignView) -> CampaignView:
    """Call the first parameter, the metric and the campaign by an attack."""
    first, *others = view.space.parameters

    def renamed(trial: Trial) -> Trial:
        return replace(
            trial,
            configuration={PAYLOAD if name == first.name else name: at for name, at in trial.configuration.items()},
            reason=trial.reason and PAYLOAD,
        )

    return replace(
        view,
        space=Space((replace(first, name=PAYLOAD), *others)),
        metric=PAYLOAD,
        campaign=replace(view.campaign, name=PAYLOAD),
        trials=tuple(renamed(trial) for trial in view.trials),
    )


def test_every_figure_is_drawn_without_a_complaint(
    tab: Page,
    tmp_path: Path,
    view: CampaignView,
    reports: dict[int, list[tuple[int, float]]],
    complaints: list[str],
) -> None:
    page = opened(tab, tmp_path, view, reports)
    drawn = page.evaluate(
        "[...document.querySelectorAll('.plot')].map((plot) => plot.querySelectorAll('.trace').length)"
    )
    assert len(drawn) == 13
    assert all(traces > 0 for traces in drawn)
    assert complaints == []


def test_no_button_sends_a_figure_away(
    tab: Page, tmp_path: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    page = opened(tab, tmp_path, view, reports)
    buttons = set(page.evaluate("[...document.querySelectorAll('.modebar-btn')].map((one) => one.dataset.title)"))
    assert buttons == {"Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}


def test_the_page_is_no_wider_than_a_phone(
    tab: Page, tmp_path: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    page = opened(tab, tmp_path, view, reports)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_table_sorts_by_value_both_ways_with_empty_cells_last(
    tab: Page, tmp_path: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    page = opened(tab, tmp_path, view, reports)
    rising = [trial.number for trial in reversed(view.ranked)]
    pressed = page.locator("#trials thead th", has_text="partial_auc")
    shown = "[...document.querySelectorAll('#trials tbody tr')].map((row) => Number(row.cells[0].textContent))"
    pressed.locator("button").click()
    assert page.evaluate(shown)[: len(rising)] == rising
    assert pressed.get_attribute("aria-sort") == "ascending"
    pressed.locator("button").click()
    assert page.evaluate(shown)[: len(rising)] == rising[::-1]
    assert pressed.get_attribute("aria-sort") == "descending"


def test_the_filter_hides_the_rows_without_the_words(
    tab: Page, tmp_path: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    page = opened(tab, tmp_path, view, reports)
    page.locator("#filter").fill("failed memory")
    visible = page.locator("#trials tbody tr:visible")
    assert visible.count() == 1
    assert (visible.locator("th").text_content() or "") == "6"


def test_a_script_in_a_name_is_shown_as_text_also_in_figures(
    tab: Page,
    tmp_path: Path,
    view: CampaignView,
    reports: dict[int, list[tuple[int, float]]],
    complaints: list[str],
) -> None:
    page = opened(tab, tmp_path, with_hostile_names(view), reports)
    assert page.title() == f"{PAYLOAD} · bohpo"
    assert page.locator("h1").text_content() == f"{PAYLOAD} active"
    assert page.locator("#parallel .xtick text").first.text_content() == f"{PAYLOAD[:12]}…{PAYLOAD[-12:]}"
    assert page.locator("#slices h4").first.text_content() == PAYLOAD
    assert page.locator("#progress .ytitle").text_content() == PAYLOAD
    page.locator("#progress .scatterlayer .point").last.scroll_into_view_if_needed()
    place = page.locator("#progress .scatterlayer .point").last.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.wait_for_selector(".hoverlayer .hovertext")
    assert PAYLOAD in (page.locator("#progress .hoverlayer").text_content() or "")
    assert page.locator("img").count() == 0
    assert page.title() != "owned"
    assert complaints == []


def test_figures_take_the_pages_colours_in_the_dark(
    tab: Page, tmp_path: Path, view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    page = opened(tab, tmp_path, view, reports)
    colour = "getComputedStyle(document.querySelector('#progress .xtick text')).fill"
    assert page.evaluate(colour) == "rgb(90, 101, 112)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) == "rgb(155, 166, 178)"
