"""Draw the samples of a soak: one panel for each figure, one line for each process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.resources import Sample
from tests.chromium import CHROMIUM, launched

PANELS = (
    ("rss_mib", "Resident memory, MiB"),
    ("descriptors", "Open descriptors"),
    ("threads", "Threads"),
    ("log_kib", "Log, KiB"),
)
COLOURS = {"driver": "#0f9a8c", "service": "#d9642b"}
WIDTH, HEIGHT = 1000, 640


def draw_samples(path: Path, title: str, samples: Sequence[Sample]) -> None:
    """Write `path`.html, which needs no network, and `path`.png if Chromium is installed."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=2, subplot_titles=[label for _, label in PANELS])
    for index, (field, _) in enumerate(PANELS):
        for process, colour in COLOURS.items():
            own = [sample for sample in samples if sample.process == process]
            figure.add_scatter(
                x=[sample.finished for sample in own],
                y=[getattr(sample.usage, field) for sample in own],
                name=process,
                line={"color": colour, "width": 1.5},
                showlegend=index == 0,
                row=index // 2 + 1,
                col=index % 2 + 1,
            )
    figure.update_xaxes(title_text="finished trials", row=2)
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(title=title, template="plotly_white", width=WIDTH, height=HEIGHT)
    page = path.with_suffix(".html")
    figure.write_html(page, include_plotlyjs=True)
    if CHROMIUM.exists():
        _take_picture(page, path.with_suffix(".png"))


def _take_picture(page: Path, picture: Path) -> None:
    with launched() as browser:
        tab = browser.new_page(viewport={"width": WIDTH + 20, "height": HEIGHT + 20})
        tab.goto(page.resolve().as_uri())
        tab.wait_for_selector(".main-svg")
        tab.screenshot(path=str(picture))
