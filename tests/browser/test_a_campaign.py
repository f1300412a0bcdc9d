"""From the sign-in to the export: a campaign that is launched, watched, stopped and resumed in the browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bohpo.service.settings import Settings
from tests.browser.conftest import PATIENCE_MS, serving

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE_MS)

STUDY = """\
name = "tiny"
trainer = "tests.browser.detector:train"

[objective]
metric = "partial_auc"
direction = "maximize"

[budget]
trials = 6

[parallel]
jobs = 2
threads = 1

[optimizer]
method = "random"

[space]
lr = {{ type = "float", low = 1e-4, high = 0.3, log = true }}
depth = {{ type = "int", low = 2, high = 6 }}

[fixed]
gate = "{gate}"
"""


def open_gate(gate: Path, trials: int) -> None:
    """Let the trainings of so many trials end."""
    fresh = gate.with_suffix(".new")
    fresh.write_text(str(trials))
    fresh.rename(gate)


def points(tab: Page) -> int:
    """Count the results in the figure of progress."""
    return int(
        tab.evaluate(
            "document.querySelector('#progress .plot').data?.filter((trace) => trace.error_y)"
            ".reduce((sum, trace) => sum + trace.x.length, 0) ?? 0"
        )
    )


def wait_for_points(tab: Page, count: int) -> None:
    """Wait until the figure of progress shows so many results."""
    tab.wait_for_function(
        "(count) => (document.querySelector('#progress .plot')?.data ?? []).filter((trace) => trace.error_y)"
        ".reduce((sum, trace) => sum + trace.x.length, 0) >= count",
        arg=count,
    )


def test_a_campaign_is_launched_watched_stopped_resumed_and_exported_in_the_browser(
    tab: Page, settings: Settings, complaints: list[str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    open_gate(gate, 3)
    with serving(settings) as (server, address):
        tab.goto(address)
        assert "token" not in tab.url
        launch(tab, STUDY.format(gate=gate))

        wait_for_points(tab, 3)
        loaded = tab.evaluate("performance.timeOrigin")
        zoom = zoom_in(tab)
        open_gate(gate, 4)
        wait_for_points(tab, 4)
        assert range_of(tab) == zoom
        expect(tab.locator("#detector")).to_be_visible()
        expect(tab.locator(".best .configuration")).to_be_visible()

        stop_now(tab)
        resume(tab)
        open_gate(gate, 6)
        wait_for_points(tab, 6)
        expect(tab.locator(".state[data-state]")).to_have_text("finished")
        assert tab.evaluate("performance.timeOrigin") == loaded  # all of this without loading the page again

        look_at_a_log(tab)
        export(tab)
        assert server.site.desk.snapshot("tiny").status.complete == 6
    assert [words for words in complaints if "ERR_" not in words] == []


def range_of(tab: Page) -> list[float]:
    """Give which trials the figure of progress shows, from the left to the right edge."""
    found: list[float] = tab.evaluate("document.querySelector('#progress .plot').layout.xaxis.range")
    return found


def zoom_in(tab: Page) -> list[float]:
    """Draw a rectangle over the middle of the figure of progress."""
    before, ground = range_of(tab), tab.locator("#progress .nsewdrag").first
    ground.scroll_into_view_if_needed()
    box = ground.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    tab.mouse.up()
    tab.wait_for_function(
        "(before) => document.querySelector('#progress .plot').layout.xaxis.range[0] !== before", arg=before[0]
    )
    return range_of(tab)


def launch(tab: Page, study: str) -> None:
    """Type a study with a mistake, mend it, and launch it."""
    tab.click("text=Launch")
    tab.fill("#study", study.replace("maximize", "maximise"))
    expect(tab.locator(".mistakes li")).to_have_text(
        "objective.direction: \"maximise\" is unknown; did you mean 'maximize'?"
    )
    expect(tab.locator("#launch [type=submit]")).to_be_disabled()
    tab.fill("#study", study)
    expect(tab.locator(".fine")).to_have_text("No mistakes.")
    tab.click("#dry-run")
    expect(tab.locator("#plan pre")).to_contain_text("first_configuration")
    tab.click("#launch [type=submit]")
    tab.wait_for_url("**/campaigns/tiny")


def stop_now(tab: Page) -> None:
    """Stop the campaign in the middle of its trainings."""
    tab.click("[data-action=stop]")
    tab.click("dialog#stop [value=now]")
    expect(tab.locator(".state[data-state]")).to_have_text("stopped")


def resume(tab: Page) -> None:
    """Go on with it."""
    expect(tab.locator("[data-action=resume]")).to_be_enabled()
    tab.click("[data-action=resume]")
    tab.click("dialog#resume [value=resume]")
    expect(tab.locator(".state[data-state]")).to_have_text("active")


def look_at_a_log(tab: Page) -> None:
    """Open a trial from the table, and read what its trainer printed and drew."""
    campaign = tab.url
    tab.locator("#trials").scroll_into_view_if_needed()
    tab.click("#trials tr[data-trial='0'] a")
    expect(tab.locator("h1")).to_have_text("Trial 0")
    expect(tab.locator(".log")).to_contain_text("epoch 3 of a training")
    tab.wait_for_function("() => [...document.images].some((image) => image.naturalWidth === 24)")
    tab.wait_for_selector("#learning .main-svg")
    tab.goto(campaign)


def export(tab: Page) -> None:
    """Look at a format, and take it away as a file."""
    tab.click("text=Export")
    tab.check("[value=optuna]")
    expect(tab.locator("#preview")).to_contain_text('"params"')
    with tab.expect_download() as download:
        tab.click("text=Download")
    assert '"distributions"' in Path(download.value.path()).read_text()
