"""What the figures draw, seen in their data."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Curve, Proposal, Scalar, Trial, TrialState
from bohpo.views import CampaignView, figures
from bohpo.views.figures import thinning
from bohpo.views.figures.slices import axis_of
from bohpo.views.figures.style import MOST_LINES
from bohpo.views.figures.thinning import MOST_POINTS
from bohpo.views.insight import FEWEST_TRIALS, insight
from bohpo.views.surface import surface


def drawn(drawing: figures.Drawing) -> Any:
    """Have plotly check every key and value of a figure, as it is sent."""
    assert not isinstance(drawing, str)
    return go.Figure(json.loads(json.dumps(drawing.as_json(), allow_nan=False)))


def named(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def searched(count: int, *, maximize: bool = True) -> CampaignView:
    """Make a campaign whose score hangs on `lr` alone, however `noise` and the conditional `extra` are set."""
    space = Space(
        (
            FloatParameter("lr", 1e-4, 1.0, log=True),
            FloatParameter("noise", 0.0, 1.0),
            CategoricalParameter("kind", ("a", "b")),
            FloatParameter("extra", 0.0, 1.0, when={"kind": ("b",)}),
        )
    )
    rng, trials = random.Random(3), []
    for number in range(count):
        configuration: dict[str, Scalar] = space.decode([rng.random() for _ in space.names])
        score = -abs(space["lr"].encode(configuration["lr"]) - 0.3)
        trials.append(
            Trial(
                number,
                f"u{number}",
                configuration,
                TrialState.COMPLETE,
                Proposal(configuration, "model"),
                value=score if maximize else -score,
            )
        )
    return CampaignView(campaign=None, space=space, metric="m", maximize=maximize, jobs=1, trials=tuple(trials))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("maximize", "steps"), [(True, [(0, 0.6), (4.7, 0.6)]), (False, [(0, 0.6), (2, 0.45), (4.7, 0.45)])]
)
def test_the_line_of_progress_is_a_step_for_each_trial_that_was_the_best(
    short_view: CampaignView, maximize: bool, steps: list[tuple[float, float]]
) -> None:
    line = named(drawn(figures.best_so_far(replace(short_view, maximize=maximize))))["best so far"]
    assert list(zip(line.x, line.y, strict=True)) == steps


def test_progress_tells_startup_model_failed_and_pending_apart(view: CampaignView) -> None:
    traces = named(drawn(figures.best_so_far(view)))
    assert list(traces["first, spread out"].x) == [0, 1, 2, 3]
    assert 6 not in traces["proposed by the model"].x and 7 in traces["proposed by the model"].x
    assert list(traces["failed"].x) == [6, 15]
    assert list(traces["pending"].x) == [23, 24]
    assert traces["failed"].yaxis == traces["pending"].yaxis == "y2"


def test_bars_of_progress_are_half_a_95_percent_interval(short_view: CampaignView) -> None:
    points = named(drawn(figures.best_so_far(short_view)))["first, spread out"]
    assert list(points.error_y.array) == pytest.approx([0.196, 0.0])


def test_before_the_first_outcome_there_is_a_sentence_instead_of_a_figure(short_view: CampaignView) -> None:
    empty = replace(short_view, trials=())
    texts = [figures.best_so_far(empty), figures.timeline(empty), figures.parallel_coordinates(empty)]
    texts += [figures.froc(empty), figures.importance(empty, insight(empty)), figures.learning_curves(empty, {})]
    assert all(isinstance(text, str) and text.endswith(".") for text in texts)
    assert figures.slices(empty) == {}


def test_the_froc_shows_the_best_trial_its_band_the_limit_and_the_test_cases(view: CampaignView) -> None:
    figure = drawn(figures.froc(view))
    best = view.ranked[0].number
    traces = named(figure)
    curve = view.curves[best]["froc"]
    assert list(traces[f"validation, trial {best}"].y) == list(curve.y)
    assert list(traces[f"test cases, trial {best}"].y) == list(view.evaluations[0].outcome.curves["froc"].y)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 2
    assert list(bands[0].y) == [*curve.upper, *reversed(curve.lower)]
    assert [shape.x0 for shape in figure.layout.shapes] == [3.0]


def test_the_roc_is_drawn_like_the_froc_over_the_diagonal_of_a_guess(view: CampaignView) -> None:
    best = view.ranked[0].number
    curve = Curve((0.0, 0.5, 1.0), (0.0, 0.8, 1.0), (0.0, 0.6, 1.0), (0.1, 0.9, 1.0))
    [evaluation] = view.evaluations
    tested = replace(evaluation, outcome=replace(evaluation.outcome, curves={"roc": curve}))
    figure = drawn(figures.roc(replace(view, curves={best: {"roc": curve}}, evaluations=(tested,))))
    assert list(named(figure)[f"validation, trial {best}"].y) == [0.0, 0.8, 1.0]
    assert f"test cases, trial {best}" in named(figure)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert list(bands[0].y) == [0.1, 0.9, 1.0, 1.0, 0.6, 0.0]
    [guess] = figure.layout.shapes
    assert (guess.x0, guess.y0, guess.x1, guess.y1) == (0, 0, 1, 1)
    assert isinstance(figures.froc(replace(view, curves={best: {"roc": curve}})), str)


def test_a_curve_without_a_band_is_drawn_as_a_line(short_view: CampaignView) -> None:
    view = replace(short_view, curves={0: {"froc": Curve((0.0, 1.0), (0.0, 0.5))}})
    figure = drawn(figures.froc(view))
    assert [trace.name for trace in figure.data] == ["validation, trial 0", "operating points"]
    assert len(figure.layout.shapes) == 0


def test_operating_points_are_read_off_the_curve_as_far_as_it_reaches(short_view: CampaignView) -> None:
    view = replace(short_view, curves={0: {"froc": Curve((0.0, 1.5), (0.0, 0.6), (0.0, 0.3), (0.0, 0.9))}})
    points = named(drawn(figures.froc(view)))["operating points"]
    assert list(points.x) == [0.125, 0.25, 0.5, 1.0]
    assert list(points.y) == pytest.approx([0.05, 0.1, 0.2, 0.4])
    assert points.text[-1] == "sensitivity 0.400 (0.200 to 0.600) at 1 false positives per case"


def test_as_many_curves_have_a_band_as_are_asked_for(view: CampaignView) -> None:
    def bands(banded: int) -> int:
        return sum(trace.fill == "toself" for trace in drawn(figures.froc(view, banded=banded)).data)

    assert [bands(1), bands(2), bands(3)] == [2, 3, 4]  # the test cases' band among them


def test_parallel_lines_go_through_the_unit_cube_and_below_it_where_a_parameter_is_inactive(
    short_view: CampaignView,
) -> None:
    lines = drawn(figures.parallel_coordinates(short_view)).data
    # worst first: trial 2, then trial 0; lr 0.001 is half way between 1e-5 and 0.1
    assert list(lines[0].y) == pytest.approx([0.5, 0.75, 0.0, 0.25])
    assert list(lines[1].y) == pytest.approx([0.0, 0.25, -0.1, 0.25])


def test_parallel_axes_carry_the_choices_and_the_ends_of_the_intervals(short_view: CampaignView) -> None:
    notes = {(note.x, note.text) for note in drawn(figures.parallel_coordinates(short_view)).layout.annotations}
    assert {(0, "1e-05"), (0, "0.001"), (0, "0.1"), (1, "adamw"), (1, "sgd"), (2, "not used"), (3, "true")} <= notes


def test_the_best_configuration_has_the_strongest_colour_when_minimizing_too(short_view: CampaignView) -> None:
    for maximize in (True, False):
        lines = drawn(figures.parallel_coordinates(replace(short_view, maximize=maximize))).data
        assert lines[0].line.color == "rgba(169, 177, 188, 0.35)"
        assert lines[1].line.color == "rgba(15, 154, 140, 1.00)"
        assert lines[2].marker.reversescale is (not maximize)


def test_slices_follow_the_parameters_scale_and_leave_inactive_trials_out(short_view: CampaignView) -> None:
    panels = figures.slices(short_view)
    assert list(panels) == ["lr", "optimizer", "momentum", "mirror"]
    lr, momentum = drawn(panels["lr"]), drawn(panels["momentum"])
    assert lr.layout.xaxis.type == "log"
    assert list(lr.layout.xaxis.ticktext) == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]
    assert list(momentum.data[0].x) == [0.5]
    assert list(drawn(panels["mirror"]).layout.xaxis.ticktext) == ["true", "false"]
    assert len({tuple(drawn(panel).layout.yaxis.range) for panel in panels.values()}) == 1


def test_an_axis_of_few_whole_numbers_writes_each_and_nothing_between_them() -> None:
    few, many = IntParameter("edge", low=16, high=32, step=8), IntParameter("width", low=1, high=30)
    assert {"tick0": 16, "dtick": 8}.items() <= axis_of(few).items()
    assert "dtick" not in axis_of(many)


def test_long_names_are_cut_in_the_middle_at_an_axis(short_view: CampaignView) -> None:
    long = "detector.backbone.first.stage.channels"
    space = Space((FloatParameter(long, 1e-5, 0.1), *short_view.space.parameters[1:]))
    trials = tuple(
        replace(trial, configuration={long: 0.01, **{k: v for k, v in trial.configuration.items() if k != "lr"}})
        for trial in short_view.trials
    )
    figure = drawn(figures.parallel_coordinates(replace(short_view, space=space, trials=trials)))
    assert list(figure.layout.xaxis.ticktext) == ["detector.bac…age.channels", "optimizer", "momentum", "mirror"]


def test_importance_has_a_bar_per_parameter_with_its_interval_the_greatest_on_top() -> None:
    view = searched(40)
    found = insight(view)
    assert found is not None
    bars, percentages = drawn(figures.importance(view, found)).data
    assert list(bars.x) == [one.share for one in reversed(found.importance)]
    assert bars.x[-1] > 0.9
    low = [share - below for share, below in zip(bars.x, bars.error_x.arrayminus, strict=True)]
    assert low == pytest.approx([one.low for one in reversed(found.importance)])
    high = [share + above for share, above in zip(bars.x, bars.error_x.array, strict=True)]
    assert max(high) < min(percentages.x)
    assert percentages.text[-1] == f"{100 * bars.x[-1]:.0f} %"


def test_importance_says_how_many_trials_it_needs() -> None:
    few = searched(FEWEST_TRIALS - 1)
    assert figures.importance(few, insight(few)) == "Not enough trials: 2 completed, the model needs 3."
    enough = searched(FEWEST_TRIALS)
    assert drawn(figures.importance(enough, insight(enough))).data


def test_the_timeline_has_a_bar_per_attempt_in_its_slot(short_view: CampaignView) -> None:
    figure = drawn(figures.timeline(short_view))
    bars = {
        (kind, text): (slot, base * 60, base * 60 + length * 60)
        for kind, trace in named(figure).items()
        for text, slot, base, length in zip(trace.text, trace.y, trace.base, trace.x, strict=True)
    }
    # in minutes since the first start, which was at 10 s
    assert figure.layout.xaxis.title.text == "minutes since the first start"
    assert bars[("completed", "0")] == pytest.approx((0, 0, 100))
    assert bars[("failed", "1")] == pytest.approx((1, 10, 50))
    assert bars[("completed", "2")] == pytest.approx((1, 70, 120))
    assert bars[("running", "4")] == pytest.approx((1, 130, 190))


def test_the_timeline_tells_a_retried_attempt_from_a_failed_one(view: CampaignView) -> None:
    traces = named(drawn(figures.timeline(view)))
    assert list(traces["cut short, tried again"].text) == ["3"]
    assert "the node did not answer" in traces["cut short, tried again"].hovertext[0]
    assert list(traces["failed"].text) == ["6", "15"]


def test_the_timeline_names_the_gpus_of_an_attempt(short_view: CampaignView) -> None:
    trials = tuple(
        replace(trial, attempts=tuple(replace(attempt, devices=("2", "3")) for attempt in trial.attempts))
        for trial in short_view.trials
    )
    shown = named(drawn(figures.timeline(replace(short_view, trials=trials))))["completed"].hovertext[0]
    assert "<br>GPU 2, 3" in shown
    assert "GPU" not in named(drawn(figures.timeline(short_view)))["completed"].hovertext[0]


def test_learning_curves_draw_the_best_trial_last_and_failed_ones_dotted(
    view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    lines = drawn(figures.learning_curves(view, reports)).data
    assert len(lines) == len(view.trials)
    assert [line.line.dash for line in lines].count("dot") == 2
    assert list(lines[-1].y) == [value for _, value in reports[view.ranked[0].number]]


def test_markup_in_names_and_reasons_reaches_plotly_as_text(short_view: CampaignView) -> None:
    failed = replace(short_view.trials[1], reason="<b>bold & bad</b>")
    view = replace(short_view, metric="<i>m</i>", trials=(short_view.trials[0], failed, *short_view.trials[2:]))
    figure = drawn(figures.best_so_far(view))
    assert figure.layout.yaxis.title.text == "&lt;i&gt;m&lt;/i&gt;"
    assert "&lt;b&gt;bold &amp; bad&lt;/b&gt;" in named(figure)["failed"].text[0]


def test_crowded_figures_draw_the_best_trials_only() -> None:
    view = searched(MOST_LINES + 30)
    lines = drawn(figures.parallel_coordinates(view)).data
    assert len(lines) == MOST_LINES + 1
    assert f"trial {view.ranked[0].number}<" in lines[-2].text
    reports = {trial.number: [(1, 0.5), (2, 0.6)] for trial in view.trials}
    assert len(drawn(figures.learning_curves(view, reports)).data) == MOST_LINES


def test_figures_of_many_trials_draw_the_best_and_the_latest_among_a_bounded_number() -> None:
    view = searched(3 * MOST_POINTS)
    shown = {trial.number for trial in thinning.drawn(view)}
    assert len(shown) <= MOST_POINTS
    assert {trial.number for trial in view.ranked[:100]} <= shown
    assert set(range(len(view.trials) - 100, len(view.trials))) <= shown
    figure = named(drawn(figures.best_so_far(view)))
    assert figure["best so far"].y[-1] == view.ranked[0].value
    assert len(figure["best so far"].x) < 100


def test_a_pair_shows_ranks_over_what_the_model_expects() -> None:
    view = searched(40)
    expected = surface(view, "lr", "noise")
    assert expected is not None
    ground, points = drawn(figures.pair(view, "lr", "noise", expected)).data
    assert points.text[-1].startswith("rank 1 of 40")
    assert points.customdata[-1] == view.ranked[0].number
    columns = list(zip(*ground.z, strict=True))
    means = [sum(column) / len(column) for column in columns]
    optimum = view.space["lr"].encode(expected.across[means.index(max(means))])
    assert optimum == pytest.approx(0.3, abs=0.1)


def test_a_pair_with_choices_is_a_map_and_one_that_nobody_used_a_sentence() -> None:
    view = searched(30)
    expected = surface(view, "kind", "lr")
    assert expected is not None
    assert expected.across == ("a", "b")
    assert drawn(figures.pair(view, "kind", "lr", expected)).data[0].type == "heatmap"
    unused = replace(view, trials=tuple(t for t in view.trials if "extra" not in t.configuration))
    assert figures.pair(unused, "lr", "extra") == "No completed trial used both lr and extra."
    assert surface(unused, "lr", "extra") is None


def test_campaigns_are_compared_by_trials_and_by_time(short_view: CampaignView) -> None:
    other = replace(short_view, campaign=replace(short_view.campaign, name="<b>other</b>"))
    first, second = drawn(figures.compared([short_view, other])).data
    assert (list(first.x), list(first.y)) == ([1, 2], [0.6, 0.6])
    assert second.name == "&lt;b&gt;other&lt;/b&gt;"
    assert list(drawn(figures.compared([short_view], by_time=True)).data[0].x) == pytest.approx([110 / 60, 130 / 60])
    assert figures.compared([replace(short_view, trials=())]) == "No trial has completed yet."


def test_the_timeline_shows_time_in_the_queue_and_the_parts_of_a_training(short_view: CampaignView) -> None:
    first = replace(short_view.trials[0], metrics={"train_seconds": 60.0, "evaluate_seconds": 30.0})
    traces = named(drawn(figures.timeline(replace(short_view, trials=(first, *short_view.trials[1:])))))
    waited = dict(zip(traces["in the queue"].customdata, traces["in the queue"].x, strict=True))
    assert waited[2] * 60 == pytest.approx(5)
    assert (traces["starting"].base[0] * 60, traces["starting"].x[0] * 60) == pytest.approx((0, 10))
    assert (traces["scoring"].base[0] * 60, traces["scoring"].x[0] * 60) == pytest.approx((70, 30))


def test_the_timeline_shades_the_times_without_a_driver(short_view: CampaignView) -> None:
    assert drawn(figures.timeline(short_view)).layout.shapes == ()
    # the first start is at 10 s, the figure ends now, at 200 s; a blink of a pause is not drawn
    view = replace(short_view, driven=((0.0, 60.0), (60.1, 100.0), (130.0, 150.0)))
    shapes = drawn(figures.timeline(view)).layout.shapes
    assert [(shape.x0, shape.x1) for shape in shapes] == [
        pytest.approx((start / 60, end / 60)) for start, end in ((90.0, 120.0), (140.0, 190.0))
    ]
    assert {shape.label.text for shape in shapes} == {"paused"}
