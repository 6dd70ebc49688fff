"""The one error this package raises for bad input."""


class PredictorError(ValueError):
    """A network, table, setting or file breaks a stated rule (message: rule, value, place, remedy)."""
