"""A campaign whose names are attacks: study files are refused such names, a database may hold any."""

from __future__ import annotations

from dataclasses import replace

from bohpo.service.desk import Desk
from bohpo.service.seats import Snapshot
from bohpo.space import Space
from bohpo.trial import Trial

PAYLOAD = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class HostileDesk(Desk):
    """Reads campaigns, and calls their first parameter, their metric and their failures by an attack."""

    def snapshot(self, name: str) -> Snapshot:
        """Give a campaign as it stands, but for the names."""
        seen = super().snapshot(name)
        first, *others = seen.view.space.parameters

        def renamed(trial: Trial) -> Trial:
            named = {PAYLOAD if key == first.name else key: value for key, value in trial.configuration.items()}
            return replace(trial, configuration=named, reason=trial.reason and PAYLOAD)

        trials = tuple(renamed(trial) for trial in seen.view.trials)
        space = Space((replace(first, name=PAYLOAD), *others))
        view = replace(seen.view, space=space, metric=PAYLOAD, trials=trials)
        best = None if seen.status.best is None else renamed(seen.status.best)
        return replace(seen, view=view, status=replace(seen.status, best=best))
