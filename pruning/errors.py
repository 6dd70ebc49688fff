"""The one error this package raises for bad input."""


class PruningError(ValueError):
    """A sparsity, a mask or a network breaks a stated rule (message: rule, value, place, remedy)."""
