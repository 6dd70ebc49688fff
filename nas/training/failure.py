"""Why a training came to nothing, as an exception on its way to becoming a `Failure`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nas.outcomes import Failure, FailureKind


class TrainingFailed(Exception):  # noqa: N818 - it names an outcome, not a mistake of the caller
    """A training that stopped for a reason the search records and goes on from."""

    def __init__(self, error: FailureKind, message: str) -> None:
        super().__init__(error, message)
        self.error: FailureKind = error
        self.message = message

    def __str__(self) -> str:
        return f"{self.error}: {self.message}"

    def failure(self, seconds: float) -> Failure:
        """Return it as the value a record keeps; `seconds` is the time that was spent."""
        return Failure(self.error, self.message, seconds)


@contextmanager
def memory_errors_named() -> Iterator[None]:
    """Turn any allocator's refusal inside the block, on the host or a device, into `TrainingFailed`.

    The traceback of the original exception is dropped: it would hold on to the very tensors that did not fit.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_memory_error(error):
            raise
        error.__traceback__ = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        reason = str(error).partition("\n")[0].rstrip(".") or "an allocation refused"
        message = f"training must fit into memory; got: {reason}. Use a smaller batch or network."
        raise TrainingFailed("out_of_memory", message) from None


def _is_memory_error(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "DefaultCPUAllocator" in str(error)  # the CPU allocator has no exception type of its own
