"""Trainers of CAD networks, one package per application; they know bohpo's trainer interface and its evaluation only."""
