"""RigL: grow the weights whose gradient is largest."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pruning.dynamic.regrowth import Regrowth


class RigL(Regrowth):
    """Sparse training that grows weights by the magnitude of the loss's gradient; see `Regrowth` for its use.

    The gradient is that of the step's own batch, summed over all backward passes since the last step, for pruned
    weights as well as kept ones, before any clipping. It is kept in updating steps only.

    Source: Evci et al., Rigging the Lottery, ICML 2020, arXiv 1911.11134, algorithm 1.
    Differs from the paper: in an updating step the optimiser's step is taken too, before the exchange, because the
    loop is the user's; ties are decided by a drawn order instead of noise on the weights.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        """See `Regrowth`."""
        super().__init__(*args, **settings)
        self._gradients: dict[str, Tensor] = {}
        self.hold.listen(self._see)

    def _see(self, name: str, gradient: Tensor, dead: Tensor) -> None:
        """Add what this backward pass says of dead entries; those of kept ones are sums already."""
        if self._next_is_due():
            before = self._gradients.get(name)
            seen = gradient.detach().clone()
            self._gradients[name] = seen if before is None else seen.add_(before.masked_fill(~dead, 0.0))

    def _growth(self, weights: dict[str, nn.Parameter]) -> dict[str, Tensor]:
        seen, self._gradients = self._gradients, {}
        return {name: gradient.abs_() for name, gradient in seen.items()}
