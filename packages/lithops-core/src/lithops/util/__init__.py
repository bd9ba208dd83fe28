"""Fronts whose names users import from here."""
