"""The graph as layers: their widths, and the edges that skip some of them."""

from __future__ import annotations

import math

import numpy as np

from predictors.features.summary import variation
from predictors.graphs import Graph


def layering(graph: Graph) -> dict[str, float]:
    """Return figures of the longest-path layering, layer l of width w_l.

    - width_mean, _max, _variation (std / mean), _entropy: of the w_l; entropy of w_l / n over log of the layers, 1 for
      one.
    - inner_min: the smallest w_l between the first and the last layer; of both where nothing lies between.
    - log_square: log10 sum w_l^2, the recurrent weights of layers that are recurrent in themselves.
    - log_input_square, log_last_square: log10 w_0^2 and w_last^2 of these.
    - log_adjacent: log10(1 + edges from a layer to the next); log_block: log10(1 + sum w_l w_(l+1)), them dense.
    - fill: edges from a layer to the next over that sum.
    - skips: share of edges that span more than one layer; skip_pairs: pairs of layers joined by such; log_skip_pairs.
    - log_pair_weights: log10(1 + sum of w_l w_k over pairs (l, k) joined by skips), such pairs dense;
      log_pair_recurrent: the same of w_k^2, a further recurrent layer for each pair.
    - span_mean, span_max, span_variation: of the layers an edge spans.
    - in_variation, out_variation: std / mean of in- and out-degrees; in_max, out_max: log10(1 + the largest).

    Cost: microseconds. Source: Stier, Darji and Granitzer 2021 (arXiv 2107.12917), section 2, layering and
        recurrent networks of graphs.
    """
    layers, widths = graph.layers, graph.widths.astype(np.float64)
    ends = layers[graph.edges]
    spans = ends[:, 1] - ends[:, 0]
    skipping = ends[spans > 1]
    pairs = np.unique(skipping[:, 0] * len(widths) + skipping[:, 1])
    low, high = widths[pairs // len(widths)], widths[pairs % len(widths)]
    adjacent, block = float(np.count_nonzero(spans == 1)), float(widths[:-1] @ widths[1:])
    degrees = [np.bincount(graph.edges[:, side], minlength=graph.nodes).astype(np.float64) for side in (0, 1)]
    shares = widths / widths.sum()
    inner = widths[1:-1] if len(widths) > 2 else widths
    return {
        "width_mean": float(widths.mean()),
        "width_max": float(widths.max()),
        "width_variation": variation(widths),
        "width_entropy": float(-(shares * np.log(shares)).sum() / math.log(len(widths))) if len(widths) > 1 else 1.0,
        "inner_min": float(inner.min()),
        "log_square": math.log10(float(widths @ widths)),
        "log_input_square": 2 * math.log10(widths[0]),
        "log_last_square": 2 * math.log10(widths[-1]),
        "log_adjacent": math.log10(1 + adjacent),
        "log_block": math.log10(1 + block),
        "fill": adjacent / max(block, 1.0),
        "skips": float(np.count_nonzero(spans > 1)) / max(len(spans), 1),
        "skip_pairs": float(len(pairs)),
        "log_skip_pairs": math.log10(1 + len(pairs)),
        "log_pair_weights": math.log10(1 + float(low @ high)),
        "log_pair_recurrent": math.log10(1 + float(high @ high)),
        "span_mean": float(spans.mean()) if len(spans) else 0.0,
        "span_max": float(spans.max()) if len(spans) else 0.0,
        "span_variation": variation(spans.astype(np.float64)) if len(spans) else 0.0,
        "in_variation": variation(degrees[1]),
        "out_variation": variation(degrees[0]),
        "in_max": math.log10(1 + degrees[1].max()),
        "out_max": math.log10(1 + degrees[0].max()),
    }
