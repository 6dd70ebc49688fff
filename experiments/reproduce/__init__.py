"""Findings of others, measured again with this project's own parts."""
