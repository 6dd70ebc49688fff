"""The one error this package raises for bad input."""


class NasError(ValueError):
    """A task, candidate, study or setting breaks a stated rule (message: rule, value, place, remedy)."""
