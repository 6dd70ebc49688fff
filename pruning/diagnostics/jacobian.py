"""How a network stretches small changes of its input: singular values of the input-output Jacobian."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pruning.diagnostics.spectrum import Spectrum, singular_values
from pruning.errors import PruningError
from pruning.masks import check_masks
from pruning.parameters import prunable
from pruning.twin import private_copy


@dataclass(frozen=True, slots=True)
class JacobianSpectrum:
    """Singular values of d output / d input, each sample by itself.

    Attributes:
        summary: over all samples and singular values; its condition is the samples' median.
        singular_values: [sample][i], in descending order; min(output size, input size) of them.
    """

    summary: Spectrum
    singular_values: tuple[tuple[float, ...], ...]


def jacobian_spectrum(
    module: nn.Module,
    inputs: Tensor,
    masks: Mapping[str, Tensor] | None = None,
    *,
    precision: torch.dtype = torch.float64,
    batch: int = 64,
) -> JacobianSpectrum:
    """Return the singular values of the Jacobian of all outputs in all inputs, exact, for each sample.

    One backward pass for each output and batch, so meant for networks with few outputs. The module stays as it
    was; a private copy is masked, set to eval mode (normalisation by running statistics: a batch's own statistics
    would tie the samples together; dropout off) and converted to `precision`.

    Args:
        module: a network that maps samples to outputs one by one; of several outputs the first is taken.
        inputs: shape (n >= 1, *input_shape), floating point; moved to the network's device.
        masks: one for each prunable weight; None for the weights as they are.
        precision: of the pass and of the singular values. float32 loses singular values below 1e-7 of the largest.
        batch: samples at a time; bounds the memory, changes nothing else.

    Returns:
        The spectrum.

    Raises:
        PruningError: the masks do not fit, the network cannot be evaluated and differentiated on the inputs, or a
            derivative is not finite.

    Cost: LeNet-300-100, 100 samples: 10 backward passes and 100 decompositions of 10 x 784, 50 ms.
    Source: Saxe, McClelland and Ganguli, ICLR 2014, arXiv 1312.6120; measured as in Lee et al., ICLR 2020,
    arXiv 1906.06307, section 3.
    """
    if inputs.dim() < 2 or len(inputs) == 0 or not inputs.is_floating_point():
        raise PruningError(
            f"inputs must be a floating-point batch of shape (n >= 1, *input_shape); got {tuple(inputs.shape)} "
            f"{inputs.dtype} (jacobian_spectrum). Normalise and stack the samples."
        )
    with torch.inference_mode(mode=False):
        network = _prepared(module, masks, precision)
        device = next(network.parameters(), inputs).device
        with _alone(device):
            chunks = [
                singular_values(_jacobian(network, chunk.detach().to(device, precision, copy=True)))
                for chunk in torch.split(inputs, batch)
            ]
    values = torch.cat(chunks).cpu()
    longest = max(inputs[0].numel(), values.shape[1])
    return JacobianSpectrum(Spectrum.of(values, longest), tuple(tuple(row) for row in values.tolist()))


def _prepared(module: nn.Module, masks: Mapping[str, Tensor] | None, precision: torch.dtype) -> nn.Module:
    network = private_copy(module).eval().to(precision).requires_grad_(False)
    if masks is not None:
        check_masks(module, masks)
        for name, weight in prunable(network).items():
            weight.masked_fill_(~masks[name].to(weight.device), 0.0)
    return network


def _jacobian(network: nn.Module, inputs: Tensor) -> Tensor:
    """Return d output / d input of each sample, (samples, outputs, inputs)."""
    inputs.requires_grad_(True)
    try:
        output = network(inputs)
        flat = (output if isinstance(output, Tensor) else output[0]).reshape(len(inputs), -1)
        totals = flat.sum(0)  # samples do not mix, so the gradient of a sum holds each sample's own gradient
        last = len(totals) - 1
        rows = [
            torch.autograd.grad(total, inputs, retain_graph=index < last, materialize_grads=True)[0].flatten(1)
            for index, total in enumerate(totals)
        ]
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise PruningError(
            f"the network must run on inputs of shape {tuple(inputs.shape)} and be differentiable in them; "
            f"got '{reason[0]}' ({type(network).__name__}). Check the shape of the samples."
        ) from error
    jacobian = torch.stack(rows, dim=1)
    if not bool(jacobian.isfinite().all()):
        raise PruningError(
            f"derivatives must be finite; got NaN or infinity ({type(network).__name__}). "
            f"Look for exploding weights or values in the inputs."
        )
    return jacobian


@contextmanager
def _alone(device: torch.device) -> Iterator[None]:
    """Run with gradients and without autocast; global generators are put back; cuDNN off (its RNNs need train)."""
    cuda = [device] if device.type == "cuda" else []
    with (
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        torch.random.fork_rng(devices=cuda),
        torch.backends.cudnn.flags(enabled=False),
    ):
        yield
