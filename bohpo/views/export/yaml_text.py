"""YAML in which text stays text, whoever reads it: YAML 1.1, YAML 1.2, Hydra and OmegaConf."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bohpo.errors import UsageError

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
"""Text that no reader takes for a number, a date, an interpolation or syntax, unless it is one of `WORDS`."""

WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "infinity"])
"""Words that some readers take for a boolean, for nothing, or for a float; in any case."""

INTERPOLATION = re.compile(r"(\\*)\$\{")
MISSING = "???"
"""OmegaConf's mark of a value that is missing; no escape of it exists, but a resolver that returns it."""


def write_yaml(data: Mapping[str, Any]) -> str:
    """Write a document of dictionaries, text, numbers, booleans and None as YAML.

    Text and keys are quoted unless they are plain words; floats are written in full.

    Raises:
        UsageError: If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise UsageError("YAML needs a package that is not installed: `pip install bohpo[yaml]`") from error

    class Dumper(yaml.SafeDumper):
        """Quotes text; aliases are never written, since no reader of a configuration expects them."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        is_plain = PLAIN.fullmatch(text) and text.lower() not in WORDS
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')

    Dumper.add_representer(str, represent_text)
    return str(yaml.dump(dict(data), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf")))


def escape_interpolations(data: Any) -> Any:
    """Return a document that OmegaConf resolves to what it was, by escaping the text in it that is its syntax.

    Source:
        OmegaConf 2.3, "Escaped interpolations" and "Mandatory missing values".
    """
    if isinstance(data, Mapping):
        return {key: escape_interpolations(value) for key, value in data.items()}
    if not isinstance(data, str):
        return data
    if data == MISSING:
        return f"${{oc.decode:\"'{MISSING}'\"}}"
    return INTERPOLATION.sub(lambda found: 2 * found[1] + r"\${", data)
