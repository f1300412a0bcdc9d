"""What the optimizer's model expects over two parameters, all others as in the best trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bohpo.space import CategoricalParameter, Parameter
from bohpo.trial import Scalar, Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.insight import FEWEST_TRIALS, history

CELLS = 32
"""Values of a continuous parameter at which the model is asked."""


@dataclass(frozen=True, slots=True)
class Surface:
    """The model's expectation over two parameters.

    Attributes:
        across: Values of the first parameter.
        up: Values of the second one.
        mean: Posterior mean of the objective; one row per value of `up`, one figure per value of `across`.
        around: The trial whose other parameters hold everywhere.
    """

    across: tuple[Scalar, ...]
    up: tuple[Scalar, ...]
    mean: tuple[tuple[float, ...], ...]
    around: Trial


def surface(view: CampaignView, across: str, up: str) -> Surface | None:
    """Ask the model about two parameters.

    Args:
        view: The campaign.
        across: Name of one parameter.
        up: Name of another one.

    Returns:
        What it expects; None with too few trials, where a parameter has no effect beside the best trial's others, or
        where numbers run out of the model's hand.
    """
    best = view.best
    if best is None or not {across, up} <= set(best.configuration):
        return None
    asked = history(view)
    if len(asked.completed) < FEWEST_TRIALS:
        return None
    from bohpo.optimizer import Memory, Recipe
    from bohpo.optimizer.model import learn
    from bohpo.optimizer.recipe import TRENDS
    from bohpo.optimizer.round import NUMERICAL_ERRORS

    memory = Memory()
    cube = memory.cube_of(view.space)
    rows, columns = _values(view.space[up]), _values(view.space[across])
    points = np.repeat(cube.encode([best.configuration])[0], len(rows) * len(columns), axis=0)
    names = view.space.names
    points[:, names.index(across)] = np.tile([view.space[across].encode(value) for value in columns], len(rows))
    points[:, names.index(up)] = np.repeat([view.space[up].encode(value) for value in rows], len(columns))
    try:
        model = learn(asked, memory, Recipe(), TRENDS, maximize=view.maximize)
        nothing = np.empty((0, len(cube.feature_axes)))
        means, _ = (model.whole(nothing) or model.sketch(nothing)).moments(cube.features(cube.snap(points)))
    except NUMERICAL_ERRORS:
        return None
    heights = [model.scale.objective(float(mean)) for mean in means]
    lines = [tuple(heights[at : at + len(columns)]) for at in range(0, len(heights), len(columns))]
    return Surface(columns, rows, tuple(lines), best)


def _values(parameter: Parameter) -> tuple[Scalar, ...]:
    if isinstance(parameter, CategoricalParameter):
        return parameter.choices
    if parameter.count <= CELLS:
        return tuple(dict.fromkeys(parameter.grid or (parameter.low,)))
    spread = (parameter.decode((cell + 0.5) / CELLS) for cell in range(CELLS))
    return tuple(dict.fromkeys([parameter.low, *spread, parameter.last]))
