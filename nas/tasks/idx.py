"""The idx format of MNIST: a big-endian header (magic, sizes) and unsigned bytes, compressed by gzip."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import NasError

_UNSIGNED_BYTE = 8


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Return the uint8 array of `axes` axes in a gzip-compressed idx file.

    Raises:
        NasError: the file is missing, is not whole gzip, is not idx of unsigned bytes with that many axes, or
            holds another number of bytes than its header says.
    """
    content = _decompress(path)
    header = 4 * (1 + axes)
    magic = struct.unpack(">I", content[:4])[0] if len(content) >= 4 else None
    if magic != (_UNSIGNED_BYTE << 8) + axes:
        raise NasError(
            f"an idx file of {axes} axes must begin with magic {(_UNSIGNED_BYTE << 8) + axes}; "
            f"got {magic} ({path}). Download it again."
        )
    if len(content) < header:
        raise NasError(f"an idx header must have {header} bytes; got {len(content)} ({path}). Download it again.")
    shape = struct.unpack(f">{axes}I", content[4:header])
    expected = header + math.prod(shape)
    if len(content) != expected:
        raise NasError(
            f"an idx file of shape {shape} must have {expected} bytes uncompressed; got {len(content)} "
            f"({path}). Download it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _decompress(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise NasError(f"data file must exist; got none ({path}). Put it there.") from None
    except (OSError, EOFError, zlib.error) as error:
        size = path.stat().st_size if path.is_file() else 0
        raise NasError(
            f"data file must be a whole gzip file; got {error or 'a broken one'} after {size} bytes ({path}). "
            f"Download it again."
        ) from None
