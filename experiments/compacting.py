"""A masked network in each form it can run in: what each computes, takes on disk and takes in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nas.latency import one_thread
from pruning import MaskSet, PruningError, prunable
from pruning.compaction import (
    Compaction,
    CSRLinear,
    LayerTiming,
    csr_bytes,
    dense_bytes,
    interleaved,
    sparse_where_faster,
    zipped_bytes,
)
from pruning.graph import trace
from pruning.twin import private_copy

BATCHES = (1, 128)


@dataclass(frozen=True)
class Form:
    """One way to run the network.

    Attributes:
        name: dense, masked, masked + CSR, compacted, compacted + CSR.
        parameters: numbers stored in its layers, zeros included, but for CSR layers, which store what is kept.
        multiply_adds: carried out for one sample, those with zeros included; None if the network is not traced.
        bytes: on disk as safetensors, zeros included; None for CSR forms, which are made from the file of another.
        zipped_bytes: that file deflated; None if not asked for, or of no use.
        csr_bytes: on disk as safetensors with masked weights as compressed sparse rows.
        seconds: batch -> median CPU seconds of a call on one thread; empty if not timed.
    """

    name: str
    parameters: int
    multiply_adds: int | None
    bytes: int | None
    zipped_bytes: int | None
    csr_bytes: int | None
    seconds: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What was measured.

    Attributes:
        forms: dense first.
        layers: the timing of every linear layer that decided where CSR is used.
        control: batch -> seconds of the dense network over those of a copy of it, timed as one more form: how far
            from 1 a ratio is that means nothing (memory lies elsewhere, caches are warmer).
    """

    forms: tuple[Form, ...]
    layers: tuple[LayerTiming, ...]
    control: Mapping[int, float]


@torch.no_grad()
def compare(
    module: nn.Module,
    masks: MaskSet,
    small: Compaction,
    input_shape: Sequence[int],
    *,
    batches: Sequence[int] = BATCHES,
    seconds: float = 1.0,
    least: int = 5,
    with_masked: bool = True,
    with_control: bool = True,
    zipped: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Return sizes and interleaved timings of a network's forms, on one CPU thread.

    CSR forms are made anew for each batch size, with CSR in those linear layers where it won its own timing there;
    a CSR form in which it won nowhere is left out, for it is the form without CSR.

    Args:
        module: the dense network; untouched.
        masks: of its weights.
        small: the network compacted.
        input_shape: of one sample.
        batches: sizes to time.
        seconds: of timing for each size, all forms together.
        least: rounds of it at least.
        with_masked: whether to time the masked network too, whose zeros are multiplied as any number is.
        with_control: whether to time a copy of the dense network.
        zipped: whether files are also deflated for their size.
        say: told what is being timed.
    """
    dense = private_copy(module).cpu().eval()
    masked = _zeroed(dense, masks)
    plain = {"dense": dense, "masked": masked, "compacted": small.module}
    taken: dict[str, dict[int, float]] = {name: {} for name in plain}
    sparse: dict[str, nn.Module] = {}
    layers: list[LayerTiming] = []
    control: dict[int, float] = {}
    with one_thread():
        for batch in batches:
            say(f"batch {batch}")
            inputs = torch.randn(batch, *input_shape, generator=torch.Generator().manual_seed(0))
            ways: dict[str, nn.Module] = {name: plain[name] for name in plain if with_masked or name != "masked"}
            for name, network, own in (("masked", masked, masks), ("compacted", small.module, small.masks)):
                fast, timings = sparse_where_faster(network, own, inputs, seconds=seconds / 10)
                layers += timings if name == "masked" else ()
                if any(timing.sparse for timing in timings):
                    ways[f"{name} + CSR"] = sparse[f"{name} + CSR"] = fast
            if with_control:
                ways["dense again"] = private_copy(dense)
            found = interleaved(
                {name: _call(network, inputs) for name, network in ways.items()}, seconds=seconds, least=least
            )
            if with_control:
                control[batch] = found["dense"] / found.pop("dense again")
            for name, median in found.items():
                taken.setdefault(name, {})[batch] = median
    every = {**plain, **sparse}
    works = _multiply_adds(dense, small.module, input_shape)
    owners = {"dense": None, "masked": masks, "compacted": small.masks}
    sizes = {name: _sizes(network, owners[name], zipped) for name, network in plain.items()}
    forms = [
        Form(name, _stored(every[name]), _work(name, every[name], works), *sizes.get(name, (None,) * 3), taken[name])
        for name in ("dense", "masked", "masked + CSR", "compacted", "compacted + CSR")
        if name in every
    ]
    return Comparison(tuple(forms), tuple(layers), control)


def _sizes(
    network: nn.Module, masks: Mapping[str, Tensor] | None, zipped: bool
) -> tuple[int | None, int | None, int | None]:
    """Return the bytes of a form's file, deflated, and as compressed sparse rows; the latter two if it has masks."""
    if masks is None:
        return dense_bytes(network), None, None
    return dense_bytes(network), zipped_bytes(network) if zipped else None, csr_bytes(network, masks)


def _call(network: nn.Module, inputs: Tensor) -> Callable[[], object]:
    return lambda: network(inputs)


def _zeroed(dense: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    masked = private_copy(dense)
    for name, weight in prunable(masked).items():
        weight.masked_fill_(~masks[name], 0.0)
    return masked


def _stored(network: nn.Module) -> int:
    """Return the numbers in parameters, and in CSR layers the kept ones and the bias."""
    rows = [layer for layer in network.modules() if isinstance(layer, CSRLinear)]
    held = sum(layer.get_buffer("weight").values().numel() for layer in rows)
    held += sum(layer.bias.numel() for layer in rows if isinstance(layer.bias, Tensor))
    return held + sum(parameter.numel() for parameter in network.parameters())


def _multiply_adds(
    dense: nn.Module, small: nn.Module, input_shape: Sequence[int]
) -> dict[str, dict[str, tuple[int, int]]]:
    """Return form -> weight -> (entries, multiply-adds of each)."""
    try:
        graphs = {"dense": trace(dense, input_shape), "compacted": trace(small, input_shape)}
    except PruningError:
        return {}
    return {
        form: {name: (use.weight.numel(), use.positions) for name, use in graph.uses.items()}
        for form, graph in graphs.items()
    }


def _work(name: str, network: nn.Module, works: Mapping[str, Mapping[str, tuple[int, int]]]) -> int | None:
    if not works:
        return None
    of_layers = works["compacted" if name.startswith("compacted") else "dense"]
    total = 0
    for weight, (entries, positions) in of_layers.items():
        path = weight.rpartition(".")[0]
        layer = network.get_submodule(path)
        kept = layer.get_buffer("weight").values().numel() if isinstance(layer, CSRLinear) else entries
        total += kept * positions
    return total
