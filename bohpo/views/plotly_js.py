"""plotly's script, as the installed package brings it along: nothing is fetched from anywhere."""

from __future__ import annotations

import re

GUARD = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')
"""How the script looks whether the style of its maps is in the page already, before it writes one."""


def plotly_js() -> str:
    """Give the script."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def map_style_ids(script: str) -> tuple[str, ...]:
    """Give the ids of elements that keep the script from writing a style of its own into a page that forbids it."""
    return tuple(dict.fromkeys(GUARD.findall(script)))
