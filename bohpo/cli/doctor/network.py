"""The internet: needed to install, by nobody to run."""

from __future__ import annotations

import urllib.error
import urllib.request

from bohpo.cli.doctor.finding import Finding, Plan

INDEX = "https://pypi.org/simple/"
SECONDS = 3.0


def look_at_internet(_plan: Plan) -> list[Finding]:
    """Tell whether packages can be fetched from here, through a proxy where the environment names one."""
    request = urllib.request.Request(INDEX, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 the address is the one above
            detail = "pypi.org can be reached from here; campaigns and their jobs need no internet"
            return [Finding("internet", True, detail, is_needed=False)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        detail = f"pypi.org cannot be reached ({reason}); campaigns and their jobs do not need it"
        remedy = "to install, bring a folder of wheels: docker/README.md, without internet"
        return [Finding("internet", False, detail, remedy, is_needed=False)]
