"""Recurrent layers and cells: which units their weights join, with the edges through time named as such.

A layer's state after a first step is merge(W_ih x), and after a later one merge(W_ih x + W_hh state): the network
unrolled for two steps, in which each weight lies on a way from the input to the output. `merge` adds what the gates
of one hidden unit receive: gates multiply in the cell itself, and each counts as one way into the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pruning.tracing.fallback import pass_or_mix
from pruning.tracing.recorder import BATCH, Arguments, Keywords, Recorder, Signal, tensors
from pruning.tracing.tape import Part, Use
from pruning.tracing.weights import require, weight_name


def recurrent(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down a stack of recurrent layers, each once forward and, if bidirectional, once backward in time."""
    value = args[0]
    if recorder.signal(value) is None:
        return pass_or_mix(recorder, func, args, kwargs)
    packed = isinstance(args[3], Sequence)  # (data, batch sizes, state, weights, ...) instead of (input, state, ...)
    flat, has_biases, depth, _, _, bidirectional = args[3:9] if packed else args[2:8]
    node, width = recorder.units_on(value, -1), len(flat) // depth
    positions, states = value.numel() // (BATCH * value.shape[-1]), [0]
    for start in range(0, len(flat), width):
        cut = width // 2 if bidirectional else width
        parts = [flat[start : start + cut], flat[start + cut : start + width]]
        states = [_layer(recorder, node, part, positions, has_biases=has_biases) for part in parts if part]
        node = _side_by_side(recorder, states)
    output = recorder.emit((*value.shape[:-1], recorder.tape.units[node]), Signal(node, value.ndim - 1))
    return output, *(_last(recorder, states, before) for before in tensors(args[2] if packed else args[1]))


def _layer(recorder: Recorder, source: int, weights: Sequence[Tensor], positions: int, *, has_biases: bool) -> int:
    """Return the state of one layer in one direction; weights are (ih, hh, biases if any, projection if any)."""
    tape, (inner, outer) = recorder.tape, weights[:2]
    rows = inner.shape[0]
    projects = len(weights) > (4 if has_biases else 2)
    hidden = weights[-1].shape[1] if projects else outer.shape[1]
    used = [inner, outer, weights[-1]] if projects else [inner, outer]
    layers = [_used(recorder, weight, positions) for weight in used]
    require(tape.units[source], inner.shape[1], "features", weight_name(recorder, inner))

    def state(gates: int) -> int:
        merged = tape.merged(hidden, gates, np.arange(rows, dtype=np.int64) % hidden)
        return tape.weighted(weights[-1].shape[0], merged, layers[2]) if projects else merged

    fresh = tape.weighted(rows, source, layers[0])
    carried = tape.weighted(rows, state(fresh), layers[1], recurrent=True)
    return state(tape.junction(rows, Part(fresh), Part(carried)))


def recurrent_cell(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down one step of a cell; a state that does not depend on the input (the first) adds nothing."""
    value, state, inner, outer = args[:4]
    if recorder.signal(value) is None:
        return pass_or_mix(recorder, func, args, kwargs)
    tape, rows, hidden = recorder.tape, inner.shape[0], outer.shape[1]
    layers = [_used(recorder, weight, 1) for weight in (inner, outer)]
    gates = tape.weighted(rows, recorder.units_on(value, -1), layers[0])
    before = state[0] if isinstance(state, Sequence) else state  # an LSTM's is (output, memory)
    if recorder.signal(before) is not None:
        carried = tape.weighted(rows, recorder.units_on(before, -1), layers[1], recurrent=True)
        gates = tape.junction(rows, Part(gates), Part(carried))
    node = tape.merged(hidden, gates, np.arange(rows, dtype=np.int64) % hidden)
    after = [recorder.emit(tensor.shape, Signal(node, tensor.ndim - 1)) for tensor in tensors(state)]
    return tuple(after) if isinstance(state, Sequence) else after[0]


def _used(recorder: Recorder, weight: Tensor, positions: int) -> int:
    return recorder.tape.use(weight_name(recorder, weight), Use(weight, positions))


def _side_by_side(recorder: Recorder, states: Sequence[int]) -> int:
    """Return the states of both directions one after another, or the only one."""
    if len(states) == 1:
        return states[0]
    units = recorder.tape.units[states[0]]
    parts = (Part(s, put=np.arange(units, dtype=np.int64) + i * units) for i, s in enumerate(states))
    return recorder.tape.junction(units * len(states), *parts)


def _last(recorder: Recorder, states: Sequence[int], before: Tensor) -> Tensor:
    """Return the last states, of the shape of the first; their units are taken to be the top layer's."""
    tape, units = recorder.tape, before.shape[-1]
    if tape.units[states[0]] != units:  # the memory of an LSTM whose output is projected
        node = tape.mix(units, *states)
    else:
        node = states[0] if len(states) == 1 else tape.junction(units, *map(Part, states))
    return recorder.emit(before.shape, Signal(node, before.ndim - 1))
