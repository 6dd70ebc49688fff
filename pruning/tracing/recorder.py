"""The bookkeeping of a trace: where each tensor comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from pruning.tracing.tape import Pass, Tape

Arguments: TypeAlias = tuple[Any, ...]
Keywords: TypeAlias = dict[str, Any]

BATCH = 2
"""Samples in the traced batch: more than one, so that a bare squeeze() cannot remove the batch axis."""


@dataclass(frozen=True, slots=True)
class Split:
    """Units of `node` that lie along several axes, as while channels are shuffled.

    `labels` says which unit stands where: int64, as many axes as the tensor, of size 1 along the other ones.
    """

    node: int
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Signal:
    """Where a traced tensor comes from: its node, and the axis along which that node's units lie.

    `split` holds what is known beyond that, for operations that only move units.
    """

    node: int
    axis: int
    split: Split | None = None


class Recorder:
    """Which node each traced tensor stands for, and along which axis that node's units lie."""

    def __init__(self, tape: Tape, names: Mapping[int, str]) -> None:
        self.tape = tape
        self._names = dict(names)
        self._signals: dict[int, Signal] = {}
        self._alive: list[Tensor] = []  # keeps every traced tensor, so that no id is used twice

    def signal(self, value: object) -> Signal | None:
        """Return where a tensor comes from; None for anything that does not depend on the input."""
        return self._signals.get(id(value))

    def name(self, value: object) -> str | None:
        """Return the name of the parameter that `value` is, or stands for."""
        return self._names.get(id(value))

    def nodes(self, values: Iterable[Tensor]) -> list[int]:
        """Return the nodes of those values that depend on the input."""
        return [signal.node for signal in map(self.signal, values) if signal is not None]

    def follow(self, tensor: Tensor, signal: Signal) -> Tensor:
        """Remember where `tensor` comes from."""
        self._signals[id(tensor)] = signal
        self._alive.append(tensor)
        return tensor

    def emit(self, shape: Sequence[int], signal: Signal) -> Tensor:
        """Return a new meta tensor that comes from `signal`."""
        return self.follow(torch.empty(tuple(shape), device="meta"), signal)

    def passes(self, node: int, func: Any, *arguments: Any) -> None:
        """Write down that a function was applied to a node, with the parameters among its arguments."""
        names = [name for name in map(self.name, tensors(arguments)) if name is not None]
        self.tape.passes.append(Pass(node, getattr(func, "__name__", str(func)), tuple(names)))

    def stand_in(self, tensor: Tensor, parameter: str) -> None:
        """Remember that `tensor` is computed from a parameter of its own shape, as in `weight * mask`."""
        self._names[id(tensor)] = parameter
        self._alive.append(tensor)

    def units_on(self, value: Tensor, axis: int) -> int:
        """Return the node that holds the units of `value` along `axis`."""
        signal = self._signals[id(value)]
        axis %= value.ndim
        if signal.node == 0 and not self.tape.steps:  # the first to read the input says what its units are
            self.tape.units[0] = value.shape[axis]
            inputs = [key for key, known in self._signals.items() if known.node == 0]
            self._signals.update(dict.fromkeys(inputs, Signal(0, axis)))
            return 0
        if signal.axis == axis and self.tape.units[signal.node] == value.shape[axis]:
            return signal.node
        return self.tape.mix(value.shape[axis], signal.node)


def tensors(value: Any) -> list[Tensor]:
    """Return the tensors inside nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [t for item in value for t in tensors(item)] if isinstance(value, tuple | list) else []


def on_meta(value: Any) -> Any:
    """Return the arguments with every tensor on the meta device."""
    if isinstance(value, Tensor):
        return value if value.is_meta else value.to("meta")
    if isinstance(value, dict):
        return {key: on_meta(item) for key, item in value.items()}
    return type(value)(map(on_meta, value)) if type(value) in (tuple, list) else value


def bind(names: Sequence[str], args: Arguments, kwargs: Keywords) -> Keywords:
    """Return the arguments of a call by name."""
    return {**dict(zip(names, args, strict=False)), **kwargs}
