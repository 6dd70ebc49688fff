"""The Reber tasks: is a string grammatical, and what may come next? Grammar, strings, negatives, shortcuts, tasks."""

from nas.tasks.reber.tasks import (
    extrapolation,
    extrapolation_corpus,
    reber,
    reber_corpus,
    reber_embedded,
    reber_next,
    reber_published,
)

__all__ = [
    "extrapolation",
    "extrapolation_corpus",
    "reber",
    "reber_corpus",
    "reber_embedded",
    "reber_next",
    "reber_published",
]
