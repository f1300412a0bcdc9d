"""Read-only: status, figures, the report and exports.

Views take plain values and give figures and strings; they open no file, socket or database. Plotly and Optuna are
imported where they are used.
"""

from bohpo.views.campaign import CampaignView
from bohpo.views.export import Format, export
from bohpo.views.report import report
from bohpo.views.status import Status, status

__all__ = ["CampaignView", "Format", "Status", "export", "report", "status"]
