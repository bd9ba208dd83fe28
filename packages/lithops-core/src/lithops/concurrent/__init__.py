"""Fronts that look like the standard library's package of this name."""
