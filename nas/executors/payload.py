"""Objects taken apart into a small pickle and large buffers, which many processes can then share."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def pack(value: Any) -> tuple[bytes, list[memoryview]]:
    """Return `value` as a pickle of its structure and the bytes of its tensors and arrays (not copied).

    Tensors come from the CPU (one on another device is copied there) and lose their gradients.
    """
    import torch

    class Pickler(pickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if type(obj) is not torch.Tensor:
                return NotImplemented
            flat = obj.detach().cpu().contiguous().reshape(-1)
            return _tensor, (flat.view(torch.uint8).numpy(), obj.dtype, tuple(obj.shape))

    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    Pickler(head, protocol=5, buffer_callback=buffers.append).dump(value)
    return head.getvalue(), [buffer.raw() for buffer in buffers]


def unpack(head: bytes, buffers: Sequence[Any]) -> Any:
    """Return the value that `pack` took apart; its tensors and arrays lie in `buffers`, not in copies."""
    return pickle.loads(head, buffers=buffers)


def _tensor(flat: NDArray[np.uint8], dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    import torch  # here, so that a worker without tensors starts without torch

    with warnings.catch_warnings():  # shared memory may be read-only, and a runner must not write to it
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(flat).view(dtype).reshape(shape)
