"""Fitted arrays as the content of an npz file, without pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


def pack(**arrays: npt.ArrayLike) -> bytes:
    """Return the arrays as the bytes of an npz file: bytes as uint8, everything else as float64."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name: _stored(array) for name, array in arrays.items()})  # type: ignore[arg-type]
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
    return np.asarray(array, dtype=np.float64)
