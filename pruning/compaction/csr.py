"""Linear layers whose weights lie as compressed sparse rows, where a timing on this machine says that they win."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pruning.compaction.timing import interleaved
from pruning.masks import check_masks
from pruning.twin import private_copy

MARGIN = 0.9
"""CSR must need at most this share of the dense layer's time: less is within the scatter of timings."""


class CSRLinear(nn.Module):
    """y = x W' + b with W as compressed sparse rows: (..., inputs) -> (..., outputs); for inference, on the CPU.

    Only kept entries are stored and multiplied. The product is torch's (MKL's where torch was built with it).
    """

    def __init__(self, weight: Tensor, mask: Tensor, bias: Tensor | None = None) -> None:
        """Take the entries of `weight` (outputs, inputs) that `mask` keeps, zeros among them included."""
        super().__init__()
        rows, columns = mask.cpu().nonzero(as_tuple=True)
        starts = torch.zeros(len(mask) + 1, dtype=torch.int64)
        starts[1:] = mask.cpu().sum(1).cumsum(0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            entries = weight.detach().cpu()[rows, columns]
            matrix = torch.sparse_csr_tensor(starts, columns, entries, tuple(mask.shape), check_invariants=True)
        self.register_buffer("weight", matrix, persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach().cpu().clone()[:, None])

    def __deepcopy__(self, memo: dict[int, Any]) -> CSRLinear:
        """Return a copy with its own tensors, which torch cannot make of a sparse buffer by itself."""
        twin = memo[id(self)] = copy.copy(self)
        twin._buffers = {name: None if held is None else held.clone() for name, held in self._buffers.items()}
        return twin

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) for x (..., inputs)."""
        columns = x.reshape(-1, x.shape[-1]).t()
        weight = self.get_buffer("weight")
        out: Tensor = torch.sparse.mm(weight, columns)
        if self.bias is not None:
            out += self.get_buffer("bias")
        return out.t().reshape(*x.shape[:-1], len(out))


@dataclass(frozen=True, slots=True)
class LayerTiming:
    """Median seconds of one call of a linear layer at `rows` input vectors; `sparse` says which was taken."""

    name: str
    shape: tuple[int, int]
    density: float
    rows: int
    dense_seconds: float
    csr_seconds: float
    sparse: bool

    @property
    def ratio(self) -> float:
        """How often the CSR call fits into the dense one: above 1, CSR wins."""
        return self.dense_seconds / self.csr_seconds


@torch.no_grad()
def sparse_where_faster(
    module: nn.Module, masks: Mapping[str, Tensor], inputs: Tensor, *, seconds: float = 0.05
) -> tuple[nn.Module, list[LayerTiming]]:
    """Return a copy whose linear layers are CSR where that is faster here and now, and the timings.

    Args:
        module: a network on the CPU, masked weights zero; untouched bit for bit.
        masks: one for each prunable weight.
        inputs: a batch of the size to be fast at; each layer is timed on what it receives of it.
        seconds: to spend on each layer.

    Raises:
        PruningError: the masks do not fit.
    """
    check_masks(module, masks)
    fast = private_copy(module).eval()
    received = _received(fast, inputs)
    timings = []
    for path, value in received.items():
        layer = fast.get_submodule(path)
        assert isinstance(layer, nn.Linear)  # _received looks at no others
        mask = masks[f"{path}.weight"]
        sparse = CSRLinear(layer.weight, mask, layer.bias)
        found = interleaved(
            {"dense": lambda layer=layer, value=value: layer(value), "csr": lambda s=sparse, value=value: s(value)},  # type: ignore[misc]
            seconds=seconds,
        )
        wins = found["csr"] < MARGIN * found["dense"]
        if wins:
            owner, _, leaf = path.rpartition(".")
            setattr(fast.get_submodule(owner), leaf, sparse)
        shape, rows = (len(mask), mask.shape[1]), value.numel() // value.shape[-1]
        density = float(mask.count_nonzero()) / mask.numel()
        timings.append(LayerTiming(path, shape, density, rows, found["dense"], found["csr"], wins))
    return fast, timings


def _received(module: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return what each plain linear layer receives, for those that are called as modules."""
    seen: dict[str, Tensor] = {}
    handles = [
        layer.register_forward_pre_hook(lambda _, args, path=path: seen.setdefault(path, args[0]) is None or None)
        for path, layer in module.named_modules()
        if type(layer) is nn.Linear
    ]
    try:
        module(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return seen
