"""What each torch function means for the units: one handler for each kind of operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from pruning.tracing.attention import attention
from pruning.tracing.fallback import pass_or_mix
from pruning.tracing.recorder import Arguments, Keywords, Recorder, Signal, bind
from pruning.tracing.recurrent import recurrent, recurrent_cell
from pruning.tracing.tape import Part
from pruning.tracing.views import concatenate, pad, reshape, rewire
from pruning.tracing.weights import convolution, linear, transposed_convolution

Handler: TypeAlias = Callable[[Recorder, Any, Arguments, Keywords], Any]


def _pass(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Normalisation, activation, dropout: each unit answers to itself alone."""
    value = args[0] if args else kwargs["input"]
    signal = recorder.signal(value)
    if signal is None:
        return pass_or_mix(recorder, func, args, kwargs)
    recorder.passes(signal.node, func, args, kwargs)
    return recorder.emit(value.shape, signal)


def _adaptive_pool(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Adaptive average pooling: units pass through; the shape is written down, as meta tensors take a millisecond."""
    bound = bind(("input", "output_size"), args, kwargs)
    value, asked = bound["input"], bound["output_size"]
    signal = recorder.signal(value)
    if signal is None:
        return pass_or_mix(recorder, func, args, kwargs)
    spatial = int(func.__name__[-2])  # adaptive_avg_pool1d, 2d, 3d
    sizes = (asked,) * spatial if isinstance(asked, int) else tuple(asked)
    kept = value.shape[value.ndim - spatial :]
    space = tuple(old if new is None else int(new) for old, new in zip(kept, sizes, strict=True))
    return recorder.emit((*value.shape[: value.ndim - spatial], *space), signal)


def _query(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Shape, device, dtype: answered as they are; a property that is a tensor (T, mT, data) is a rewiring."""
    answer = func(*args, **kwargs)
    return rewire(recorder, func, args, kwargs) if isinstance(answer, Tensor) else answer


def _merge(recorder: Recorder, func: Any, args: Arguments, kwargs: Keywords) -> Any:
    """Sum or product of tensors: a junction of the branches; with a constant or parameter, nothing."""
    left, right = args[0], args[1] if len(args) > 1 else kwargs.get("other")
    signals = recorder.signal(left), recorder.signal(right)
    if signals == (None, None):
        return pass_or_mix(recorder, func, args, kwargs)
    shape = np.broadcast_shapes(*(tuple(v.shape) for v in (left, right) if isinstance(v, Tensor)))
    branches = [(v, s) for v, s in zip((left, right), signals, strict=True) if s]
    signal = _met(recorder, shape, branches, is_product=func.__name__ in _PRODUCTS)
    if any(isinstance(v, Tensor) and s is None for v, s in zip((left, right), signals, strict=True)):
        recorder.passes(signal.node, func, args, kwargs)
    return recorder.follow(left, signal) if func.__name__ in _IN_PLACE else recorder.emit(shape, signal)


def _met(
    recorder: Recorder, shape: tuple[int, ...], branches: list[tuple[Tensor, Signal]], *, is_product: bool
) -> Signal:
    tape, from_right = recorder.tape, {v.ndim - s.axis for v, s in branches}
    widths = {tape.units[s.node] for _, s in branches}
    axis = len(shape) - min(from_right)
    if len(branches) == 1 and shape[axis] in widths:
        return Signal(branches[0][1].node, axis)
    nodes = [s.node for _, s in branches]
    if len(from_right) == 1 and widths == {shape[axis]}:
        node = tape.junction(shape[axis], *map(Part, nodes), is_sum=True, is_product=is_product)
        return Signal(node, axis)
    return Signal(tape.mix(shape[axis], *nodes), axis)


def _named(handler: Handler, names: str) -> dict[str, Handler]:
    return dict.fromkeys(names.split(), handler)


_IN_PLACE = frozenset({"add_", "sub_", "mul_", "div_", "__iadd__", "__isub__", "__imul__", "__itruediv__"})
_PRODUCTS = frozenset(
    {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"}
    | {"div", "div_", "__truediv__", "__itruediv__", "true_divide"}
)

HANDLERS: dict[str, Handler] = {
    **_named(convolution, "conv1d conv2d conv3d"),
    **_named(transposed_convolution, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_named(linear, "linear"),
    **_named(recurrent, "gru lstm rnn_tanh rnn_relu"),
    **_named(recurrent_cell, "gru_cell lstm_cell rnn_tanh_cell rnn_relu_cell"),
    **_named(attention, "multi_head_attention_forward"),
    **_named(_adaptive_pool, "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d"),
    **_named(_query, "__get__ size dim numel is_floating_point stride is_contiguous __len__"),
    **_named(
        _pass,
        "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize dropout dropout1d "
        "dropout2d dropout3d alpha_dropout feature_alpha_dropout relu relu_ relu6 leaky_relu prelu rrelu elu "
        "celu selu gelu silu mish hardswish hardtanh hardsigmoid sigmoid logsigmoid tanh softplus softsign "
        "tanhshrink softshrink hardshrink threshold softmax log_softmax exp abs neg square sqrt clamp clip "
        "clone contiguous detach to float double half bfloat16 type_as identity",
    ),
    **_named(
        _merge,
        "add add_ __add__ __radd__ __iadd__ sub sub_ __sub__ __rsub__ __isub__ mul mul_ __mul__ __rmul__ "
        "__imul__ multiply div div_ __truediv__ __itruediv__ true_divide maximum minimum",
    ),
    **_named(concatenate, "cat concat concatenate"),
    **_named(reshape, "view reshape flatten unflatten"),
    **_named(
        rewire,
        "transpose permute movedim moveaxis swapaxes swapdims t squeeze unsqueeze chunk split tensor_split unbind "
        "narrow select expand __getitem__",
    ),
    **_named(pad, "pad"),
}
