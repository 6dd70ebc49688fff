"""Operations without a rule of their own: those that keep the units pass them through, the rest mix them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pruning.tracing.recorder import Arguments, Keywords, Recorder, Signal, on_meta, tensors
from pruning.tracing.tape import Part
from pruning.tracing.weights import MULTIPLYING, record_weights


def pass_or_mix(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Any other operation: pooling and the like pass units through; unknown ones mix them all."""
    inputs = tensors((args, kwargs))
    signals = [recorder.signal(value) for value in inputs]
    if not any(signals):
        return noted(recorder, args, func(*args, **kwargs))
    if getattr(func, "__name__", "") in MULTIPLYING:
        record_weights(recorder, inputs)
    result = func(*on_meta(args), **on_meta(kwargs))
    for tensor in tensors(result):
        signal = combined(recorder, tensor, signals)
        recorder.passes(signal.node, func, args, kwargs)
        recorder.follow(tensor, signal)
    return result


def noted(recorder: Recorder, args: Arguments, result: Any) -> Any:
    """Return a result that does not depend on the input; one computed from a single weight stands for it."""
    weights = [value for value in tensors(args) if recorder.name(value)]
    if isinstance(result, Tensor) and len(weights) == 1 and weights[0].shape == result.shape:
        recorder.stand_in(result, recorder.name(weights[0]) or "")
    return result


def combined(recorder: Recorder, result: Tensor, signals: Sequence[Signal | None]) -> Signal:
    """Return the signal of a result whose shape is all that is known of it."""
    tape, known = recorder.tape, [s for s in signals if s]
    first, nodes = known[0], list(dict.fromkeys(s.node for s in known))
    width = tape.units[first.node]
    for axis in (first.axis, result.ndim - 1):
        same = all(tape.units[node] == width for node in nodes)
        if 0 < axis < result.ndim and result.shape[axis] == width and same:
            node = nodes[0] if len(nodes) == 1 else tape.junction(width, *map(Part, nodes), is_sum=True)
            return Signal(node, axis)
    axis = min(first.axis, result.ndim - 1)
    return Signal(tape.mix(result.shape[axis] if result.ndim else 1, *nodes), axis)
