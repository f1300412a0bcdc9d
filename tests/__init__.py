"""Tests of bohpo and its trainers; the folders mirror the packages."""
