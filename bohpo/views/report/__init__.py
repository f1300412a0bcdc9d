"""The report: one HTML file that needs nothing else, no network and no server."""

from bohpo.views.report.page import report

__all__ = ["report"]
