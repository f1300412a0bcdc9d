"""Trainers of CAD networks, one package per application; of bohpo they know its trainer interface and evaluation."""
