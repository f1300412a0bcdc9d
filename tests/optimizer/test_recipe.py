"""How the parts of the optimizer hang together."""

import pytest

from bohpo.optimizer.recipe import BOWL, FEW_NUMBERS, TRENDS, Recipe


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


def names_of_views(recipe: Recipe, results: int, numeric: int) -> list[str]:
    return [recipe.view(index, results, dimension=17, numeric=numeric).name for index in range(4)]


def test_views_take_turns_where_there_are_many_numeric_parameters() -> None:
    assert names_of_views(Recipe(), 17, FEW_NUMBERS) == ["trends"] * 4
    assert names_of_views(Recipe(), 17, FEW_NUMBERS + 1) == ["trends", "bowl"] * 2
    assert names_of_views(Recipe(trends_view=False), 17, FEW_NUMBERS) == ["bowl"] * 4


def test_with_many_trends_are_not_asked_for_before_there_are_as_many_results_as_parameters() -> None:
    assert names_of_views(Recipe(), 16, FEW_NUMBERS + 1) == ["bowl"] * 4
    assert names_of_views(Recipe(), 2, FEW_NUMBERS) == ["trends"] * 4
    assert names_of_views(Recipe(bowl_view=False), 16, FEW_NUMBERS + 1) == ["trends"] * 4
