"""The one error this package raises for bad input."""


class SpaceError(ValueError):
    """An architecture, a choice or a network request breaks a stated rule (message: rule, value, place, remedy)."""
