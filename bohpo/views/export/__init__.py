"""A trial's configuration in formats that other tools read, with where it came from."""

from bohpo.views.export.export import Format, export

__all__ = ["Format", "export"]
