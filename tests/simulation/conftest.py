"""How many histories are tried: few and always the same, or many new ones with `--hypothesis-profile thorough`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "thorough", max_examples=2000, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
