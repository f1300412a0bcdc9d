"""Proposals for one history, each of which counts as pending for the next."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable

import numpy as np

from bohpo.errors import SpaceError
from bohpo.optimizer.cube import Points
from bohpo.optimizer.memory import Memory
from bohpo.optimizer.model import Model, learn
from bohpo.optimizer.protocol import History
from bohpo.optimizer.recipe import Recipe, View
from bohpo.optimizer.search import Search
from bohpo.optimizer.startup import fresh_point, startup_points
from bohpo.space import Space
from bohpo.trial import Configuration, Proposal

logger = logging.getLogger(__name__)

NUMERICAL_ERRORS = (ArithmeticError, np.linalg.LinAlgError, ValueError)
"""What numpy and scipy raise where numbers run out of hand."""

Feasible = Callable[[Configuration], bool]
"""Whether a configuration can be trained at all."""


class Round:
    """Proposes for one history; each proposal counts as pending for the next."""

    def __init__(
        self,
        space: Space,
        history: History,
        *,
        maximize: bool,
        seed: int,
        feasible: Feasible | None = None,
        recipe: Recipe | None = None,
        memory: Memory | None = None,
    ) -> None:
        """See `propose`."""
        self._memory = memory or Memory()
        self._cube = self._memory.cube_of(space)
        self._history, self._maximize, self._seed = history, maximize, seed
        self._feasible, self._recipe = feasible, recipe or Recipe()
        self._pending = list(history.pending)
        completed = [observation.configuration for observation in history.completed]
        self._taken = self._memory.place([*completed, *history.failed, *history.pending])
        self._models: dict[View, Model] = {}

    def by_startup(self, first: int, n: int) -> list[Proposal]:
        """Propose the points to begin with."""
        began = time.perf_counter()
        points = self._startup_points(first, n)
        proposals = [self._take(self._or_another(point, first + k), "startup") for k, point in enumerate(points)]
        seconds = (time.perf_counter() - began) / max(n, 1)
        return [dataclasses.replace(proposal, seconds=seconds) for proposal in proposals]

    def by_chance(self, index: int) -> Proposal:
        """Propose a point at random, whatever is known."""
        began = time.perf_counter()
        rng = np.random.default_rng([self._seed, index])
        proposal = self._take(self._another(rng), "startup")
        return dataclasses.replace(proposal, seconds=time.perf_counter() - began)

    def by_model(self, index: int) -> Proposal:
        """Propose by the model; a startup point stands in where it fails."""
        began = time.perf_counter()
        try:
            proposal = self._search(index)
        except NUMERICAL_ERRORS as error:
            logger.warning("the Gaussian process failed (%s); a Sobol point stands in for its proposal", error)
            proposal = None
        if proposal is None:
            (point,) = self._startup_points(index, 1)
            proposal = self._take(self._or_another(point, index), "fallback")
        return dataclasses.replace(proposal, seconds=time.perf_counter() - began)

    def _startup_points(self, first: int, n: int) -> Points:
        recipe = self._recipe
        parts = {"centre_first": recipe.centre_first, "draw_in": recipe.draw_in}
        return startup_points(self._cube, first, n, self._seed, **parts)

    def _search(self, index: int) -> Proposal | None:
        """Give the model's choice; None where its search met only points that may not be proposed."""
        results = len(self._history.completed) + len(self._history.failed)
        layout = self._cube.layout
        model = self._model(self._recipe.view(index, results, dimension=layout.dimension, numeric=layout.numeric))
        weight = self._recipe.sd_weight(model.view, results, len(self._pending))
        pending = self._cube.features(*self._memory.encode(self._pending if self._recipe.pending else ()))
        rng = np.random.default_rng([self._seed, index])
        search = Search(self._cube, model, pending, rng, self._recipe, sd_weight=weight)
        choice = search.choose(self._is_admissible)
        if choice is None:
            return None
        scale = model.scale
        return dataclasses.replace(
            self._take(choice.point, "model"),
            predicted_mean=scale.objective(choice.mean),
            predicted_sd=scale.objective_sd(choice.mean, choice.sd),
            acquisition=scale.objective(choice.acquisition),
            view=model.view.name,
        )

    def _model(self, view: View) -> Model:
        """Give the model as a view has it, learned once."""
        if view not in self._models:
            self._models[view] = learn(self._history, self._memory, self._recipe, view, maximize=self._maximize)
        return self._models[view]

    def _take(self, point: Points, source: str) -> Proposal:
        """Propose a point, which is pending from now on."""
        configuration = self._cube.space.decode(point)
        self._pending.append(configuration)
        self._taken.add(self._cube.keys(point[None])[0])
        return Proposal(configuration, source)

    def _or_another(self, point: Points, index: int) -> Points:
        """Give a point, or another one where it may not be proposed."""
        return point if self._is_admissible(point) else self._another(np.random.default_rng([self._seed, index]))

    def _another(self, rng: np.random.Generator) -> Points:
        """Draw a point that may be proposed, one that was proposed before where all are taken."""
        for may_be in (self._is_admissible, self._is_feasible):
            point = fresh_point(self._cube, rng, may_be)
            if point is not None:
                return point
        raise SpaceError(
            "no feasible configuration was found among those drawn; "
            "widen the space, or look at the function that says what is feasible"
        )

    def _is_admissible(self, point: Points) -> bool:
        return self._cube.keys(point[None])[0] not in self._taken and self._is_feasible(point)

    def _is_feasible(self, point: Points) -> bool:
        if self._feasible is None:
            return True
        configuration = self._cube.space.decode(point)
        try:
            return self._feasible(configuration)
        except NUMERICAL_ERRORS as error:  # the function's own, not to be taken for the model's
            raise SpaceError(f"what says what is feasible raised {error!r}, for {configuration}; correct it") from error
