"""Known constraints: the function of a study that says which configurations can be trained at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from bohpo.errors import Mistake, StudyError
from bohpo.trainer.entry import load_entry
from bohpo.trial import Configuration

if TYPE_CHECKING:
    from bohpo.study.study import Study

DRAWS = 200
"""So many random configurations give the share of the feasible ones to a few percent."""

MOST_DRAWS = 1000
"""So many are drawn before a space counts as one without a feasible configuration."""


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Tells whether a configuration can be trained, as a study's function has it; give it to an optimizer.

    Attributes:
        function: Takes what the trainer is handed, searched and fixed values, and gives a bool.
        entry: `module:function`, to name it in messages.
        fixed: The study's fixed values.
        source: What the study is called in messages.
    """

    function: Callable[..., object]
    entry: str
    fixed: Configuration
    source: str

    def __call__(self, configuration: Configuration) -> bool:
        """Ask the function about a configuration.

        Raises:
            StudyError: If the function raises, or gives anything else than a bool.
        """
        handed_over = {**self.fixed, **configuration}
        try:
            answer = self.function({**handed_over})
        except Exception as error:
            raise _refused(self.source, f"{self.entry} raised {_named(error)}, for {_shown(handed_over)}") from error
        if not isinstance(answer, bool):
            problem = f"{self.entry} returned {answer!r}, a {type(answer).__name__}, for {_shown(handed_over)}"
            raise _refused(self.source, problem, "return True or False, such as bool(...)")
        return answer


@dataclass(frozen=True, slots=True)
class Tried:
    """What a study's function says of a sample of its space.

    Attributes:
        drawn: Configurations drawn at random.
        feasible: How many of these can be trained.
        centre_is_feasible: Whether the middle of the space can.
    """

    drawn: int
    feasible: int
    centre_is_feasible: bool

    @property
    def share(self) -> float:
        """The share of the space that can be trained, 0 to 1."""
        return self.feasible / self.drawn


def load_feasibility(study: Study) -> Feasibility | None:
    """Import the function that a study names as `feasible`; None where it names none.

    Raises:
        StudyError: If it cannot be imported; names the cause.
    """
    if study.feasible is None:
        return None
    try:
        function = load_entry(study.feasible, str(study.working_directory), is_guest=True)
    except (Exception, SystemExit) as error:
        raise _refused(study.source, f"{study.feasible} cannot be imported: {_named(error)}") from error
    return Feasibility(function, study.feasible, study.fixed, study.source)


def try_feasibility(study: Study, feasibility: Feasibility) -> Tried:
    """Ask a study's function about the centre of its space, and about configurations drawn at random.

    Raises:
        StudyError: If none of them can be trained, or the function raises, or gives anything else than a bool.
    """
    centre = feasibility(study.space.default)
    answers = map(feasibility, _drawn(study))
    drawn = list(islice(answers, DRAWS))
    if not centre and not any(drawn):
        drawn += islice(answers, MOST_DRAWS - DRAWS)
    if not centre and not any(drawn):
        problem = f"{feasibility.entry} finds none of {len(drawn) + 1} configurations feasible"
        raise _refused(study.source, problem, "widen the space, or correct the function")
    return Tried(len(drawn), sum(drawn), centre)


def feasible_configuration(study: Study, feasibility: Feasibility | None) -> Configuration:
    """Return the centre of a study's space; where that cannot be trained, a random configuration that can.

    Raises:
        StudyError: If none of `MOST_DRAWS` can be trained, or the function fails.
    """
    centre = study.space.default
    if feasibility is None or feasibility(centre):
        return centre
    found = next((drawn for drawn in islice(_drawn(study), MOST_DRAWS) if feasibility(drawn)), None)
    if found is None:
        problem = f"{feasibility.entry} finds none of {MOST_DRAWS + 1} configurations feasible"
        raise _refused(study.source, problem, "widen the space, or correct the function")
    return found


def _drawn(study: Study) -> Iterator[Configuration]:
    rng = np.random.default_rng(study.optimizer.seed)
    while True:
        yield study.space.decode(rng.random(len(study.space)))


def _refused(source: str, problem: str, remedy: str = "correct it") -> StudyError:
    return StudyError(source, (Mistake("feasible", " ".join(problem.split()), remedy),))


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _shown(configuration: Configuration) -> str:
    return json.dumps(configuration, ensure_ascii=False)
