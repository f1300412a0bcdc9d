"""Pieces of pages that are asked for again when something has changed."""
