"""The ssh command that brings a service on this host's loopback to somebody's own computer."""

from __future__ import annotations

import getpass
import socket


def tunnel(port: int) -> str:
    """Write the command, to be run on the computer that has the browser.

    Args:
        port: Where the service listens on this host's loopback.
    """
    return f"ssh -N -L {port}:127.0.0.1:{port} {_user()}@{socket.getfqdn()}"


def way_in() -> str:
    """Say how to see the campaigns of this host in a browser, at the port that the site's files name."""
    from bohpo.errors import BohpoError
    from bohpo.service.settings import DEFAULT_PORT, read_serve_table

    try:
        port = read_serve_table({}).port or DEFAULT_PORT
    except BohpoError:  # what is wrong with the table, `bohpo serve` tells
        port = DEFAULT_PORT
    return f"`bohpo serve` here; from another computer, first: {tunnel(port)}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return "USER"
