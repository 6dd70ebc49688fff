"""Operations that carry weights: convolutions, linear maps, and products whose wiring is not resolved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pruning.errors import PruningError
from pruning.tracing.recorder import BATCH, Arguments, Keywords, Recorder, Signal, bind, on_meta
from pruning.tracing.tape import Use


def weight_name(recorder: Recorder, weight: Tensor) -> str:
    """Return the name of a weight; one computed in the forward from several tensors cannot carry a mask."""
    name = recorder.name(weight)
    return name if name is not None else f"<computed weight {len(recorder.tape.uses)}>"


def require(got: int, expected: int, what: str, name: str) -> None:
    """Return None if a weight meets as many channels or features as it has.

    Raises:
        PruningError: it does not.
    """
    if got != expected:
        raise PruningError(
            f"input of '{name}' must have {expected} {what}; got {got}. Give the input shape the network was built for."
        )


def convolution(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down the weight of a convolution, applied once for each output position."""
    bound = bind(("input", "weight", "bias", "stride", "padding", "dilation", "groups"), args, kwargs)
    value, weight, groups = bound["input"], bound["weight"], int(bound.get("groups", 1))
    if recorder.signal(value) is None:
        return func(*args, **kwargs)
    name = weight_name(recorder, weight)
    require(value.shape[1], weight.shape[1] * groups, "channels", name)
    space = _convolved(tuple(value.shape[2:]), tuple(weight.shape[2:]), bound)
    layer = recorder.tape.use(name, Use(weight, math.prod(space), groups))
    node = recorder.tape.weighted(weight.shape[0], recorder.units_on(value, 1), layer)
    return recorder.emit((value.shape[0], weight.shape[0], *space), Signal(node, 1))


def _convolved(space: tuple[int, ...], kernel: tuple[int, ...], bound: Keywords) -> tuple[int, ...]:
    stride, dilation = (_spread(bound.get(key, 1), len(space)) for key in ("stride", "dilation"))
    padding = bound.get("padding", 0)
    if padding == "same":
        return space
    pads = _spread(0 if padding == "valid" else padding, len(space))
    out = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(space, kernel, stride, pads, dilation, strict=True)
    )
    if min(out, default=1) < 1:
        raise PruningError(
            f"convolution must leave at least one position; got {out} from {space} with kernel {kernel}. "
            f"Use a larger input or fewer strides."
        )
    return out


def _spread(value: Any, count: int) -> tuple[int, ...]:
    values = tuple(int(v) for v in value) if isinstance(value, Sequence) else (int(value),)
    return values * count if len(values) == 1 else values


def transposed_convolution(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down the weight of a transposed convolution, applied once for each input position."""
    names = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
    bound = bind(names, args, kwargs)
    value, weight, groups = bound["input"], bound["weight"], int(bound.get("groups", 1))
    if recorder.signal(value) is None:
        return func(*args, **kwargs)
    name = weight_name(recorder, weight)
    require(value.shape[1], weight.shape[0], "channels", name)
    result = func(*on_meta(args), **on_meta(kwargs))
    use = Use(weight, math.prod(value.shape[2:]), groups, transposed=True)
    layer = recorder.tape.use(name, use)
    node = recorder.tape.weighted(result.shape[1], recorder.units_on(value, 1), layer)
    return recorder.follow(result, Signal(node, 1))


def linear(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down the weight of a linear map, applied once for each vector of the sample."""
    bound = bind(("input", "weight", "bias"), args, kwargs)
    value, weight = bound["input"], bound["weight"]
    if recorder.signal(value) is None:
        return func(*args, **kwargs)
    name = weight_name(recorder, weight)
    require(value.shape[-1], weight.shape[1], "features", name)
    positions = math.prod(value.shape[:-1]) // BATCH
    layer = recorder.tape.use(name, Use(weight, positions))
    node = recorder.tape.weighted(weight.shape[0], recorder.units_on(value, -1), layer)
    return recorder.emit((*value.shape[:-1], weight.shape[0]), Signal(node, value.ndim - 1))


def record_weights(recorder: Recorder, inputs: Sequence[Tensor]) -> None:
    """Record the matrices among the inputs of a product whose wiring is not resolved."""
    value = next(v for v in inputs if recorder.signal(v))
    positions = max(1, value.numel() // (BATCH * value.shape[-1]))
    for tensor in inputs:
        name = recorder.name(tensor)
        if name is not None and tensor.ndim >= 2:
            recorder.tape.use(name, Use(tensor, positions))


MULTIPLYING = frozenset(
    {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum", "tensordot", "bilinear"}
)
"""Functions whose weights are recorded although their wiring is not resolved."""
