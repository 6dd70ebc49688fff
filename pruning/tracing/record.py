"""One forward pass without arithmetic: shapes on the meta device, and a tape of what is joined to what.

Every torch function the network calls is intercepted. Convolutions, linear maps, normalisations, activations
and sums are only written down, never computed, so a trace costs about 10 microseconds an operation, draws no
random number and touches neither parameters nor buffers. Everything else runs on meta tensors.

What the tape keeps of an operation:

- convolution, linear: the weight, between units (channels or features);
- normalisation, activation, dropout, pooling, padding and slicing of positions: nothing, units pass through;
- sum and product of tensors: the sum of the branches (a gate counts as a branch);
- concatenation, channel slices, reshapes, permutations: the exact wiring of units;
- recurrent layers and cells: input and recurrent weights, the gates of a unit merged (`recurrent.py`);
- attention: its projections, the queries and keys of a head joined to all outputs of that head (`attention.py`);
- products of activations and unknown operations: every output unit depends on every input unit (an upper bound);
  a weight among their inputs is recorded, its wiring is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from pruning.errors import PruningError
from pruning.tracing.fallback import pass_or_mix
from pruning.tracing.operations import HANDLERS
from pruning.tracing.recorder import BATCH, Arguments, Keywords, Recorder, Signal, tensors
from pruning.tracing.tape import Tape


def record(module: nn.Module, input_shape: Sequence[int]) -> Tape:
    """Return the tape of one forward pass of `module` in eval mode.

    Args:
        module: any network; left untouched bit for bit.
        input_shape: shape of one sample, without the batch axis; channels first.

    Raises:
        PruningError: the network does not accept the shape, or its forward depends on values.
    """
    tape = Tape()
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    recorder = Recorder(tape, names)
    sample = recorder.emit((BATCH, *input_shape), Signal(tape.node(int(input_shape[0])), 1))
    try:
        with _evaluating(module), _without_hooks(module), torch.no_grad(), _Interception(recorder):
            result = module(sample)
    except PruningError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise PruningError(
            f"network must run on an input of shape {tuple(input_shape)} whatever its values; "
            f"got {type(error).__name__}: {reason} ({type(module).__name__}). Give the shape of one sample."
        ) from error
    tape.outputs.extend(recorder.nodes(tensors(result)))
    return tape


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Hold every submodule in eval mode and give each its own mode back afterwards."""
    training = [part for part in module.modules() if part.training]
    try:
        for part in training:
            part.__dict__["training"] = False  # past nn.Module.__setattr__, which costs more than the forward
        yield
    finally:
        for part in training:
            part.__dict__["training"] = True


@contextmanager
def _without_hooks(module: nn.Module) -> Iterator[None]:
    """Hold back hooks on results (loggers, probes): there are none. Those before a forward may make its weights."""
    hooked = [(part, part._forward_hooks) for part in module.modules() if part._forward_hooks]
    try:
        for part, hooks in hooked:
            part.__dict__["_forward_hooks"] = type(hooks)()
        yield
    finally:
        for part, hooks in hooked:
            part.__dict__["_forward_hooks"] = hooks


class _Interception(TorchFunctionMode):
    """Hands each torch function of a forward pass to its handler instead of computing it."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Arguments = (), kwargs: Keywords | None = None) -> Any:
        handler = HANDLERS.get(getattr(func, "__name__", ""), pass_or_mix)
        return handler(self._recorder, func, args, kwargs or {})
