"""Operations that only move units: concatenation, reshapes, permutations, slices, padding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pruning.tracing.fallback import combined, noted, pass_or_mix
from pruning.tracing.recorder import Arguments, Keywords, Recorder, Signal, Split, bind, on_meta, tensors
from pruning.tracing.tape import Part, reshaped_units


def concatenate(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Units stand one after another; along any other axis the tensors are summed."""
    bound = bind(("tensors", "dim"), args, kwargs)
    values = list(bound["tensors"])
    signals = [recorder.signal(v) for v in values]
    result = func(on_meta(values), *args[1:], **kwargs)
    dim, axes = int(bound.get("dim", 0)) % result.ndim, {s.axis for s in signals if s}
    if not axes:
        return func(*args, **kwargs)
    if axes != {dim}:
        along = combined(recorder, result, signals)
        recorder.passes(along.node, func, args, kwargs)
        return recorder.follow(result, along)
    starts = np.cumsum([0, *(v.shape[dim] for v in values)])
    parts = [
        Part(s.node, put=np.arange(start, start + v.shape[dim], dtype=np.int64))
        for v, s, start in zip(values, signals, starts, strict=False)
        if s
    ]
    return recorder.follow(result, Signal(recorder.tape.junction(result.shape[dim], *parts), dim))


def reshape(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Units are copied, kept or merged as `reshaped_units` finds."""
    value = args[0]
    signal = recorder.signal(value)
    result = func(*args, **kwargs)
    if signal is None:
        return noted(recorder, args, result)
    joined = _moved(recorder, func, args, kwargs, signal)
    if isinstance(joined, Signal):
        return recorder.follow(result, joined)
    found = reshaped_units(tuple(value.shape), signal.axis, tuple(result.shape))
    if found is None:
        torn = combined(recorder, result, [signal])
        recorder.passes(torn.node, func, args, kwargs)
        return recorder.follow(result, replace(torn, split=joined))
    axis, take, put = found
    if take is None and put is None:
        return recorder.follow(result, Signal(signal.node, axis, joined))
    node = recorder.tape.junction(result.shape[axis], Part(signal.node, take, put))
    if put is not None and joined is None:
        joined = _moved(recorder, func, args, kwargs, replace(signal, split=_whole(recorder, value, signal)))
    return recorder.follow(result, Signal(node, axis, joined if isinstance(joined, Split) else None))


def rewire(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Views that move, drop or split axes: followed by sending unit numbers through the same operation."""
    value = args[0]
    signal = recorder.signal(value)
    if signal is None:
        return pass_or_mix(recorder, func, args, kwargs)
    labels = _whole(recorder, value, signal).labels.expand(value.shape)
    result, moved = func(*args, **kwargs), func(labels, *args[1:], **kwargs)
    joined = _moved(recorder, func, args, kwargs, signal) if isinstance(result, Tensor) else None
    for tensor, label in zip(tensors(result), tensors(moved), strict=True):
        if isinstance(joined, Signal):
            recorder.follow(tensor, joined)
        else:
            recorder.follow(tensor, replace(_relabelled(recorder, signal, tensor, label), split=joined))
    return result


def _whole(recorder: Recorder, value: Tensor, signal: Signal) -> Split:
    """Return the units of a tensor that lie along its one axis, as labels."""
    shape = [1] * value.ndim
    shape[signal.axis] = recorder.tape.units[signal.node]
    return Split(signal.node, torch.arange(shape[signal.axis]).view(shape))


def _moved(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords, signal: Signal) -> Signal | Split | None:
    """Return where split units are after an operation that moves them: along one axis again, or still along several."""
    if signal.split is None:
        return None
    labels = func(signal.split.labels.expand(args[0].shape), *args[1:], **kwargs)
    for axis in range(labels.ndim):
        first = labels.narrow(axis, 0, 1)
        if torch.equal(labels, first.expand_as(labels)):
            labels = first
    axes = [axis for axis, size in enumerate(labels.shape) if size > 1]
    if len(axes) != 1:
        return Split(signal.split.node, labels)
    return Signal(recorder.tape.copied(signal.split.node, labels.flatten().numpy().astype(np.int64)), axes[0])


def _relabelled(recorder: Recorder, signal: Signal, tensor: Tensor, label: Tensor) -> Signal:
    axes = [axis for axis, stride in enumerate(label.stride()) if stride and label.shape[axis] > 1]
    if len(axes) != 1:  # the units were selected away, are a single one, or were copied out of order
        torn = combined(recorder, tensor, [signal])
        recorder.passes(torn.node, combined)
        return torn
    take = label[tuple(slice(None) if axis == axes[0] else 0 for axis in range(label.ndim))].numpy()
    if len(take) == recorder.tape.units[signal.node] and bool(np.all(take == np.arange(len(take)))):
        return Signal(signal.node, axes[0])
    return Signal(recorder.tape.junction(len(take), Part(signal.node, take=take.astype(np.int64))), axes[0])


def pad(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Padding positions changes nothing; padding units (an option-A shortcut) shifts them among silent ones."""
    bound = bind(("input", "pad"), args, kwargs)
    value, pads = bound["input"], tuple(bound["pad"])
    signal = recorder.signal(value)
    if signal is None:
        return pass_or_mix(recorder, func, args, kwargs)
    result = func(*args, **kwargs)
    low = 2 * (value.ndim - 1 - signal.axis)
    if low >= len(pads) or pads[low] == pads[low + 1] == 0:
        return recorder.follow(result, signal)
    units = np.arange(recorder.tape.units[signal.node], dtype=np.int64)
    put, width = units + pads[low], result.shape[signal.axis]
    kept = (put >= 0) & (put < width)
    node = recorder.tape.junction(width, Part(signal.node, take=units[kept], put=put[kept]))
    return recorder.follow(result, Signal(node, signal.axis))
