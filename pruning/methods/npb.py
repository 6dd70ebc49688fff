"""Node-path balance: masks that keep units alive and give many paths at once, without weights or data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pruning.allocations.erk import erk
from pruning.balance import spread
from pruning.counts import exact_counts
from pruning.evidence import Evidence
from pruning.graph import LayerGraph, Weighted, trace
from pruning.parameters import prunable
from pruning.walks import Edges, edges_of, fill
from pruning.walks.fill import on_ways
from pruning.walks.reach import wires

_LARGE = 1e200


def npb(
    module: nn.Module,
    evidence: Evidence,
    kept: int,
    layers: Sequence[str] | None = None,
    *,
    path_share: float = 0.5,
) -> dict[str, Tensor]:
    """Return masks of exactly `kept` weights that balance the number of living units and of paths.

    Layers keep their ERK counts. From the input to the output, each layer's weights are spread over its unit pairs
    (`pruning.balance.spread`): half of an input unit's share is the same for all, half is in proportion to the
    number of paths that lead into it through the layers before; output units get equal numbers; the kernel
    positions of a pair are drawn evenly. What then lies on no way from input to output is taken away, and as many
    single edges that lie on one are added, p proportional to |weight|, so a layer may end some weights off its
    ERK count. A layer whose wiring is not traced gets a random mask of its count.

    Args:
        module: the network.
        evidence: the input shape and the generator; it is asked for one seed.
        kept: number of weights to keep, at least one for each layer.
        layers: those to prune; None for all. Paths go through the others too, whose weights all stay.
        path_share: in [0, 1]: 0 balances units only, 1 follows the paths only.

    Raises:
        PruningError: a weight is not finite, or the network does not run on the shape.

    Cost: 0.1 s for a ResNet-20, 1.7 s for a VGG-19 on one core.
    Source: Pham, Ta, Liu, Xiang, Le, Wen and Tran-Thanh, Towards Data-Agnostic Pruning At Initialization: What
    Makes a Good Sparse Mask?, NeurIPS 2023 (the principle: the best masks balance the number of effective nodes and
    that of effective paths; ERK counts; layer by layer from the input).
    Differs from the paper: a heuristic of our own in place of an integer program for each layer (there with weights
    alpha and beta that differ from network to network, and split into chunks of channels where it is too large):
    linear in the number of unit pairs, on any traced network, branches included; ways that come to nothing are
    mended over the whole graph instead of within a layer. Its masks are not those of the paper.
    """
    weights = prunable(module)
    weights = {name: weights[name] for name in layers or weights}
    sizes = {name: weight.numel() for name, weight in weights.items()}
    seed = int(torch.randint(2**62, (), generator=evidence.generator, device="cpu"))
    generator = torch.Generator().manual_seed(seed)
    graph = trace(module, evidence.input_shape)
    edges = edges_of(graph, weights)
    shares = erk({name: weight.shape for name, weight in weights.items()}, kept / sum(sizes.values()))
    counts = exact_counts(shares, sizes, kept)
    planned = _planned(graph, edges, counts, path_share, generator)
    parts = [planned[n] if n in planned else _random(sizes[n], counts[n], generator) for n in weights]
    flat = torch.cat(parts)
    for layer, pool in zip(edges, on_ways(graph, edges, flat), strict=True):
        if layer.start is not None and layer.name in planned:
            own = flat[layer.start : layer.start + sizes[layer.name]].view(layer.values.shape)
            own &= pool[:, None]
    flat = fill(graph, edges, flat, kept, generator)
    found = flat.split_with_sizes(list(sizes.values()))
    return {name: part.view(weight.shape) for (name, weight), part in zip(weights.items(), found, strict=True)}


def _planned(
    graph: LayerGraph, edges: Sequence[Edges], counts: dict[str, int], path_share: float, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the flat mask of each prunable layer the graph holds, planned in the order of the forward pass."""
    joined: dict[int, Tensor] = {}  # layer -> kept entries of each unit pair
    planned: dict[str, Tensor] = {}
    paths = [torch.zeros(units, dtype=torch.float64) for units in graph.units]
    paths[0].fill_(1.0)
    for step in graph.steps:
        if isinstance(step, Weighted):
            layer = edges[step.layer]
            groups, outputs, inputs = layer.sums.shape
            source = paths[step.source].view(groups, inputs)
            if step.layer not in joined:
                if layer.start is None:  # walked over, but not pruned
                    joined[step.layer] = layer.pairs * layer.kernel
                else:
                    pairs = spread(source, outputs, layer.kernel, counts[layer.name], path_share, generator)
                    joined[step.layer] = pairs
                    planned[layer.name] = _positions(layer.as_stored(pairs), layer.kernel, generator)
            paths[step.out] = (joined[step.layer].double() @ source[:, :, None]).flatten()
        else:
            for part in step.parts:
                take, put = wires(graph, step, part)
                paths[step.out].index_add_(0, put, paths[part.source][take])
        if float(paths[step.out].max()) > _LARGE:  # only ratios count
            paths = [node / _LARGE for node in paths]
    return planned


def _positions(pairs: Tensor, kernel: int, generator: torch.Generator) -> Tensor:
    """Return a flat mask with `pairs[i]` of the kernel positions of each pair, drawn evenly."""
    mask = torch.zeros(len(pairs), kernel, dtype=torch.bool)
    some = pairs.nonzero().flatten()
    ranks = torch.rand(len(some), kernel, generator=generator, device="cpu").argsort(1)
    mask[some] = ranks < pairs[some][:, None]
    return mask.flatten()


def _random(size: int, count: int, generator: torch.Generator) -> Tensor:
    mask = torch.zeros(size, dtype=torch.bool)
    mask[torch.randperm(size, generator=generator)[:count]] = True
    return mask
