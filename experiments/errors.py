"""The errors this package raises: bad input, and a search that was stopped from outside."""


class ExperimentError(ValueError):
    """A config, a flag, a file or a run directory breaks a stated rule (message: rule, value, place, remedy)."""


class StoppedError(Exception):
    """A command was interrupted; the message says what was kept and how to go on. The CLI exits with 130."""
