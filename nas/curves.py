"""What the first epochs of a training say about its end: learning curves as columns beside those of structure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas.errors import NasError
from nas.outcomes import Epoch

_LOWEST = 1e-6
"""Of a loss whose logarithm is taken."""


def curve_features(curve: Sequence[Epoch], until: int) -> dict[str, float]:
    """Return "curve/..." -> finite figure of the first `until` epochs.

    - log_loss, loss_drop: natural logarithm of the mean training loss of epoch `until`; first minus last of these.
    - train_accuracy, train_gain: accuracy on the training split in epoch `until`, and what it gained since the first.
    - val_accuracy, val_gain, val_best: the same on the validation split, and the best so far; gap: train_accuracy minus
      val_accuracy. Only where epoch `until` was validated; `val_gain` counts from the first validated epoch.

    Source: Baker et al. 2018, Accelerating neural architecture search using performance prediction, arXiv 1705.10823
        (values and first differences of the curve beside the architecture).

    Raises:
        NasError: there are fewer epochs.
    """
    if not 1 <= until <= len(curve):
        raise NasError(
            f"a curve must have as many epochs as are read, at least 1; got {len(curve)} for {until}. Ask for fewer."
        )
    first, last = curve[0], curve[until - 1]
    losses = [math.log(max(epoch.train_loss, _LOWEST)) for epoch in (first, last)]
    found = {
        "curve/log_loss": losses[1],
        "curve/loss_drop": losses[0] - losses[1],
        "curve/train_accuracy": last.train_accuracy,
        "curve/train_gain": last.train_accuracy - first.train_accuracy,
    }
    validated = [epoch.val_accuracy for epoch in curve[:until] if epoch.val_accuracy is not None]
    if last.val_accuracy is not None:
        found |= {
            "curve/val_accuracy": last.val_accuracy,
            "curve/val_gain": last.val_accuracy - validated[0],
            "curve/val_best": max(validated),
            "curve/gap": last.train_accuracy - last.val_accuracy,
        }
    return found
