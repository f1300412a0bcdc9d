"""Comparison of the reasons why trials failed: which are alike but for what varies from one trial to the next."""

from __future__ import annotations

import re

from bohpo.trial import Trial

_LONGEST = 1000
_COMPARED = 200
_PATH = re.compile(r"(?<![\w.~+-])(?:[\w.~+-]*/)+[\w.~+-]*")
_ADDRESS = re.compile(r"\b(?:0x[0-9a-f]+|[0-9a-f]{8,})\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d[\d_,.]*(?:e[-+]?\d+)?|\b(?:nan|inf)\b)", re.IGNORECASE)


def common_text(trial: Trial) -> str:
    """Return why a trial failed, without numbers, paths, addresses and values of its own."""
    text = trial.reason[:_LONGEST]
    for value in sorted((v for v in trial.configuration.values() if isinstance(v, str) and v), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "<value>", text)
    for pattern, stands_for in ((_PATH, "<path>"), (_ADDRESS, "<address>"), (_NUMBER, "<number>")):
        text = pattern.sub(stands_for, text)
    return " ".join(text.split())[:_COMPARED]
