"""The mask that stays as it is."""

from __future__ import annotations

from typing import Any

from torch import nn

from pruning.dynamic.moving import Moving
from pruning.hold import hold_
from pruning.masks import MaskSet


class Static(Moving):
    """The mask that stays as it is."""

    def __init__(self, module: nn.Module, masks: MaskSet) -> None:
        """Zero what the masks leave out, and hold it there."""
        self._masks = masks
        self._hold = hold_(module, masks)

    @property
    def masks(self) -> MaskSet:
        """What is kept."""
        return self._masks

    def step(self) -> bool:
        """Return False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return {}."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stay as it is."""

    def release(self) -> None:
        """Let go of the network."""
        self._hold.release()
