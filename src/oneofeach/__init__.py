"""Keeps one of each image."""

__version__ = "0.1.0"
