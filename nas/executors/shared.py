"""Memory that the processes of one machine share: a file without a name, mapped by each of them."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Sequence
from typing import TypeAlias

from nas.errors import NasError

ALIGNMENT = 64
Span: TypeAlias = tuple[int, int]


class SharedFile:
    """Buffers laid one after the other in an unlinked temporary file.

    It lies in the temporary directory, not in /dev/shm (64 MB in many containers), and is read through the
    page cache, which all its readers share. It vanishes with its last reader, even when all were killed.

    Raises:
        NasError: the buffers do not fit in the temporary directory.
    """

    def __init__(self, buffers: Sequence[memoryview]) -> None:
        spans: list[Span] = []
        try:
            self._file = tempfile.TemporaryFile(prefix="sparsenas-")  # noqa: SIM115
            for buffer in buffers:
                start = -self._file.tell() % ALIGNMENT + self._file.tell()
                self._file.seek(start)
                self._file.write(buffer)
                spans.append((start, buffer.nbytes))
            self._file.write(b"\0")  # an empty file cannot be mapped
            self._file.flush()
        except OSError as error:
            size = sum(buffer.nbytes for buffer in buffers)
            raise NasError(
                f"the data set ({size / 1e6:.0f} MB) must fit in the temporary directory; got "
                f"'{error.strerror}' ({tempfile.gettempdir()}). Set TMPDIR to a larger one."
            ) from None
        self.spans = tuple(spans)

    @property
    def descriptor(self) -> int:
        """The file descriptor, for a child process to inherit."""
        return self._file.fileno()

    def close(self) -> None:
        """Close this process's end."""
        self._file.close()


def mapped(descriptor: int, spans: Sequence[Span]) -> list[memoryview]:
    """Return the buffers of a `SharedFile` inherited as `descriptor`: shared, a page is copied on a write."""
    view = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
    return [view[start : start + length] for start, length in spans]
