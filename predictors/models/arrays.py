"""Fitted arrays as the content of an npz file, without pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


def pack(**arrays: npt.ArrayLike) -> bytes:
    """Return the arrays as the bytes of a compressed npz file: bytes as uint8, integers as int32, others as float64.

    Integers must fit 32 bits.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: _stored(array) for name, array in arrays.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an npz file's bytes by name.

    Raises:
        ValueError, zipfile.BadZipFile: the bytes are not an npz file, or hold Python objects.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _stored(array: npt.ArrayLike) -> npt.NDArray[Any]:
    if isinstance(array, bytes):
        return np.frombuffer(array, dtype=np.uint8)
    found = np.asarray(array)
    return found.astype(np.int32 if np.issubdtype(found.dtype, np.integer) else np.float64)
