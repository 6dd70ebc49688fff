"""The values that flow through the system in place of modules: choices, architectures, signatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from search_spaces.errors import SpaceError

Value: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Choice:
    """One gene's alphabet: a name and its values, in order when `ordered` (then neighbours are similar)."""

    name: str
    values: tuple[Value, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Architecture:
    """A point of a space: `genes[i]` indexes `space.choices[i].values`. Hashable and about 100 bytes."""

    space: str
    genes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a network must accept and return: `input_shape` without the batch axis, and the number of classes.

    Raises:
        SpaceError: an axis of the input is not a positive integer, or there are fewer than two classes.
    """

    input_shape: tuple[int, ...]
    classes: int

    def __post_init__(self) -> None:
        if not self.input_shape or any(not isinstance(n, int) or n < 1 for n in self.input_shape):
            raise SpaceError(
                f"input_shape must be positive integers without the batch axis; got {self.input_shape} "
                f"(Signature.input_shape). Give for example (3, 32, 32)."
            )
        if not isinstance(self.classes, int) or self.classes < 2:
            raise SpaceError(
                f"classes must be an integer of at least 2; got {self.classes!r} (Signature.classes). "
                f"Count the labels of the task."
            )
