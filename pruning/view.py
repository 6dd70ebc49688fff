"""What a mask set is, without its bits: JSON-able, for people and other programs."""

from __future__ import annotations

import math
from typing import Any

from pruning.masks import MaskSet


def view(masks: MaskSet) -> dict[str, Any]:
    """Return counts, density, digest, metadata and each layer's shape and density, as JSON-able data.

    Args:
        masks: of any origin, also those of a file.

    Returns:
        {"kept", "total", "density", "digest", "empty_layers", "collapsed_layers", "layers": {name: {"shape", "kept",
        "total", "density"}}, "metadata"}; layers in the masks' order, metadata as the text they are.
    """
    counts = masks.counts()
    return {
        "kept": masks.kept,
        "total": masks.total,
        "density": masks.density,
        "digest": masks.digest(),
        "empty_layers": masks.empty_layers(),
        "collapsed_layers": masks.collapsed_layers(),
        "layers": {name: _layer(list(mask.shape), counts[name]) for name, mask in masks.items()},
        "metadata": dict(masks.metadata),
    }


def _layer(shape: list[int], kept: int) -> dict[str, Any]:
    total = math.prod(shape)
    return {"shape": shape, "kept": kept, "total": total, "density": kept / total}
