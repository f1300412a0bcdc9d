"""The search space: parameters, the conditions between them, and the unit cube that optimizers work in.

A configuration holds the active parameters only. A parameter with a condition is active where every parameter that
the condition names is active and has one of the named values; conditions nest.

Every parameter owns one coordinate of the unit cube, in the order of `Space.parameters`:

| kind             | coordinate                                                                         |
| ---------------- | ---------------------------------------------------------------------------------- |
| float            | (x - low) / (high - low), of the logarithms where `log`                            |
| float with step  | middle of the value's cell, cells of equal width                                   |
| int              | the same                                                                           |
| int with log     | (log x - log(low - 1/2)) / (log(high + 1/2) - log(low - 1/2))                      |
| categorical      | (index + 1/2) / number of choices                                                  |
| inactive         | 1/2                                                                                |

Decoding what was encoded gives the same configuration, to the last bit.
"""

from bohpo.space.optuna_distributions import from_distribution, to_distribution
from bohpo.space.parameters import CategoricalParameter, Condition, FloatParameter, IntParameter, Parameter
from bohpo.space.space import Space

__all__ = [
    "CategoricalParameter",
    "Condition",
    "FloatParameter",
    "IntParameter",
    "Parameter",
    "Space",
    "from_distribution",
    "to_distribution",
]
