"""Neural Tangent Transfer as a training: a mask, and weights, found without labels before the first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from pruning.dynamic.moving import Moving
from pruning.hold import Hold, hold_
from pruning.masks import MaskSet, check_masks
from pruning.ntt import Transfer


class Transferred(Moving):
    """Starts from what a transfer finds; from there on the mask stays as it is.

    A training that goes on from a saved state does not transfer again.
    """

    def __init__(
        self, module: nn.Module, masks: MaskSet, transfer: Callable[[nn.Module], Transfer], *, weights: bool
    ) -> None:
        """Leave the network dense, for it is the teacher.

        Args:
            module: the network as it is before its first step.
            masks: of the pattern; what is kept until `prepare`.
            transfer: (module) -> mask and weights; the module must come out unchanged.
            weights: whether training starts from the found weights, or from the network's own under the found mask.
        """
        self._module, self._masks, self._transfer, self._weights = module, masks, transfer, weights
        self._hold: Hold | None = None

    @property
    def masks(self) -> MaskSet:
        """What is kept."""
        return self._masks

    def prepare(self) -> bool:
        """Transfer, and hold the mask.

        Raises:
            PruningError: the network does not fit the transfer, or its values did not stay finite.
        """
        found = self._transfer(self._module)
        if self._weights:
            found.load_(self._module)
        self._keep(found.masks)
        return True

    def step(self) -> bool:
        """Return False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the masks."""
        return {"masks": dict(self._masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hold these masks.

        Raises:
            PruningError: the masks do not fit the network.
        """
        self._keep(MaskSet(state["masks"]))

    def release(self) -> None:
        """Let go of the network."""
        if self._hold is not None:
            self._hold.release()

    def _keep(self, masks: MaskSet) -> None:
        check_masks(self._module, masks)
        self._masks = MaskSet(masks, self._masks.metadata)
        self.release()
        self._hold = hold_(self._module, masks)
