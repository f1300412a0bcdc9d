"""What tells nested documents, such as studies, apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bohpo.trial import Scalar
from bohpo.views import wording


def differing(documents: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str | None, ...]]]:
    """List the keys in which documents differ, in the order of their first appearance.

    Args:
        documents: Tables of tables, as a study file has.

    Returns:
        Dotted key, and its value in each document in words; None where a document does not have it.
    """
    flat = [dict(_leaves(document)) for document in documents]
    keys = dict.fromkeys(key for leaves in flat for key in leaves)
    rows = [(key, tuple(leaves.get(key) for leaves in flat)) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if isinstance(value, Mapping) and not (prefix == "space." and "type" in value):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _words(value)


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(part)}" for key, part in value.items())
    if isinstance(value, Scalar):
        return wording.scalar(value)
    return json.dumps(value, ensure_ascii=False, default=str)
