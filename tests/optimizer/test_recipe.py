"""How the parts of the optimizer hang together."""

import pytest

from bohpo.optimizer.recipe import BOWL, CLEARLY, SECOND_BEST, TRENDS, Recipe


def test_the_more_is_running_for_each_result_the_more_a_proposal_explores() -> None:
    recipe = Recipe()
    weights = [recipe.sd_weight(TRENDS, 10, pending) for pending in (0, 1, 8, 32)]
    assert weights[0] == TRENDS.sd_weight
    assert weights == sorted(set(weights))
    assert recipe.sd_weight(TRENDS, 1000, 32) == pytest.approx(TRENDS.sd_weight, rel=0.02)
    assert recipe.sd_weight(BOWL, 0, 3) > BOWL.sd_weight


def test_parts_that_are_left_out_do_nothing() -> None:
    assert Recipe(crowding=False).sd_weight(BOWL, 3, 31) == BOWL.sd_weight
    assert Recipe(explore=False).sd_weight(BOWL, 3, 31) == 0.0
    assert [view.name for view in Recipe(bowl_view=False).views] == ["trends"]
    assert not any(view.compress for view in Recipe(compress=False).views)
    (plain,) = Recipe(trends_view=False, bowl_view=False).views
    assert not plain.trend
    assert not plain.bowl


def test_views_take_turns_unless_one_foresees_clearly_better() -> None:
    recipe = Recipe()
    equal = [recipe.turn(index, (4.0, 4.0 + CLEARLY)) for index in range(8)]
    assert equal == [0, 1] * 4
    second = [recipe.turn(index, (4.0, 4.1 + CLEARLY)) for index in range(2 * SECOND_BEST)]
    assert second == [0, *[1] * (SECOND_BEST - 1)] * 2
    first = [recipe.turn(index, (4.1 + CLEARLY, 4.0)) for index in range(2 * SECOND_BEST)]
    assert first == [1, *[0] * (SECOND_BEST - 1)] * 2
    assert [Recipe(judge=False).turn(index, (99.0, 0.0)) for index in range(4)] == [0, 1, 0, 1]


def test_trends_are_not_asked_for_before_there_are_as_many_results_as_parameters() -> None:
    assert Recipe().asked(8, 9) == (BOWL,)
    assert Recipe().asked(9, 9) == (TRENDS, BOWL)
    assert Recipe(bowl_view=False).asked(2, 9) == (TRENDS,)
