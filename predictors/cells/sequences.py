"""Which sequences of operations lead from input to output."""

from __future__ import annotations

import itertools
import math

from predictors.cells.graph import CellGraph

_LETTERS = {"nor_conv_3x3": "c", "nor_conv_1x1": "a", "avg_pool_3x3": "p"}
_LONGEST = 3


def sequences(graph: CellGraph) -> dict[str, float]:
    """Return 2 log(1 + paths with that sequence) for each sequence of up to three operations, skips left out: 40.

    Sequences are named by letters from input to output: c = 3x3, a = 1x1 convolution, p = pooling; "x" is the path of
    skips alone. Longer paths count with their last three operations.

    Cost: 20 microseconds for a cell of NAS-Bench-201.
    """
    counts = {
        "".join(letters): 0
        for length in range(_LONGEST + 1)
        for letters in itertools.product(_LETTERS.values(), repeat=length)
    }
    for sequence in graph.sequences:
        counts["".join(_LETTERS[operation] for operation in sequence[-_LONGEST:])] += 1
    return {name or "x": 2.0 * math.log1p(count) for name, count in counts.items()}
