"""What a trainer sees of bohpo: `train(config, context) -> Outcome`.

A trainer is a function that takes a configuration (parameter name -> value, the study's fixed ones included) and a
`Context`, and returns an `Outcome`, a number, or a dictionary of figures by name:

    from bohpo.trainer import Context, Outcome

    def train(config, context):
        for step in range(100):
            ...
            context.report(step, validation_score)
            if context.should_stop:
                context.checkpoint.save(step, weights_as_bytes)
                raise Stopped
        return Outcome(value=score, variance=variance)

An external command speaks the same through files, see `bohpo.trainer.attempt`.
"""

from bohpo.trainer.attempt import AttemptDirectory, AttemptSpec
from bohpo.trainer.checkpoint import Checkpoint
from bohpo.trainer.context import Context, Stopped
from bohpo.trainer.data import CheckedCase, DataCheck
from bohpo.trial import Configuration, Curve, Outcome

__all__ = [
    "AttemptDirectory",
    "AttemptSpec",
    "CheckedCase",
    "Checkpoint",
    "Configuration",
    "Context",
    "Curve",
    "DataCheck",
    "Outcome",
    "Stopped",
]
