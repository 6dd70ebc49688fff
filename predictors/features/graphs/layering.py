"""The graph as layers: their widths, and the edges that skip some of them."""

from __future__ import annotations

import numpy as np

from predictors.stacks import Floats, Stack, mean_var, variation


def layering(stack: Stack) -> dict[str, Floats]:
    """Return figures of the longest-path layering, layer l of width w_l, (G,) each.

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
    ends = stack.layers.ravel()[stack.edges]
    spans = stack.of_edges((ends[:, 1] - ends[:, 0]).astype(np.float64))
    out, into = stack.degrees
    return {
        **_widths(stack),
        **_blocks(stack, spans),
        **_skips(stack, spans),
        "span_mean": mean_var(spans, stack.joined)[0],
        "span_max": spans.max(axis=1),
        "span_variation": variation(spans, stack.joined),
        "in_variation": variation(into, stack.present),
        "out_variation": variation(out, stack.present),
        "in_max": np.log10(1 + into.max(axis=1)),
        "out_max": np.log10(1 + out.max(axis=1)),
    }


def _widths(stack: Stack) -> dict[str, Floats]:
    widths, there = stack.widths, stack.widths > 0
    count = there.sum(axis=1)
    shares = widths / stack.nodes[:, None]
    entropy = -(shares * np.log(np.where(there, shares, 1.0))).sum(axis=1)
    position = np.arange(widths.shape[1])
    inner = there & (((position > 0) & (position < count[:, None] - 1)) | (count[:, None] <= 2))
    return {
        "width_mean": mean_var(widths, there)[0],
        "width_max": widths.max(axis=1),
        "width_variation": variation(widths, there),
        "width_entropy": np.where(count > 1, entropy / np.log(np.maximum(count, 2)), 1.0),
        "inner_min": np.where(inner, widths, np.inf).min(axis=1),
        "log_square": np.log10((widths * widths).sum(axis=1)),
        "log_input_square": 2 * np.log10(widths[:, 0]),
        "log_last_square": 2 * np.log10(widths[np.arange(len(widths)), count - 1]),
    }


def _blocks(stack: Stack, spans: Floats) -> dict[str, Floats]:
    adjacent = (spans == 1).sum(axis=1).astype(np.float64)
    block = (stack.widths[:, :-1] * stack.widths[:, 1:]).sum(axis=1)
    return {
        "log_adjacent": np.log10(1 + adjacent),
        "log_block": np.log10(1 + block),
        "fill": adjacent / np.maximum(block, 1.0),
    }


def _skips(stack: Stack, spans: Floats) -> dict[str, Floats]:
    layers = stack.widths.shape[1]
    skipping = spans[stack.owner, stack.place] > 1
    low, high = stack.layers.ravel()[stack.edges[skipping]].T
    owner, pair = np.divmod(np.unique((stack.owner[skipping] * layers + low) * layers + high), layers * layers)
    first, second = stack.widths[owner, pair // layers], stack.widths[owner, pair % layers]
    pairs, weights, recurrent = (
        np.bincount(owner, values, minlength=len(stack.nodes))
        for values in (np.ones(len(owner)), first * second, second**2)
    )
    return {
        "skips": (spans > 1).sum(axis=1) / np.maximum(stack.links, 1),
        "skip_pairs": pairs,
        "log_skip_pairs": np.log10(1 + pairs),
        "log_pair_weights": np.log10(1 + weights),
        "log_pair_recurrent": np.log10(1 + recurrent),
    }
