"""Approximate isometry as it was published: a norm that is not squared, and steps of fixed length."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from pruning.isometry.apply import Descent, improve_
from pruning.isometry.penalty import Masked


def published_isometry_(
    module: nn.Module,
    masks: Mapping[str, Tensor],
    *,
    gain: float = 1.0,
    steps: int = 10_000,
    learning_rate: float = 0.1,
) -> dict[str, Descent]:
    """Descend the sum over layers of ||(C * W)'(C * W) - gain^2 I||_F by plain gradient steps of fixed length.

    For comparison with `approximate_isometry_`, which is faster and cannot increase its penalty. Here the gradient
    of the norm does not vanish towards its minimum, so steps of fixed length end in an oscillation around it. The
    identity always stands on the side of the outputs: a layer with more outputs than inputs, or with an empty
    output, has a norm that cannot reach zero, which shortens its steps.

    Args:
        module: the network; its prunable weights are changed in place.
        masks: one for each prunable weight; masked weights become exactly zero.
        gain: the wanted singular value of every layer.
        steps: number of steps.
        learning_rate: their length times the gradient.

    Returns:
        Parameter name -> squared penalty before, after and at each step, as `approximate_isometry_` defines it, so
        that the two compare.

    Raises:
        PruningError: the masks do not fit, the gain is not positive and finite, or a kept weight is not finite.

    Source: Lee, Ajanthan, Gould and Torr, ICLR 2020, arXiv 1906.06307, section 4; step length and number as in the
    authors' released settings.
    Differs from the release: groups of a convolution and gates are matrices of their own; biases are not moved or
    masked; a gain other than 1 is allowed.
    """
    return improve_(module, masks, gain, partial(_descend, steps=steps, rate=learning_rate), monotone=False)


def _descend(layer: Masked, steps: int, rate: float) -> tuple[Tensor, tuple[float, ...]]:
    values, mask = layer.unswapped(layer.values).clone(), layer.unswapped(layer.mask)
    excess = _excess(values, layer.target)
    constant = layer.target**2 * (values.shape[0] * values.shape[1] - layer.rank())
    squares = excess.square().sum((1, 2))
    trace = [float(squares.sum()) - constant]
    for _ in range(steps):
        norm = squares.sqrt()[:, None, None]
        gradient = 2.0 * (excess @ values) / norm.where(norm > 0, 1.0)  # of the norm: 4 P A / (2 ||P||)
        values -= (rate * gradient).masked_fill_(~mask, 0.0)
        excess = _excess(values, layer.target)
        squares = excess.square().sum((1, 2))
        trace.append(float(squares.sum()) - constant)
    return layer.unswapped(values), tuple(max(penalty, 0.0) for penalty in trace)


def _excess(values: Tensor, target: float) -> Tensor:
    gram = values @ values.transpose(1, 2)
    gram.diagonal(dim1=1, dim2=2).sub_(target)
    return gram
