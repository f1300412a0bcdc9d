"""Loads what warns when it is imported, the way that the package does: without its deprecation warnings."""

from bohpo.optimizer import warm_up

warm_up()
