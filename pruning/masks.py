"""The set of kept weights, as an immutable value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

import torch
from torch import Size, Tensor, nn

from pruning.errors import PruningError
from pruning.parameters import prunable


class MaskSet(Mapping[str, Tensor]):
    """Parameter name -> bool CPU tensor, True where the weight is kept, in the network's layer order.

    Immutable: the constructor copies what it is given, and every look-up returns a fresh copy. Two sets are
    equal if names, shapes and bits are equal; metadata and order do not count.
    """

    def __init__(self, masks: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
        """Copy the masks (any device, any strides) and the metadata (free text: method, density, ...).

        Raises:
            PruningError: there is no mask, a mask is not bool, or a mask has no entries.
        """
        if not masks:
            raise PruningError("a mask set must hold at least one mask; got none. Prune a network that has weights.")
        self._masks: dict[str, Tensor] = {name: _owned(name, mask) for name, mask in masks.items()}
        self._metadata = dict(metadata or {})

    def __getitem__(self, name: str) -> Tensor:
        return self._masks[name].clone()

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)

    @property
    def metadata(self) -> Mapping[str, str]:
        """Where the masks come from, as text; read-only."""
        return MappingProxyType(self._metadata)

    @cached_property
    def _kept(self) -> dict[str, int]:
        return {name: int(mask.count_nonzero()) for name, mask in self._masks.items()}

    @property
    def kept(self) -> int:
        """Number of kept weights."""
        return sum(self._kept.values())

    @property
    def total(self) -> int:
        """Number of weights, kept or not."""
        return sum(mask.numel() for mask in self._masks.values())

    @property
    def density(self) -> float:
        """Kept fraction of all weights, in [0, 1]."""
        return self.kept / self.total

    def counts(self) -> dict[str, int]:
        """Return the number of kept weights of each parameter."""
        return dict(self._kept)

    def empty_layers(self) -> list[str]:
        """Return the parameters of which no weight is kept."""
        return [name for name, kept in self._kept.items() if kept == 0]

    def collapsed_layers(self) -> list[str]:
        """Return the parameters of several weights of which one is kept: all signals pass through it."""
        return [name for name, kept in self._kept.items() if kept == 1 < self._masks[name].numel()]

    def layer_densities(self) -> dict[str, float]:
        """Return the kept fraction of each parameter, in [0, 1]."""
        return {name: self._kept[name] / mask.numel() for name, mask in self._masks.items()}

    def digest(self) -> str:
        """Return a SHA-256 in hex over names, shapes and bits: equal exactly when two sets are equal."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256()
        for name in sorted(self._masks):
            mask = self._masks[name]
            sha.update(f"{len(name)}:{name}{tuple(mask.shape)}".encode())
            sha.update(mask.numpy().tobytes())
        return sha.hexdigest()

    def equal(self, other: Mapping[str, Tensor]) -> bool:
        """Return whether both hold the same names with the same shapes and bits."""
        return self.keys() == other.keys() and all(
            torch.equal(mask, other[name].cpu()) for name, mask in self._masks.items()
        )

    def __eq__(self, other: object) -> bool:
        return self.equal(other) if isinstance(other, MaskSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"MaskSet({self.kept} of {self.total} weights kept in {len(self)} layers, density {self.density:.4g})"


def check_masks(module: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Return None if there is exactly one mask for each prunable weight of the network, of its shape.

    Raises:
        PruningError: naming the first weight without a mask, mask without a weight, or shape that differs.
    """
    weights = prunable(module)
    remedy = "Use the masks with the network they were made for."
    for name in weights:
        if name not in masks:
            raise PruningError(f"every prunable weight must have a mask; got none for '{name}'. {remedy}")
    for name, mask in masks.items():
        if name not in weights:
            raise PruningError(
                f"every mask must belong to a prunable weight; got '{name}', which the network lacks. {remedy}"
            )
        if mask.shape != weights[name].shape:
            raise PruningError(
                f"a mask must have its weight's shape {tuple(weights[name].shape)}; "
                f"got {tuple(mask.shape)} ('{name}'). {remedy}"
            )


def architecture_digest(shapes: Mapping[str, Size]) -> str:
    """Return 16 hex digits of a SHA-256 over the names and shapes of a network's prunable weights, in order.

    Networks on which the same masks fit have the same digest.
    """
    told = "".join(f"{len(name)}:{name}{tuple(shape)}" for name, shape in shapes.items())
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _owned(name: str, mask: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        raise PruningError(f"a mask must be bool; got {mask.dtype} ('{name}'). Compare the values with zero first.")
    if mask.numel() == 0:
        raise PruningError(
            f"a mask must have entries; got shape {tuple(mask.shape)} ('{name}'). Leave the parameter out."
        )
    return mask.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
