"""HTML that cannot be broken by what it shows: every string is quoted unless it was built here."""

from __future__ import annotations

import html
import json
from typing import TypeAlias

VOID = ("input", "meta", "br")


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()

    def __html__(self) -> str:
        """Tell Jinja2 that there is nothing left to quote."""
        return self


Child: TypeAlias = str | Markup | None


def element(tag: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """Build an element.

    Args:
        tag: Its name.
        *children: Markup goes in as it is, other strings are quoted, None is left out.
        **attributes: `class_` and `for_` lose their underscore, other underscores become hyphens; True gives an
            attribute without a value, False and None give none.
    """
    opening = tag + "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{opening}>" if tag in VOID else f"<{opening}>{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    """Put children one after another, quoting what is no markup."""
    return Markup("".join(quoted(child) for child in children if child is not None))


def quoted(child: Child) -> Markup:
    """Quote a string unless it is markup."""
    return child if isinstance(child, Markup) else Markup(html.escape(child or ""))


def json_block(identifier: str, data: object) -> Markup:
    """Hold data in a script element that the browser does not run; nothing in it can end the element."""
    body = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for mark, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        body = body.replace(mark, escape)
    return element("script", Markup(body), type="application/json", id=identifier)


def script(source: str) -> Markup:
    """Run our own or plotly's JavaScript; a closing tag inside one of its strings is escaped."""
    return element("script", Markup(source.replace("</script", "<\\/script")))


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(value)}"'
