"""The command line: stdout carries data, stderr carries talk."""

from bohpo.cli.app import main

__all__ = ["main"]
