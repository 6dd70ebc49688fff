"""How long a network takes for one sample as it would be deployed: an objective that is measured, not counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pruning import MaskSet, PruningError, check_masks, prunable
from pruning.compaction import compact
from pruning.twin import private_copy

WARM_UP = 10
"""Passes before the clock runs."""
REPEATS = 51
"""Passes of which the median is taken."""


def latency_seconds(module: nn.Module, masks: MaskSet, input_shape: Sequence[int], *, repeats: int = REPEATS) -> float:
    """Return the median wall time of one forward pass of one sample through the network as it would be deployed.

    That is the compacted network (`pruning.compaction.compact`), or the masked one where compaction refuses: in eval
    mode, float32, without gradients, on the module's device (a GPU is waited for before and after each pass), one
    thread, after `WARM_UP` passes. Weights do not matter to it, only masks do. The module, the thread count and the
    global random state stay as they were.

    Args:
        module: any network whose forward takes one tensor.
        masks: of its prunable weights.
        input_shape: of one sample, without the batch axis.
        repeats: passes that are timed.

    Raises:
        PruningError: the masks do not fit the module.
    """
    check_masks(module, masks)
    deployed = _deployed(module, masks, tuple(input_shape))
    device = next(deployed.parameters()).device
    sample = torch.randn(1, *input_shape, generator=torch.Generator().manual_seed(0)).to(device)
    with one_thread(), torch.inference_mode():
        for _ in range(WARM_UP):
            deployed(sample)
        return statistics.median(_timed(deployed, sample, _waiting(device)) for _ in range(repeats))


def _deployed(module: nn.Module, masks: MaskSet, input_shape: tuple[int, ...]) -> nn.Module:
    try:
        return compact(module, masks, input_shape).module.eval()
    except PruningError:  # it cannot be traced, or its forward does what the trace does not see
        masked = private_copy(module).eval()
        with torch.no_grad():
            for name, weight in prunable(masked).items():
                weight.masked_fill_(~masks[name].to(weight.device), 0.0)
        return masked


def _timed(network: nn.Module, sample: Tensor, wait: Callable[[], None]) -> float:
    wait()
    start = time.perf_counter()
    network(sample)
    wait()
    return time.perf_counter() - start


def _waiting(device: torch.device) -> Callable[[], None]:
    """Return what waits until the device has done all it was told."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    if device.type == "mps":
        return torch.mps.synchronize
    return lambda: None


@contextmanager
def one_thread() -> Iterator[None]:
    """Give the block one thread of torch's, and put the number back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
