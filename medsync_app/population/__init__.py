"""Figures of whole populations, on numpy arrays: what would take too long one patient at a time."""
