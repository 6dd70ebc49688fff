"""Many networks as one set of tensors, each padded to the widest, absent weights exactly zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.errors import NasError
from search_spaces.graphs.masked import MaskedRecurrent
from search_spaces.graphs.networks import GraphRNN

_NAMES = {"table": "recurrent.weight_ih_l0", "hidden": "recurrent.weight_hh_l0", "head": "head.weight"}


@dataclass(frozen=True)
class Members:
    """N recurrent networks of one cell. Parameters of a network are one row of `values`; the fields below are views.

    Attributes:
        cell: name of the cell.
        widths: units of each network; H is the largest.
        values: (N, K) all parameters of each network: table (F, G H), hidden (H, G H), head (H, C), bias (C).
        present: (N, K) bool, False for padding, weights outside the graph and pruned ones.
        sizes: F, G, H, C.
    """

    cell: str
    widths: tuple[int, ...]
    values: Tensor
    present: Tensor
    sizes: tuple[int, int, int, int]

    def __len__(self) -> int:
        return len(self.widths)

    def parts(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the views of a tensor (N, K): table (N, F, G H), hidden (N, H, G H), head (N, H, C), bias (N, C)."""
        letters, gates, units, classes = self.sizes
        table, hidden, head, bias = torch.split(flat, _lengths(*self.sizes), 1)
        wide = gates * units
        return (
            table.view(-1, letters, wide),
            hidden.view(-1, units, wide),
            head.view(-1, units, classes),
            bias.view(-1, classes),
        )

    def some(self, rows: slice) -> Members:
        """Return some of the networks, their parameters views of these."""
        return Members(self.cell, self.widths[rows], self.values[rows], self.present[rows], self.sizes)

    @property
    def decays(self) -> Tensor:
        """(K,) bool: True for weights, False for biases."""
        found = torch.ones(self.values.shape[1], dtype=torch.bool, device=self.values.device)
        found[-self.sizes[3] :] = False
        return found


def _lengths(letters: int, gates: int, units: int, classes: int) -> list[int]:
    wide = gates * units
    return [letters * wide, units * wide, units * classes, classes]


def gather(modules: Sequence[nn.Module], masks: Sequence[Mapping[str, Tensor]], device: torch.device | str) -> Members:
    """Return the networks as one population on `device`; the modules stay as they are.

    Args:
        modules: `GraphRNN`s of one cell and signature; of any size, but the widest decides the cost of all.
        masks: for each, parameter name -> kept; a parameter without a mask is dense. {} for no pruning.
        device: where to put it.

    Raises:
        NasError: there are none, or they are not of one kind.
    """
    kinds = {kind(module) for module in modules}
    only = next(iter(kinds)) if len(kinds) == 1 else None
    if not isinstance(only, tuple):
        raise NasError(
            f"a population must be recurrent graph networks of one cell, alphabet and number of classes; "
            f"got {sorted(map(str, kinds)) or 'none'}. Train the kinds one after another."
        )
    cell, letters, classes, gates = only
    widths = tuple(int(_recurrent(module).hidden_size) for module in modules)
    sizes = (letters, gates, max(widths), classes)
    dtype = next(modules[0].parameters()).dtype
    values = torch.zeros(len(modules), sum(_lengths(*sizes)), dtype=dtype)
    found = Members(cell, widths, values, torch.zeros_like(values, dtype=torch.bool), sizes)
    for row, (module, kept) in enumerate(zip(modules, masks, strict=True)):
        for part, tensor in zip(found.parts(values), _tensors(module), strict=True):
            _place(part[row], tensor, sizes)
        for part, tensor in zip(found.parts(found.present), _present(module, kept), strict=True):
            _place(part[row], tensor, sizes)
    values.mul_(found.present)
    return Members(cell, widths, values.to(device), found.present.to(device), sizes)


def scatter_(members: Members, modules: Sequence[nn.Module]) -> None:
    """Write the parameters of a population back into the modules it was made of."""
    letters, gates, units, _ = members.sizes
    table, hidden, head, bias = (part.detach().cpu() for part in members.parts(members.values))
    with torch.no_grad():
        for row, (module, width) in enumerate(zip(modules, members.widths, strict=True)):
            layer = _recurrent(module)
            inner = table[row].view(letters, gates, units)[..., :width].reshape(letters, -1)
            outer = hidden[row].view(units, gates, units)[:width, :, :width].reshape(width, -1)
            layer.weight_ih_l0.copy_(inner.t())
            layer.weight_hh_l0.copy_(outer.t())
            module.get_parameter("head.weight").copy_(head[row, :width].t())
            module.get_parameter("head.bias").copy_(bias[row])


def kind(module: nn.Module) -> tuple[str, int, int, int] | str:
    """Return the cell, letters, classes and gates that members must have in common, or the name of another class."""
    if not isinstance(module, GraphRNN):
        return type(module).__name__
    layer = module.recurrent
    return layer.cell, layer.input_size, module.head.out_features, layer.gates


def _recurrent(module: nn.Module) -> MaskedRecurrent:
    layer = module.get_submodule("recurrent")
    assert isinstance(layer, MaskedRecurrent)
    return layer


def _tensors(module: nn.Module) -> list[Tensor]:
    """Return table, hidden, head and bias with the inputs of each product as rows."""
    weights = [module.get_parameter(name).detach().cpu().t() for name in _NAMES.values()]
    return [*weights, module.get_parameter("head.bias").detach().cpu()]


def _present(module: nn.Module, masks: Mapping[str, Tensor]) -> list[Tensor]:
    existing = {f"recurrent.{name}": mask for name, mask in _recurrent(module).present_weights().items()}
    found = []
    for name in _NAMES.values():
        mask = existing.get(name, torch.ones(module.get_parameter(name).shape, dtype=torch.bool))
        found.append((mask & masks[name].cpu() if name in masks else mask).t())
    return [*found, torch.ones(module.get_parameter("head.bias").shape, dtype=torch.bool)]


def _place(into: Tensor, tensor: Tensor, sizes: tuple[int, int, int, int]) -> None:
    """Copy a network's tensor into its padded place; gates lie one after another in the last axis, each padded."""
    _, gates, units, _ = sizes
    if into.dim() == 1:
        into.copy_(tensor)
    elif into.shape[1] == gates * units:
        rows, width = tensor.shape[0], tensor.shape[1] // gates
        into.view(-1, gates, units)[:rows, :, :width] = tensor.reshape(rows, gates, width)
    else:
        into[: tensor.shape[0]] = tensor
