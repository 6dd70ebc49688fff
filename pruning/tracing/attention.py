"""Multi-head attention: its four projections, and what queries and keys have to do with the outputs.

A head's output is a weighted mean of its values, unit by unit; the weights of that mean depend on all queries and
keys of the head. So each output unit of a head has three ways into it: its own value unit, and, through the one
attention pattern of the head, every query unit and every key unit.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from pruning.tracing.fallback import pass_or_mix
from pruning.tracing.recorder import BATCH, Arguments, Keywords, Recorder, Signal
from pruning.tracing.tape import Part, Use
from pruning.tracing.weights import weight_name

_SIGNATURE = inspect.signature(functional.multi_head_attention_forward)


def attention(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Write down the projections of queries, keys and values, the heads, and the output projection."""
    bound = _SIGNATURE.bind(*args, **kwargs).arguments
    inputs = [bound["query"], bound["key"], bound["value"]]
    if any(recorder.signal(value) is None for value in inputs):
        return pass_or_mix(recorder, func, args, kwargs)
    tape, width, heads = recorder.tape, int(bound["embed_dim_to_check"]), int(bound["num_heads"])
    queries, keys, values = _projected(recorder, inputs, bound, width)
    head_of = np.arange(width, dtype=np.int64) // (width // heads)
    pattern = tape.junction(heads, Part(queries, put=head_of), Part(keys, put=head_of))
    mixed = tape.junction(width, Part(values), Part(pattern, take=head_of), is_product=True)
    outputs = tape.weighted(width, mixed, _used(recorder, bound["out_proj_weight"], inputs[0]))
    shape = bound["query"].shape
    result = recorder.emit((*shape[:-1], width), Signal(outputs, len(shape) - 1))
    return result, _weights(recorder, pattern, bound)


def _projected(recorder: Recorder, inputs: list[Tensor], bound: dict[str, Any], width: int) -> list[int]:
    """Return the nodes of the queries, keys and values, `width` units each."""
    tape, sources = recorder.tape, [recorder.units_on(value, -1) for value in inputs]
    if bound.get("use_separate_proj_weight"):
        weights = [bound[f"{letter}_proj_weight"] for letter in "qkv"]
        used = [_used(recorder, weight, value) for weight, value in zip(weights, inputs, strict=True)]
        return [tape.weighted(width, source, layer) for source, layer in zip(sources, used, strict=True)]
    layer = _used(recorder, bound["in_proj_weight"], inputs[0])  # the three matrices one below the other
    stacked = {source: tape.weighted(3 * width, source, layer) for source in dict.fromkeys(sources)}
    rows = np.arange(3 * width, dtype=np.int64).reshape(3, width)
    return [tape.copied(stacked[source], take) for source, take in zip(sources, rows, strict=True)]


def _weights(recorder: Recorder, pattern: int, bound: dict[str, Any]) -> Tensor | None:
    """Return the attention weights, ([batch,] [heads,] queries, keys), if the caller asks for them."""
    if not bound.get("need_weights", True):
        return None
    queries, keys = bound["query"].shape, bound["key"].shape
    heads = () if bound.get("average_attn_weights", True) else (int(bound["num_heads"]),)
    shape = (*queries[1:-1], *heads, queries[0], keys[0])
    return recorder.emit(shape, Signal(recorder.tape.mix(shape[-1], pattern), len(shape) - 1))


def _used(recorder: Recorder, weight: Tensor, applied_to: Tensor) -> int:
    positions = max(1, applied_to.numel() // (BATCH * applied_to.shape[-1]))
    return recorder.tape.use(weight_name(recorder, weight), Use(weight, positions))
