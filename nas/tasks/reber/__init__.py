"""The Reber tasks: is a string of letters grammatical? Grammar, strings, graded negatives, shortcuts, and the tasks."""

from nas.tasks.reber.tasks import extrapolation, reber, reber_corpus, reber_embedded, reber_published

__all__ = ["extrapolation", "reber", "reber_corpus", "reber_embedded", "reber_published"]
