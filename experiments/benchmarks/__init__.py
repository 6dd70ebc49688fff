"""Measurements of what this project does, against the usual way of doing it, in the same run."""
