"""PHEW: the weights that random walks from input to output pass, with steps proportional to |weight|."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.graph import trace
from pruning.parameters import prunable
from pruning.walks import Walker, edges_of, fill, union_of_walks

_HOPS_FOR_EACH = 32
"""Most steps made for each weight to keep: at densities near 1 nearly all steps repeat others."""


def phew(
    module: nn.Module,
    evidence: Evidence,
    kept: int,
    layers: Sequence[str] | None = None,
    *,
    skip_probability: float = 0.0,
    block: int = 8192,
) -> dict[str, Tensor]:
    """Return masks that are the union of walks through the network, of exactly `kept` weights.

    Walks 0, 2, 4, ... start at the input units in turn and go forward; walks 1, 3, 5, ... start at the output units
    in turn and go back. At unit i a walk passes one weight, w with probability |w| / (sum of |w| over all weights at
    i, each kernel position its own): by the initial weights of the dense network, whatever is kept already. Where
    branches part (forward) or meet (reverse), each branch is equally likely; the identity branch of a residual sum
    is taken with `skip_probability`. A flattened channel goes on at one of its positions, a unit of a recurrent
    layer comes from one of its gates, each equally likely.

    The mask is the union of the first n walks, for the largest n that does not exceed the count (with one weight
    kept back for each layer not entered yet), and then of single absent edges between a unit that is reached
    from the input and one that reaches the output, p proportional to |w|: no walk is cut short, so all that is kept
    lies on a way from input to output. Only a layer that no walk entered may keep a weight that does not: at counts
    so low that there are no walks to speak of.

    Args:
        module: the network with its initial weights.
        evidence: the input shape and the generator; it is asked for two seeds, whatever the number of walks.
        kept: number of weights to keep, at least one for each layer.
        layers: those to prune; None for all. Walks pass through the others too, whose weights all stay.
        skip_probability: of the identity branch where there is another; 0 sends every walk through all weights of
            a residual block, as in the published code, 0.5 treats it as a branch like any other.
        block: number of walks made at once; changes speed and memory, never the result.

    Raises:
        PruningError: a weight is not finite; a layer lies on no traced way; the network does not run on the shape.

    Source: Patil and Dovrolis, PHEW: Constructing Sparse Networks that Learn Fast and Generalize Well without
    Training Data, ICML 2021, arXiv 2010.11354, section 4.
    Differs from the published code: walks follow the traced network instead of the order of its parameters (there
    a forward walk leaves out the layer before a projection shortcut; bottlenecks, grouped convolutions and
    concatenations go wrong); the count is exact instead of up to one walk more; the generator decides everything;
    after 32 steps for each weight to keep (reached at densities near 1 only) single edges complete the count; a
    weight that is zero is never walked, a layer that is all zero is walked as if its weights were equal; units
    from which no way leads on are avoided.
    """
    weights = prunable(module)
    weights = {name: weights[name] for name in layers or weights}
    sizes = [weight.numel() for weight in weights.values()]
    seeds = torch.randint(2**62, (2,), generator=evidence.generator, device="cpu").tolist()
    graph = trace(module, evidence.input_shape)
    edges = edges_of(graph, weights)
    walker = Walker(graph, edges, skip_probability)
    _check_on_ways(weights, {edges[layer].name for layer in walker.passable()})
    limit = _HOPS_FOR_EACH * kept // len(walker.layers) + 1 if kept < sum(sizes) else 0
    walks, single = (torch.Generator().manual_seed(seed) for seed in seeds)
    union = union_of_walks(walker, kept, sum(sizes), limit, walks, block)
    flat = fill(graph, edges, union.kept, kept, single)
    parts = flat.split_with_sizes(sizes)
    return {name: part.view(weight.shape) for (name, weight), part in zip(weights.items(), parts, strict=True)}


def _check_on_ways(weights: dict[str, nn.Parameter], on_ways: set[str]) -> None:
    """Raise if a layer lies on no way, so that no walk could ever keep one of its weights."""
    missing = [name for name in weights if name not in on_ways]
    if missing:
        raise PruningError(
            f"phew must find each prunable weight on a way from input to output; got none over '{missing[0]}' "
            f"({len(missing)} such): the forward does not use it, or in an operation whose wiring is not traced. "
            f"Choose a method that ranks single weights."
        )
