"""What a network takes on disk, dense, zipped and as compressed sparse rows: the lengths of real files."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

_COLUMN_TYPES = (torch.uint8, torch.int16, torch.int32)


def dense_bytes(module: nn.Module) -> int:
    """Return the length of the network's state as safetensors."""
    return len(_saved(_state(module)))


def zipped_bytes(module: nn.Module) -> int:
    """Return that length after deflate (level 6), which shortens runs of zeros."""
    return len(zlib.compress(_saved(_state(module)), level=6))


def csr_bytes(module: nn.Module, masks: Mapping[str, Tensor]) -> int:
    """Return the length of the state as safetensors with masked weights as compressed sparse rows.

    A weight is flattened to (outputs, entries of each) and stored as kept values, their columns (in the smallest
    of one, two or four bytes that holds them) and the end of each row; where that is longer than the dense
    weight, the weight stays dense.
    """
    state = _state(module)
    for name, mask in masks.items():
        parts = _rows(state[name], mask.cpu())
        if sum(map(_length, parts.values())) < _length(state[name]):
            del state[name]
            state |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
    return len(_saved(state))


def _rows(weight: Tensor, mask: Tensor) -> dict[str, Tensor]:
    flat, kept = weight.reshape(len(weight), -1), mask.reshape(len(mask), -1)
    rows, columns = kept.nonzero(as_tuple=True)
    smallest = next(kind for kind in _COLUMN_TYPES if flat.shape[1] - 1 <= torch.iinfo(kind).max)
    ends = kept.sum(1).cumsum(0).to(torch.int32)
    return {"values": flat[rows, columns], "columns": columns.to(smallest), "ends": ends}


def _length(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}


def _saved(state: dict[str, Tensor]) -> bytes:
    from safetensors.torch import save

    data: bytes = save(state)
    return data
