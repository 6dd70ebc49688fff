"""The one error this package raises for bad input, and its one warning."""


class PruningError(ValueError):
    """A sparsity, a mask or a network breaks a stated rule (message: rule, value, place, remedy)."""


class PruningWarning(UserWarning):
    """A mask is what was asked for, but a layer of it is of no use."""
